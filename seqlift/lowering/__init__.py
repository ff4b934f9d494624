"""Lower Keras layers to primitives: a function per layer, a table of them, the walk over a model.

To support a layer, write the function that lowers it and put it in its file's table. Completeness
then holds for it without a rule of its own, and the forward check on every load proves it.
"""
