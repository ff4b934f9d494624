"""The finished parts of a run, opened for all its targets.

Knows parts and their files; knows nothing of runs.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock

from seqlift.pipeline.part_folders import Part
from seqlift.system.closing import Closing
from seqlift.tracks.part_file import PartFile, TargetScores
from seqlift.tracks.several_files import MOST_OPEN


class OpenParts(Closing):
    """Opens parts when they are first read, and keeps `MOST_OPEN` of them open.

    Each is compared with its checksum once, however often it is opened.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts, self._lock = parts, Lock()
        self._kept: dict[Path, PartFile] = {}
        self._sealed: dict[Path, bool] = {}

    def of_target(self, target: int) -> list[Callable[[], TargetScores]]:
        """List what opens the rows of a target, by its number, part by part."""
        return [partial(self._open, part.scores, target) for part in self._parts]

    def _open(self, path: Path, target: int) -> TargetScores:
        with self._lock:
            file = self._kept.get(path)
            if file is None:
                file = PartFile(path, sealed=self._sealed.get(path))
                self._sealed[path] = file.sealed
                if len(self._kept) >= MOST_OPEN:
                    return TargetScores(file, target, closes=True)
                self._kept[path] = file
        return TargetScores(file, target, closes=False)

    def close(self) -> None:
        """Close the parts."""
        for file in self._kept.values():
            file.close()
