"""Functions that add primitives to the graph; layers and operations are lowered through them."""
