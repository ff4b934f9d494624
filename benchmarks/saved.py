"""A network of `models.py` as a model file, written by the Keras of this environment."""

import sys
from pathlib import Path

from cases import BOTH, Case, prepare
from command import HERE, call


def write_model(place: Path, model: str) -> Path:
    """Return the model file of the network of that name, written into the folder `place`.

    A process of its own writes it: the peak memory of a child is never below that of its parent at
    the start, and TensorFlow in the parent would be most of it. Raises RuntimeError where it fails.
    """
    prepare(Case(place.name, model, BOTH, "gc", 1, 1, ()), place)
    file = place / "model.keras"
    call([sys.executable, HERE / "workers" / "save_bpnet.py", place, file], place / "save.log")
    return file
