"""Use Keras's own default settings while a model file is read and its network is lowered.

In a notebook the user may have others (`floatx`, `epsilon`, `image_data_format`, a dtype policy),
from `keras.json` or set by hand: a model in a file does not record them, and its scores do not
depend on them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import keras

_CHANGING = RLock()  # settings are Keras's, one set for all threads: changed by one at a time


@contextmanager
def default_settings(*, of_a_file: bool = True) -> Iterator[None]:
    """Have Keras use its own defaults inside, and afterwards the user's settings again.

    A model that is not `of_a_file` was built under the user's settings, which decide its
    computation: only the dtype of new arrays is then the default.
    """
    config = keras.config
    with _CHANGING:
        before = config.floatx(), config.epsilon(), config.image_data_format()
        policy = config.dtype_policy()
        _set("float32", *((1e-7, "channels_last") if of_a_file else before[1:]))
        config.set_dtype_policy("float32")
        try:
            yield
        finally:
            _set(*before)
            config.set_dtype_policy(policy)


def _set(floatx: str, epsilon: float, image_data_format: str) -> None:
    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)
