"""The configuration of the workflow: many models on many regions, checked before any job.

Knows the text of a configuration, its schema and the files it names; knows nothing of scores.
"""
