"""Model files: any Keras file, safely, becomes a `keras.Model`.

Knows Keras and its file formats; knows nothing of attribution, regions or tracks.
"""
