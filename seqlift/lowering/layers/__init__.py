"""A file per family of Keras layers, each ending in a table from layer class to its lowering."""
