"""Files of a run: the score file, the row-aligned regions file and the genome-browser track.

Knows file formats and window geometry; knows nothing of Keras or rules.
"""
