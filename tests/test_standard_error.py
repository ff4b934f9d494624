"""That nobody can read what a command says does not end it."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqlift.cli.screen import ForgivingStream

CHILD = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from stand_in import settings
from seqlift.cli import main
main(sys.argv[1:], prog_name="seqlift", obj=settings())
"""


def close() -> None:
    os.close(2)


def fill() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 2)


def leave() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 2)


@pytest.mark.parametrize("spoil", [close, fill, leave])
def test_a_run_without_a_standard_error_is_finished(
    tmp_path: Path, spoil: Callable[[], None]
) -> None:
    (tmp_path / "g.fa").write_text(">c\n" + "ACGTTGCA" * 40 + "\n")
    (tmp_path / "r.bed").write_text("c\t100\t150\n")
    words = ["score", "m.h5", "r.bed", "-g", "g.fa", "-r", "zeros", "-o", "x", "-v"]
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, Path(__file__).parent, *words],
        cwd=tmp_path, preexec_fn=spoil, capture_output=spoil is not close, check=False,
    )  # fmt: skip
    assert ended.returncode == 0
    assert {"x.h5", "x.bw", "x.regions.bed"} <= {path.name for path in tmp_path.iterdir()}
    assert b"sequences" not in (tmp_path / "x.h5").read_bytes()


def test_a_stream_that_refuses_once_is_written_to_no_more(tmp_path: Path) -> None:
    class Refusing(io.StringIO):
        refusals = 0

        def write(self, text: str) -> int:
            self.refusals += 1
            raise OSError(28, "No space left on device")

    refusing = Refusing()
    stream = ForgivingStream(refusing)
    assert stream.write("one") == 3
    stream.flush()
    assert refusing.refusals == 1
    with (tmp_path / "log").open("w") as file:
        kept = ForgivingStream(file)
        kept.write("one\n")
        kept.flush()
        assert kept.fileno() == file.fileno()
    assert (tmp_path / "log").read_text() == "one\n"
