"""How fast and how exact a dilated convolution is in one of seqlift's forms.

Several such layers stand one after another, a ReLU between two, as in a network: the memory layout
that a form prefers is then paid for at both ends only.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from ceilings import best, normal
from keras import ops
from numpy.typing import NDArray

from seqlift.device import forms
from seqlift.device.backend import compiled
from seqlift.network.primitives.convolution import Convolution

LAYERS, TAPS, SEED = 4, 3, 1


@contextmanager
def forced(form: str) -> Iterator[None]:
    """Force a form, FORM or FORM+first or FORM+last with a layout; nothing where it is empty.

    By the environment: batches may be traced in threads.
    """
    name, _, layout = form.partition("+")
    asked = {forms.VARIABLE: name, forms.LAYOUT: layout}
    before = {variable: os.environ.get(variable) for variable in asked}
    os.environ.update({variable: value for variable, value in asked.items() if value})
    try:
        yield
    finally:
        for variable, value in before.items():
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = value


def measured(
    form: str, precision: Any, shape: tuple[int, int, int], dilation: int, repeats: int
) -> dict[str, Any]:
    """Return seconds and operations of `shape` (batch, positions, channels), and the error.

    The error is the root mean square of that of the first layer, relative to float64.
    """
    batch, positions, channels = shape
    dtype = "float64" if precision == "float64" else "float32"
    kernel = np.random.default_rng(SEED).normal(size=(TAPS, channels, channels))
    kernel /= np.sqrt(TAPS * channels / 2)
    reach = (TAPS - 1) * dilation
    pads = ((reach // 2, reach - reach // 2),)
    layer = Convolution(kernel, None, (1,), (dilation,), pads, halved=True)

    def layers(array: Any) -> tuple[Any, Any]:
        first = array = layer.forward(array)
        for _ in range(LAYERS - 1):
            array = layer.forward(ops.relu(array))
        return first[:1], array

    rounded = precision if precision in ("tf32", "bfloat16") else None
    array = normal(batch, positions, channels, dtype=dtype, seed=SEED)
    with forced(form):
        fast = compiled(layers, products=rounded)
        compilation, seconds = best(fast, array, repeats=repeats)
        found = np.asarray(fast(array)[0])
    return {
        "dilation": dilation,
        "seconds": seconds,
        "operations": LAYERS * 2 * batch * positions * TAPS * channels**2,
        "compilation": compilation - seconds,
        "error": error(found, np.asarray(array[:1]), kernel, dilation),
    }


def error(
    found: NDArray[Any], array: NDArray[Any], kernel: NDArray[np.float64], dilation: int
) -> float:
    """Return the relative error of a layer, computed tap by tap in float64."""
    size = array.shape[1]
    around = np.pad(array.astype(np.float64), ((0, 0), (dilation, dilation), (0, 0)))
    taps = [around[:, tap * dilation : tap * dilation + size] @ kernel[tap] for tap in range(TAPS)]
    true = np.sum(taps, axis=0)
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))
