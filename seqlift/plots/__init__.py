"""Pictures and pages of scores: arrays of contributions and score files, drawn.

Knows score files, BED and Matplotlib; knows nothing of models or of how scores are computed. The
only folder that imports Matplotlib. Coordinates are 0-based and half-open, as in BED: base i of a
chromosome is drawn from i to i + 1.
"""
