"""Seqlets: stretches of bases whose contributions stand out, and the motifs that they match.

Knows arrays of contributions and bases; knows nothing of models or of the files scores lie in.
"""
