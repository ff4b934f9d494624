"""Computation of arrays: compilation, precision, devices, and forms of a convolution.

Knows the backends of Keras; knows nothing of models or of attribution.
"""
