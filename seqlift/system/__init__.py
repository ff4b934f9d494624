"""The operating system: its refusals, free memory, special files, and text safe to show.

Knows errors; knows nothing of models, sequences or scores.
"""
