"""Write the code that wraps a model of another input as one of one-hot bases.

Knows shapes, and how Keras code is written; builds nothing.
"""

import json
import shlex
from pathlib import Path

from seqlift.intervals import CHANNELS


def command(path: Path, arch: Path | None, extents: tuple[int | None, ...]) -> str | None:
    """Write the shell command that saves a model of one-hot bases around the one in a file.

    `extents` is the shape of the file's only input, without the batch axis. None where what its
    values mean cannot be known by that shape.
    """
    found = _input_of(extents)
    if found is None:
        return None
    length, steps = found
    arguments = [json.dumps(str(path)), *([f"arch={json.dumps(str(arch))}"] if arch else [])]
    code = [
        "import keras",
        "from seqlift.models.load import load",
        f"model = load({', '.join(arguments)}).model",
        f"bases = keras.Input(({length}, {CHANNELS}))",
        *steps,
        f"keras.Model(bases, model(x)).save({json.dumps(f'{path.stem}.bases.keras')})",
    ]
    return f"python -c {shlex.quote('; '.join(code))}"  # a path may hold quotes and spaces


def meaning(extents: tuple[int | None, ...]) -> str:
    """Word the meaning that the command takes the input's values to have."""
    if len(extents) == 1:
        return "if the values are A C G T of the first base, then of the second"
    if _channels_of(extents) == CHANNELS + 1:
        return "if the channels are A C G T and unknown"
    return "if the four channels are A C G T"


def _input_of(extents: tuple[int | None, ...]) -> tuple[int | None, list[str]] | None:
    """Find the number of bases, None if open, and the steps from `bases` to `x`."""
    if len(extents) == 1 and extents[0] is not None and extents[0] % CHANNELS == 0:
        return extents[0] // CHANNELS, ["x = keras.layers.Flatten()(bases)"]
    channels, wide = _channels_of(extents), [extent for extent in extents if extent != 1]
    if channels is None or len(wide) != 2:
        return None
    first = wide[1] != channels  # the axis of the channels is before that of the bases
    length = wide[1] if first else wide[0]
    steps = ["x = bases"]
    if channels > CHANNELS:
        unknown = "1 - keras.ops.sum(bases, axis=-1, keepdims=True)"
        steps = [f"x = keras.ops.concatenate([bases, {unknown}], axis=-1)"]
    if first:
        steps.append("x = keras.layers.Permute((2, 1))(x)")
    if len(extents) > len(wide):
        known = tuple(-1 if extent is None else extent for extent in extents)
        steps.append(f"x = keras.layers.Reshape({known})(x)")
    return length, steps


def _channels_of(extents: tuple[int | None, ...]) -> int | None:
    return next((n for n in (CHANNELS, CHANNELS + 1) if n in extents), None)
