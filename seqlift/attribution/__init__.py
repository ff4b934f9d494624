"""DeepLIFT itself: a Keras model is lowered to primitives, and multipliers cross each by a rule.

Knows arrays and models; knows nothing of files, genomes or bases.
"""
