"""The plan of a network, between its file and Keras: layers, their order, and bounds on their size.

Knows names, shapes and numbers of layers; knows nothing of files.
"""
