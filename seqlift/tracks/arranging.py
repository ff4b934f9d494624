"""The large arrays of a batch as score files store them, made in one pass over it.

What is moved are words of two or four bytes, of whatever type. Knows arrays; knows no files.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import CHANNELS, UNKNOWN
from seqlift.system.compiled import kernel

Words = NDArray[np.unsignedinteger[Any]]


def arrange(
    codes: NDArray[np.uint8],
    hypothetical: NDArray[Any],
    scores: NDArray[Any],
    contributions: NDArray[Any],
) -> tuple[float, float]:
    """Arrange codes (n, L) and scores (n, L, 4) of n rows into two arrays of their type, (n, 4, L).

    Contributions are the scores of observed bases, 0 elsewhere; of N (4) all are 0.

    Returns
    -------
    largest, highest
        The largest absolute value of the contributions, and of the scores: infinite or NaN where
        one of them is not finite.
    """
    words = _words(hypothetical)
    sizes = np.zeros(2, words.dtype)
    kind = words.dtype
    outputs = scores.view(kind), contributions.view(kind)
    _arrange(np.ascontiguousarray(codes), words, *outputs, sizes)
    largest, highest = sizes.view(hypothetical.dtype).tolist()
    return largest, highest


def observed(codes: NDArray[np.uint8], hypothetical: NDArray[Any]) -> NDArray[Any]:
    """Pick the score of the observed base from `hypothetical` (n, L, 4): (n, L), 0 where N."""
    words = _words(hypothetical)
    picked = np.empty(codes.shape, words.dtype)
    _pick(np.ascontiguousarray(codes), words, picked)
    return picked.view(hypothetical.dtype)


def _words(values: NDArray[Any]) -> Words:
    return np.ascontiguousarray(values).view(np.dtype(f"u{values.itemsize}"))


@kernel
def _arrange(
    codes: NDArray[np.uint8], words: Words, scores: Words, contributions: Words, sizes: Words
) -> None:
    rows, length = codes.shape
    word_of = words.dtype.type
    nothing, without_sign = word_of(0), word_of((1 << (8 * words.itemsize - 1)) - 1)
    largest = highest = nothing
    for row in range(rows):
        for base in range(CHANNELS):
            for i in range(length):
                word = words[row, i, base]
                own = word if codes[row, i] == base else nothing
                scores[row, base, i] = word
                contributions[row, base, i] = own
                # without their sign, floats have the order of their words
                highest = max(highest, word_of(word & without_sign))
                largest = max(largest, word_of(own & without_sign))
    sizes[0], sizes[1] = largest, highest


@kernel
def _pick(codes: NDArray[np.uint8], words: Words, picked: Words) -> None:
    rows, length = codes.shape
    for row in range(rows):
        for i in range(length):
            code = codes[row, i]
            picked[row, i] = words[row, i, code] if code < UNKNOWN else 0
