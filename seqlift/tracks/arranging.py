"""The large arrays of a batch as score files store them, made in one pass over it.

What is moved are words of two or four bytes, of whatever type. Knows arrays; knows no files.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import CHANNELS, UNKNOWN
from seqlift.system.compiled import kernel

Words = NDArray[np.unsignedinteger[Any]]


def arranged(
    codes: NDArray[np.uint8], hypothetical: NDArray[Any]
) -> tuple[NDArray[np.int8], NDArray[Any], NDArray[Any]]:
    """Arrange codes (n, L) and scores (n, L, 4): one-hot, scores and contributions, (n, 4, L).

    Contributions are the scores of observed bases, 0 elsewhere; of N (4) all are 0.
    """
    rows, length = codes.shape
    words, kind = _words(hypothetical), hypothetical.dtype
    one_hot = np.empty((rows, CHANNELS, length), np.int8)
    scores, contributions = (np.empty(one_hot.shape, words.dtype) for _ in range(2))
    _arrange(np.ascontiguousarray(codes), words, one_hot, scores, contributions)
    return one_hot, scores.view(kind), contributions.view(kind)


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
    codes: NDArray[np.uint8],
    words: Words,
    one_hot: NDArray[np.int8],
    scores: Words,
    contributions: Words,
) -> None:
    rows, length = codes.shape
    for row in range(rows):
        for base in range(CHANNELS):
            for i in range(length):
                word, own = words[row, i, base], codes[row, i] == base
                one_hot[row, base, i] = own
                scores[row, base, i] = word
                contributions[row, base, i] = word if own else 0


@kernel
def _pick(codes: NDArray[np.uint8], words: Words, picked: Words) -> None:
    rows, length = codes.shape
    for row in range(rows):
        for i in range(length):
            code = codes[row, i]
            picked[row, i] = words[row, i, code] if code < UNKNOWN else 0
