"""Guard against the user's environment while Keras is imported.

Keras reads KERAS_BACKEND and a settings file of the user's, `keras.json`, which may name a backend
that is not installed, or numbers and axes other than Keras's own. Scores depend on none of these:
the backend is TensorFlow unless KERAS_BACKEND names JAX, or only JAX sees a GPU, and the command
reads no `keras.json`.
Imports no Keras.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seqlift.errors import DeviceError
from seqlift.system.gpus import default_backend

BACKENDS = {"tensorflow": "tensorflow", "jax": "jax"}
"""Backends that seqlift runs on, with the packages to install."""

NO_HOME = os.path.join(os.devnull, "keras")  # noqa: PTH118  # below a file: never read, never made
KERAS_VARIABLES = (
    "KERAS_HOME",
    "KERAS_MAX_EPOCHS",
    "KERAS_MAX_STEPS_PER_EPOCH",
    "KERAS_NNX_ENABLED",
)
"""Variables that Keras reads while it is imported, besides KERAS_BACKEND."""

UNUSED = ("jax", "matplotlib", "pandas", "sklearn")
"""Imported by TensorFlow and Keras where they are installed, a third of the time that those take.

They are for training on tables, pictures of images and other backends: no score depends on them.
"""


def choose_backend() -> None:
    """Set the backend that Keras will be imported with.

    It is the one that KERAS_BACKEND names, else TensorFlow, or JAX where only JAX sees a GPU.
    Without effect where Keras is imported already. Raises DeviceError where KERAS_BACKEND names a
    backend that seqlift does not run on, or one that is not installed.
    """
    if "keras" in sys.modules:  # too late: Keras reads the variable once, on its import
        return
    backend = os.environ.get("KERAS_BACKEND", "").strip().lower() or default_backend()
    if backend not in BACKENDS:
        raise DeviceError(
            f"KERAS_BACKEND={backend}: not a backend of seqlift; use tensorflow or jax"
        )
    if importlib.util.find_spec(backend) is None:
        raise DeviceError(
            f"KERAS_BACKEND={backend}: it is not installed; install {BACKENDS[backend]}"
        )
    os.environ["KERAS_BACKEND"] = backend


@contextmanager
def without_unused() -> Iterator[None]:
    """Make the import of `UNUSED` fail inside, except of those imported before and the backend."""
    needed = {*sys.modules, os.environ.get("KERAS_BACKEND")}
    kept_out = [name for name in UNUSED if name not in needed]
    sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]  # None: not to be found
    try:
        yield
    finally:
        for name in kept_out:
            del sys.modules[name]


@contextmanager
def without_settings() -> Iterator[None]:
    """Keep the user's own settings, and what it never uses, from Keras where it is imported inside.

    Raises DeviceError where a library that Keras needs cannot be imported.
    """
    choose_backend()
    before = {name: os.environ.pop(name) for name in KERAS_VARIABLES if name in os.environ}
    os.environ["KERAS_HOME"] = NO_HOME  # Keras makes the folder and a keras.json where it can
    try:
        with without_unused():
            yield
    except ImportError as problem:
        # a fault of ours, to be seen as one
        if (problem.name or "").partition(".")[0] == "seqlift":
            raise
        reason = " ".join(str(problem).split())
        raise DeviceError(
            f"{problem.name or 'a library'}: cannot be imported ({reason}); install seqlift again, "
            "in an environment of its own"
        ) from problem
    finally:
        del os.environ["KERAS_HOME"]
        os.environ.update(before)
