"""The kind of device that arrays are computed on.

Only the modules of this folder name a backend.
"""

from typing import Any, Literal

import keras

Processor = Literal["cpu", "gpu"]


def kind() -> Processor:
    """Tell the kind of the device that was chosen (`seqlift.device.backend.use_device`)."""
    if keras.backend.backend() == "jax":
        return "cpu" if jax_device().platform == "cpu" else "gpu"
    import tensorflow as tf

    return "gpu" if tf.config.get_visible_devices("GPU") else "cpu"


def on_cpu() -> bool:
    """Tell whether the device that was chosen is a CPU."""
    return kind() == "cpu"


def jax_device() -> Any:
    import jax

    return jax.config.jax_default_device or jax.devices()[0]
