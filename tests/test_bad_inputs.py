"""Whatever is wrong has one line for each problem, with its exit code, and nothing is left.

Every case runs in a folder of files that are good or bad in one way, and must leave the folder as
it was: no output, nothing unfinished, no index. Indexes of usable FASTA files are there from the
start; that one is made for these, and for no others, has a test of its own.
"""

import errno
import os
import re
import resource
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np
import pytest
import tensorflow as tf
from bad_files import make_kitchen
from bad_inputs import BASE, CASES, INSPECTED, NO_GPU, USAGE, USAGES, Line
from commands import command, listing
from stand_in import StandIn, settings

from seqlift.pipeline.settings import Settings

pytestmark = pytest.mark.usefixtures("step_by_step")


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of good and bad files that all cases run in."""
    return make_kitchen(tmp_path_factory.mktemp("kitchen"))


@pytest.fixture
def unchanged(kitchen: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a check that a command failed as it should and left the kitchen as it was."""
    monkeypatch.chdir(kitchen)

    def check(
        *words: str,
        code: int,
        lines: tuple[Line, ...],
        prefix: str = "seqlift: ",
        settings: Settings | None = None,
    ) -> None:
        before = listing(kitchen)
        ran = command(*words, settings=settings)
        assert listing(kitchen) == before
        assert not ran.out or words[0] == "inspect"  # which shows the layers of what it refuses
        assert ran.code == code, ran.err
        found = ran.err.splitlines()
        assert all(line.startswith(prefix) for line in found)
        for line, wanted in zip(found, lines, strict=True):
            shown = line.removeprefix(prefix)
            if isinstance(wanted, str):
                assert shown == wanted
            else:
                assert wanted.fullmatch(shown), shown

    return check


@contextmanager
def files_up_to(limit: int) -> Iterator[None]:
    """Let no file grow larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        # Python keeps what it wrote of a module's compiled code, however little that is
        with mock.patch.object(sys, "dont_write_bytecode", True):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Failing(StandIn):
    """Fails where it is to score."""

    def explain_by(self, *_: Any) -> Any:
        raise ZeroDivisionError("of\nseqlift's own")


@pytest.mark.parametrize("case", CASES)
def test_every_problem_is_a_line_and_nothing_is_left(
    unchanged: Callable[..., None], case: str
) -> None:
    code, lines = CASES[case]
    unchanged("score", *shlex.split(case), code=code, lines=lines)


@pytest.mark.parametrize("case", USAGES)
def test_a_mistyped_option_is_explained_beside_the_usage(
    unchanged: Callable[..., None], case: str
) -> None:
    lines = tuple(f"{USAGE}{USAGES[case]}".splitlines())
    unchanged("score", *shlex.split(case), code=2, lines=lines, prefix="")


@pytest.mark.parametrize("path", INSPECTED)
def test_what_cannot_be_inspected_is_explained(
    kitchen: Path, unchanged: Callable[..., None], path: str
) -> None:
    with h5py.File(kitchen / "other.h5", "w") as file:
        file["shap/seq"] = np.zeros((1, 4, 5))
    code, lines = INSPECTED[path]
    unchanged("inspect", path, code=code, lines=lines)


@pytest.mark.parametrize("device", ["gpu", "gpu:3"])
def test_a_gpu_that_is_not_there_is_an_error(unchanged: Callable[..., None], device: str) -> None:
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    unchanged("score", *shlex.split(BASE), "--device", device, code=4, lines=(NO_GPU,))


def test_a_folder_that_cannot_be_written_is_an_error(
    kitchen: Path, unchanged: Callable[..., None]
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (kitchen / "folder").chmod(0o500)
    try:
        line = "folder/x.regions.bed: folder folder is not writable; give another with -o"
        unchanged("score", *shlex.split(BASE), "-o", "folder/x", code=5, lines=(line,))
    finally:
        (kitchen / "folder").chmod(0o700)


@pytest.mark.parametrize("limit", [0, 2_000])
def test_a_disk_that_fills_up_leaves_nothing(unchanged: Callable[..., None], limit: int) -> None:
    words = shlex.split("whole.h5 peaks.narrowPeak -g genome.fa -n 1")
    line = re.compile(
        r"peaks\.seqlift\.parts(/\S+)?: cannot be written \(File too large\);"
        r" raise the limit on file sizes \(ulimit -f\) or write elsewhere with -o"
    )
    with files_up_to(limit):
        unchanged("score", *words, code=5, lines=(line,))


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(
    unchanged: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refuse)
    line = (
        "x.parts: cannot be written (Operation not permitted); choose a folder you may write to"
        " with -o"
    )
    unchanged("score", *shlex.split(BASE), "-n", "1", "-o", "x", code=5, lines=(line,))


def test_a_track_that_cannot_be_written_costs_no_scores(
    kitchen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kitchen)
    words = ("score", *shlex.split(BASE), "-n", 1, "-o", tmp_path / "x")
    with files_up_to(1_000_000):  # for a track more is reserved
        ran = command(*words, settings=settings())
    assert ran.code == 5
    remedy = "raise the limit on file sizes (ulimit -f) or write elsewhere with -o"
    assert ran.err.splitlines() == [
        f"seqlift: {tmp_path}/x.parts/x.bw.partial: cannot be written (File too large); {remedy}",
        "seqlift: the score files are finished; the same command makes the tracks",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"x.h5", "x.regions.bed", "x.parts"}


def test_only_a_fasta_that_can_be_read_gets_an_index(
    kitchen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("genome.fa", "ragged.fa", "one.keras", "past.bed"):
        shutil.copy(kitchen / name, tmp_path)
    for genome, index in (("ragged.fa", set()), ("genome.fa", {"genome.fa.fai"})):
        before = set(listing(tmp_path))
        assert command("score", "one.keras", "past.bed", "-g", genome).code == 2
        assert set(listing(tmp_path)) - before == index


def test_a_bug_asks_to_be_reported_and_debug_shows_where(unchanged: Callable[..., None]) -> None:
    words, failing = ("score", *shlex.split(BASE)), settings(load=Failing)
    line = "bug: ZeroDivisionError: of; run again with --debug and report what it shows"
    unchanged(*words, code=1, lines=(line,), settings=failing)
    told = command(*words, "--debug", settings=failing).err.splitlines()
    assert told[0] == "Traceback (most recent call last):"
    assert told[-1] == f"seqlift: {line}"


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (KeyboardInterrupt, 130, "interrupted; no unfinished file is left"),
        (
            MemoryError,
            4,
            "memory is full; give a smaller --batch-size, or use a machine with more memory",
        ),
    ],
)
def test_what_happens_while_scores_are_computed_leaves_nothing(
    unchanged: Callable[..., None], raised: type[BaseException], code: int, line: str
) -> None:
    class Raising(Failing):
        def explain_by(self, *_: Any) -> Any:
            raise raised

    failing = settings(load=Raising)
    unchanged("score", *shlex.split(BASE), code=code, lines=(line,), settings=failing)
