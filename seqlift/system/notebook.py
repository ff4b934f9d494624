"""Progress of long calls in notebooks; nothing is shown anywhere else."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DELAY = 2.0
"""Seconds before a bar appears."""


@contextmanager
def notebook_progress(total: int) -> Iterator[Callable[[int], object]]:
    """Give what counts sequences done, with a bar where a notebook runs this and it takes long."""
    if not in_notebook():
        yield lambda _: None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets the bar is text
        from tqdm.auto import tqdm

        bar = tqdm(total=total, unit=" sequences", delay=DELAY, leave=False)
    with bar:
        yield bar.update


def in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None
