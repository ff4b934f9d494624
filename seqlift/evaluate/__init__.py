"""Measures of an explanation: numbers that say how far the scores of a method can be believed.

Knows explainers and arrays of scores; knows nothing of genomes, regions or the command line. The
equations and their sources are in docs/evaluate.md.
"""
