"""Attribution: how the prediction of a network is divided among the bases of its input.

Knows graphs of primitives; knows nothing of Keras layers, files, genomes or bases.
"""
