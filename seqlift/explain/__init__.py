"""Arrays in, scores out: the explainer, its batches, extra inputs and targets.

Knows models and attribution; knows nothing of genomes, regions or tracks.
"""
