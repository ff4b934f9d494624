"""References of the user's own, the same for every sequence: `.npy` arrays and FASTA files.

Knows arrays and the files they come in; knows nothing of drawing, seeds or regions.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.arrays import read_array
from seqlift.inputs.genome import Genome
from seqlift.inputs.onehot import hide_unknown, one_hot
from seqlift.system.paths import not_regular


@dataclass(frozen=True, slots=True, eq=False)
class FixedReferences:
    """References of the user's own, the same for every sequence.

    `array` is (R, L, 4), or (L, 4) for one reference: rows of any finite numbers.
    """

    array: NDArray[np.float32]
    kind: str = "own"
    shared: bool = True

    def __post_init__(self) -> None:
        """Check a set of references; keep float32 (R, L, 4)."""
        array = np.asarray(self.array)
        if array.ndim not in (2, 3) or array.shape[-1] != 4 or array.size == 0:
            raise InputError(
                f"references of shape {array.shape}: neither (L, 4) nor (R, L, 4); "
                "give rows in the order A C G T"
            )
        if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
            raise InputError(f"references of type {array.dtype}: not real numbers; give float32")
        if not np.isfinite(array).all():
            place = tuple(int(axis) for axis in np.argwhere(~np.isfinite(array))[0])
            raise InputError(f"references, row {place[:-1]}: not a finite number; give finite ones")
        array = array.astype(np.float32).reshape(-1, *array.shape[-2:])
        object.__setattr__(self, "array", array)  # the way to set a field of a frozen dataclass

    @property
    def number(self) -> int:
        """Count the references of each sequence, R."""
        return int(self.array.shape[0])

    def common(self, length: int) -> NDArray[np.float32]:
        """Look up the references (R, L, 4); refuse another length by an `InputError`."""
        if self.array.shape[1] != length:
            raise InputError(
                f"references of {self.array.shape[1]} bases: the sequences have {length}; "
                "give references of the same length"
            )
        return self.array

    def draw(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Draw the references of sequences (N, L), (N, R, L, 4): zeros where they are N."""
        return hide_unknown(self.common(codes.shape[1])[np.newaxis], codes)


def from_file(path: str | os.PathLike[str], length: int | None) -> FixedReferences:
    """Read references from a `.npy` array (L, 4) or (R, L, 4), or from the records of a FASTA.

    Parameters
    ----------
    path
        The file; which of the two it is shows in its first bytes.
    length
        Bases every reference must have, or None when any will do (all alike).

    Raises
    ------
    InputError
        When the file cannot be read, or its references are no references of this length.
    """
    source = os.fspath(path)
    try:
        problem = not_regular(Path(path))
        if problem is not None:
            raise InputError(f"{source}: {problem}; give a .npy or FASTA file")
        with Path(path).open("rb") as file:
            is_array = file.read(6) == b"\x93NUMPY"  # NEP 1
        rows = read_array(Path(path)) if is_array else _fasta_rows(path, length)
        references = FixedReferences(rows)
        references.common(references.array.shape[1] if length is None else length)
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror}); check the path") from error
    except InputError as error:
        raise InputError(
            *(p if p.startswith(source) else f"{source}: {p}" for p in error.problems)
        ) from error
    return references


def _fasta_rows(path: str | os.PathLike[str], length: int | None) -> NDArray[np.float32]:
    with Genome(path) as records:
        expected = next(iter(records.sizes.values())) if length is None else length
        problems = [
            f"{os.fspath(path)}: record {name} has {size} bases; give {expected}"
            for name, size in records.sizes.items()
            if size != expected
        ]
        if problems:
            raise InputError(*problems)
        codes = [records.fetch(name, 0, size) for name, size in records.sizes.items()]
    return one_hot(np.stack(codes))
