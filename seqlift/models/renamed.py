"""Layers of tf.keras that today's Keras has under another name, kept under their own.

Archives hold weights under the counted names of classes, so a layer by another name would shift
those after it.
"""

import keras


class SyncBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # no types
    """Batch normalisation, in training over several devices at once."""
