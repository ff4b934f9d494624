"""What is shown, and a line that is written, holds nothing that a terminal would obey."""

import ast
import logging
import re
from pathlib import Path

import pytest
from commands import Ran, command
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from made_scores import made_batch, window

from seqlift.cli import failures
from seqlift.cli.screen import LineFormatter
from seqlift.errors import InputError
from seqlift.system.printable import printable
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.regions_bed import narrow_peak

EVIL = "\x1b]0;owned\x07\x9b2J\r\x85\u2028\u202e\x0b\x1c\x7f"
HARMLESS = r"\x1b]0;owned\x07\x9b2J\r\x85\u2028\u202e\x0b\x1c\x7f"


def harmless(text: str) -> str:
    """Return text, all lines of which can be printed as they are."""
    lines = text.removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in lines), text
    return text


def shown(ran: Ran) -> str:
    """Collect what a command showed on either stream, which must be harmless."""
    return harmless(ran.out) + harmless(ran.err)


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
def test_what_is_printable_is_one_line_and_plain_text_is_left_alone(text: str) -> None:
    found = printable(text)
    assert found.isprintable()
    assert found.splitlines() == ([found] if found else [])
    assert printable(found) == found
    found.encode("utf-8")


def test_an_escape_can_be_read_and_letters_of_any_script_stay() -> None:
    assert printable(EVIL) == HARMLESS
    assert printable("Müller 名前 µé") == "Müller 名前 µé"


def shows(call: ast.Call) -> bool:
    """Tell whether a call writes to the terminal."""
    name = ast.unparse(call.func)
    return (
        name == "print"
        or name.endswith((".echo", ".secho", "print_exc"))
        or bool(re.fullmatch(r"sys\.std(out|err)\.write", name))
    )


def test_nothing_is_shown_but_through_the_screen() -> None:
    places = {
        path.name
        for path in (ROOT / "seqlift").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and shows(node)
    }
    assert places == {"screen.py"}


def test_a_score_file_shows_its_attributes_without_obeying_them(tmp_path: Path) -> None:
    path = tmp_path / f"a{EVIL}.h5"
    batch = made_batch([window("c", 0, 8)], length=8, sizes={"c": 9})
    facts = {"target": EVIL, f"rule{EVIL}": 1, "windows_around_summits": 1,
             "windows_around_centres": 2, "windows_around_centres_why": EVIL}  # fmt: skip
    with ScoreWriter(path, length=8, attributes=facts) as writer:
        writer.write(batch)
    ran = command("inspect", path)
    assert ran.code == 0
    assert f"rule{HARMLESS}" in shown(ran)
    assert f"1 around summits, 2 around centres ({HARMLESS})" in ran.out
    assert shown(command("inspect", path, "--json"))


@pytest.mark.parametrize("flags", [(), ("--debug",)], ids=["plain", "debug"])
def test_an_error_repeats_names_without_obeying_them(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    (tmp_path / "r.bed").write_text(f"c\x1b[31m\u202e\t0\t5\nd\t0\t{EVIL[:10]}\n")
    (tmp_path / "g.fa").write_text(">d\x1b[5m\nACGTACGT\n")
    ran = command("score", "no\n\x1b.h5", tmp_path / "r.bed", "-g", tmp_path / "g.fa", *flags)
    assert ran.code == 2
    assert r"chromosome c\x1b[31m\u202e is not in the genome; it has d\x1b[5m" in shown(ran)
    assert r"seqlift: no\n\x1b.h5: no such file" in ran.err
    assert len(re.findall("^seqlift: ", ran.err, re.MULTILINE)) == 3


@pytest.mark.parametrize(
    "words",
    [
        (f"sco{EVIL}",), ("score", f"--{EVIL}"), ("inspect", "a", f"b{EVIL}"),
        (f"--{EVIL}",), ("score", "a", "b", "--seed", EVIL), ("score", "a", "b", "--gc", EVIL),
    ],
)  # fmt: skip
def test_a_mistyped_word_is_repeated_without_obeying_it(words: tuple[str, ...]) -> None:
    ran = command(*words)
    assert ran.code == 2
    assert r"\x1b" in shown(ran)


def test_what_is_logged_is_harmless() -> None:
    record = logging.makeLogRecord({"msg": "targets: %s", "args": (EVIL,)})
    assert LineFormatter().format(record) == f"seqlift: targets: {HARMLESS}"


def test_a_problem_is_one_line_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    @failures.show_failures
    def fail(verbose: int) -> None:
        raise InputError("a\nseqlift: b", "c")

    with pytest.raises(SystemExit):
        fail(debug=False, verbose=2)
    assert capsys.readouterr().err == "seqlift: a\\nseqlift: b\nseqlift: c\n"


def test_a_row_of_the_regions_file_is_one_line_for_every_reader() -> None:
    line = narrow_peak(window("chr\x85\u2028", 0, 9, name=f"{EVIL}\x1d\x1e"))
    assert line.splitlines() == [line.removesuffix("\n")]
    assert line.split("\t")[:4] == [r"chr\x85\u2028", "0", "9", rf"{HARMLESS}\x1d\x1e"]
