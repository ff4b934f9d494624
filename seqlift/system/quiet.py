"""Keep what TensorFlow says while it is loaded from standard error."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def hush_tensorflow() -> None:
    """Have TensorFlow log nothing but fatal errors; a level in the environment is kept."""
    os.environ.setdefault(LEVEL, "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Load TensorFlow quietly inside, unless the user's environment has a level of logging."""
    if LEVEL in os.environ or "tensorflow" in sys.modules:
        yield
        return
    hush_tensorflow()
    with no_standard_error():
        yield


@contextmanager
def no_standard_error() -> Iterator[None]:
    """Discard what is written to standard error inside, by libraries too."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)  # the descriptor: libraries in C++ write past sys.stderr
    except OSError:  # it is closed
        yield
        return
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        if sys.stderr is not None:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
