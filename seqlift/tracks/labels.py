"""Columns of text of which few values differ, held as numbers: those of millions of rows are small.

Knows arrays; knows no files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


class Labels:
    """The texts of rows, for example their chromosomes.

    Parameters
    ----------
    names
        The texts that differ.
    numbers
        (N,) int32, the place in `names` of the text of each row.
    """

    def __init__(self, names: Sequence[str], numbers: NDArray[np.int32]) -> None:
        self.names, self.numbers = tuple(names), numbers

    @classmethod
    def of(cls, blocks: Iterable[Iterable[str]]) -> "Labels":
        """Hold the texts of blocks of rows, numbered in the order in which they appear."""
        places: dict[str, int] = {}
        numbers = [
            np.array([places.setdefault(text, len(places)) for text in block], np.int32)
            for block in blocks
        ]
        return cls(tuple(places), np.concatenate([np.empty(0, np.int32), *numbers]))

    @classmethod
    def joined(cls, columns: Sequence["Labels"]) -> "Labels":
        """Put columns one below the other."""
        places: dict[str, int] = {}
        for one in columns:
            for name in one.names:
                places.setdefault(name, len(places))
        numbers = [one.matched(places) for one in columns]
        return cls(tuple(places), np.concatenate(numbers).astype(np.int32))

    def matched(self, values: Mapping[str, int], otherwise: int = -1) -> NDArray[np.int64]:
        """Find the value of the text of every row, (N,); `otherwise` of texts that have none."""
        found = [values.get(name, otherwise) for name in self.names]
        return np.array(found, np.int64)[self.numbers]

    def equal(self, text: str) -> NDArray[np.bool_]:
        """Find out which rows have this text, (N,)."""
        return self.matched({text: 1}, 0).astype(bool)

    def counts(self) -> dict[str, int]:
        """Count how many rows have each text, the commonest first."""
        numbers = np.bincount(self.numbers, minlength=len(self.names)).tolist()
        found = {name: n for name, n in zip(self.names, numbers, strict=True) if n}
        return {name: found[name] for name in sorted(found, key=lambda name: -found[name])}

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.numbers)

    def __getitem__(self, row: int) -> str:
        """Read the text of a row."""
        return self.names[int(self.numbers[row])]

    def __iter__(self) -> Iterator[str]:
        """Read the text of every row."""
        return map(self.names.__getitem__, self.numbers)
