"""Sequences of many lengths by few engines: padded to one of some lengths, where that is exact.

Which length depends on that of the sequence alone, so that no score depends on the others of a run.
Knows arrays and graphs; knows nothing of how a graph is made exact (`seqlift.network.padding`).
"""

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.gradient_size import GradientSize
from seqlift.attribution.method import Backward, Method
from seqlift.attribution.result import Result
from seqlift.errors import ModelError
from seqlift.intervals import UNKNOWN
from seqlift.lowering.check import FORWARD_TOLERANCE, relative_difference
from seqlift.network.graph import Graph
from seqlift.network.padding import LENGTH

LENGTHS_PER_OCTAVE = 4
"""18 lengths from 60 to 1,060 bases, for a tenth more bases on average."""


def padded_length(length: int) -> int:
    """Choose the length that sequences are padded to: the next of four in each octave."""
    step = max(1 << max(length - 1, 1).bit_length() - 1, LENGTHS_PER_OCTAVE) // LENGTHS_PER_OCTAVE
    return -(-length // step) * step


def can_pad(method: Method) -> bool:
    """Tell whether a method gives padded sequences the scores of the sequences themselves.

    It does where each base's scores are made of its own multipliers alone.
    """
    kinds: tuple[type, ...] = (Backward, GradientSize)
    return type(method) in kinds


def check_padding(padded: Graph, plain: Graph) -> None:
    """Raise ModelError unless a graph computes sequences of a plain graph's length as that does.

    Both predict four random sequences.
    """
    length, channels = plain.nodes[0].shape
    codes = np.random.default_rng(0).integers(0, channels, (4, length))
    one_hot = np.eye(channels, dtype=np.float32)[codes]
    spare = ((0, 0), (0, padded.nodes[0].shape[0] - length), (0, 0))
    lengths = {LENGTH: np.full(4, length, np.float32)}
    ours = padded.forward(np.pad(one_hot, spare), padded.outputs, lengths)
    expected = plain.forward(one_hot, plain.outputs)
    for ends in zip(padded.outputs, plain.outputs, strict=True):
        found, wanted = np.asarray(ours[ends[0]]), np.asarray(expected[ends[1]])
        if found.shape == wanted.shape and relative_difference(found, wanted) > FORWARD_TOLERANCE:
            raise ModelError(
                f"padding changes what the model computes of {length} bases; score regions of one"
                " length to have one engine"
            )


def with_padding_of(array: NDArray[np.generic], axis: int, size: int) -> NDArray[np.generic]:
    """Pad codes or one-hot arrays at the end of the axis of bases with unknown bases."""
    spare = [(0, 0)] * array.ndim
    spare[axis] = (0, size - array.shape[axis])
    unknown = UNKNOWN if array.ndim == axis + 1 else 0
    return np.pad(array, spare, constant_values=unknown)


def cropped(result: Result, length: int) -> Result:
    """Cut the scores of the padding off."""
    tracks = {
        item.name: values[:, :length]
        for item in fields(result)
        if (values := getattr(result, item.name)) is not None
        and values.shape == result.hypothetical.shape
    }
    return replace(result, **tracks)
