"""Inputs of a model: regions, bases, one-hot arrays and references.

Knows files and genomics; knows nothing of Keras, models or scores.
"""
