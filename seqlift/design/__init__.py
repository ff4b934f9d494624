"""Sequences made to a target: driven up, or up for one target and down for another.

Knows explainers and arrays; knows nothing of commands, files of regions or pictures.
"""
