"""The few operations every layer is lowered to: forward, shape and, where linear, transpose.

Knows arrays and `keras.ops`; knows nothing of Keras layers, rules or targets.
"""
