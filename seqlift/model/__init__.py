"""Model files: any Keras file becomes a `keras.Model`, and a target names one of its scalars.

Knows Keras and its file formats; knows nothing of regions, rules or tracks.
"""
