"""Arrays in `.npy` files of any origin: nothing in them is run, and their headers are not believed.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Knows nothing of
what an array is for.
"""

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.system.paths import not_regular

_HEADER_DAMAGE = (
    ArithmeticError, EOFError, LookupError, MemoryError, RecursionError, SyntaxError, TokenError,
    TypeError, ValueError,
)  # fmt: skip
"""What reading a header may raise: NumPy parses it as Python's literals."""


def read_array(path: Path) -> NDArray[Any]:
    """Read the array of a `.npy` file.

    The file is mapped before it is read, so that an array larger than the file takes no memory.

    Raises
    ------
    InputError
        When it is not a `.npy` file of one array, whole and without objects.
    OSError
        When it cannot be read.
    """
    problem = not_regular(path)
    if problem is not None:
        raise InputError(f"{path}: {problem}; give a .npy file")
    try:
        # A header may claim any size: mapped, such an array fails before it takes memory.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except _HEADER_DAMAGE as error:
        short = "mmap length" in str(error) or isinstance(error, ArithmeticError)
        why = " (it is shorter than its header says)" if short else ""
        raise InputError(
            f"{path}: no .npy file of numbers{why}; save one with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()  # an archive
        raise InputError(f"{path}: holds several arrays; give one, as .npy")
    return np.array(array)  # no longer bound to the file
