"""Versions of the libraries that ran, as text for the files of a run.

Nothing here changes from one run of a command to the next: files of equal runs are equal bytes.
"""

import platform
from functools import cache
from importlib.metadata import version

from seqlift import __version__

LIBRARIES = ("keras", "numpy", "h5py", "numba", "pyBigWig")


library_version = cache(version)  # 3 ms each, which 900 targets would take twice


def versions() -> dict[str, str]:
    """List the versions of seqlift, Python and the libraries that scores pass through."""
    libraries = {f"{name.lower()}_version": library_version(name) for name in LIBRARIES}
    return {
        "seqlift_version": __version__,
        "python_version": platform.python_version(),
        **libraries,
    }
