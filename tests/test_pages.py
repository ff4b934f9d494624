"""Every command and every Python block of README and the pages runs, or says why not."""

import ast
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot
import pytest
from commands import command, one_task, save
from conftest import ROOT
from page_blocks import PAGES, REASONS, Block, blocks_of, commands_of, problem_of

from seqlift.attribution import registry
from seqlift.inputs import references

BLOCKS = {page: blocks_of(page) for page in PAGES}
EVERY = [block for blocks in BLOCKS.values() for block in blocks]
RUN = ("sh", "python")
FEW_REFERENCES = 2
"""Shuffles of each sequence, instead of 20, where a command of a page does not say how many."""

COMPILED = ("design.md",)
"""Pages whose commands compute very many batches; the others compute step by step."""

ROWS = 72
"""Regions of the demonstration that the pages are run with; --row 68 is among them."""


def test_every_block_that_is_not_run_says_why() -> None:
    for block in EVERY:
        kind, _, why = block.mark.partition(": ")
        if kind == "not run":
            assert why in REASONS, f"{block.place}: {why}"
        elif kind.startswith("run by "):
            assert (ROOT / kind.removeprefix("run by ")).is_file(), f"{block.place}: {kind}"
    assert Counter(
        block.mark.removeprefix("not run: ") for block in EVERY if block.mark.startswith("not")
    ) == {
        "a form": 6,
        "needs a GPU": 2,
        "needs a cluster": 2,
        "needs a package index": 3,
        "needs other programs": 5,
        "takes minutes": 6,
    }


def test_every_command_has_options_that_exist_and_files_that_are_there() -> None:
    problems, commands = [], 0
    for blocks in BLOCKS.values():
        made: set[str] = set()
        for block in blocks:
            if block.mark.startswith("file: "):
                made.add(block.mark.removeprefix("file: "))
            if block.language == "python":
                made |= {*re.findall(r"save\(\"([^\"]+)\"\)", block.text)}
            if block.language != "sh" or block.mark == "not run: a form":
                continue
            for one in commands_of(block):
                commands += 1
                problem = problem_of(one, made)
                problems += [f"{one.place}: {problem}"] if problem else []
    assert problems == []
    assert commands > 50


def test_every_python_block_can_be_parsed() -> None:
    for block in EVERY:
        if block.language == "python":
            ast.parse(block.text, filename=block.place)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seqlift score model.h5 regions.bed --refs 3", "No such option '--refs'"),
        ("seqlift scor model.h5", "seqlift has no command scor"),
        ("seqlift report gone.h5", "gone.h5 is neither here nor made before"),
        ("seqlift score model.h5 regions.bed -o a\nseqlift report a.h5", ""),
        ("seqlift score model.h5 regions.bed -n x", "Invalid value for '-n'"),
        ("python examples/gone.py", "examples/gone.py is not in the checkout"),
        ("python examples/paper_experiment.py --gone", "has no option --gone"),
        ("frobnicate", "unknown program"),
    ],
)
def test_a_block_that_no_longer_runs_is_found(text: str, problem: str, tmp_path: Path) -> None:
    page = ROOT / "docs" / "page.md"
    made: set[str] = set()
    block = Block(page, 7, "sh", tuple(text.splitlines()), "")
    found = [problem_of(one, made) for one in commands_of(block)]
    assert problem in found[-1]
    assert bool(found[-1]) == bool(problem)


def is_run(block: Block) -> bool:
    return block.language in RUN and block.exit_code is not None


RUN_PAGES = [page for page, blocks in BLOCKS.items() if any(map(is_run, blocks))]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, step_by_step: None) -> Path:
    """Make a folder with the demonstration, a small model of one output, and README's scores."""
    folder = tmp_path_factory.mktemp("pages")
    for name in (".ci", "examples"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "data").mkdir()
    for path in (ROOT / "data").iterdir():
        shutil.copy(path, folder / "data" / path.name)
    peaks = (ROOT / "data/demo.narrowPeak").read_text().splitlines(keepends=True)
    (folder / "data/demo.narrowPeak").write_text("".join(peaks[:ROWS]))
    for name in ("peaks.narrowPeak", "regions.bed"):
        (folder / name).write_text("".join(peaks[:3]))
    shutil.copy(ROOT / "data/demo.fa", folder / "genome.fa")
    save(one_task(), folder / "model.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(references, "NUMBER", FEW_REFERENCES)
        patch.chdir(folder)
        (main,) = [block for block in BLOCKS[ROOT / "README.md"] if block.mark == "main"]
        run(main)
    return folder


def run(block: Block) -> str:
    """Run the commands of a block; what they show. Programs of other people are left out."""
    shown = ""
    for one in commands_of(block):
        if one.program == "seqlift":
            ran = command(*(word for part in one.words[1:] for word in expanded(part)))
            assert ran.code == block.exit_code, f"{one.place}: {ran.err}"
            shown += ran.out + ran.err
        elif one.program == "head":
            assert one.into
            Path(one.into).write_bytes(subprocess.check_output(one.words))
        else:
            assert block.mark == "main", f"{one.place}: {one.program} is not run by this test"
    return shown


def expanded(word: str) -> Iterator[str]:
    """Yield the files of a pattern, as the shell does."""
    yield from sorted(map(str, Path().glob(word))) if "*" in word and "=" not in word else [word]


def masked(text: str) -> list[str]:
    """List lines without their numbers, which differ from run to run."""
    lines = re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "#", text).splitlines()
    return [" ".join(line.split()) for line in lines if line.strip()]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_of_a_page_run_one_after_another(
    page: Path, scored: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """And show, or write into tables, what the page says that they do, but for numbers."""
    if page.name in COMPILED:
        request.getfixturevalue("all_at_once")
    shutil.copytree(scored, tmp_path / "run", symlinks=True)
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.chdir(tmp_path / "run")
    monkeypatch.syspath_prepend(tmp_path / "run")
    monkeypatch.setattr(references, "NUMBER", FEW_REFERENCES)
    for own in ("_OWN_RULES", "_OWN_METHODS"):  # what a page registers is not for other tests
        monkeypatch.setattr(registry, own, {})
    names: dict[str, Any] = {}
    shown = ""
    for block in BLOCKS[page]:
        if block.language == "text" and shown and not block.mark:
            shown += "".join(table.read_text() for table in Path().glob("*.tsv"))
            found = masked(shown)
            gone = [line for line in masked(block.text) if not any(line in one for one in found)]
            assert gone == [], block.place
        shown = ""
        if block.mark.startswith("file: "):
            Path(block.mark.removeprefix("file: ")).write_text(block.text)
        if not is_run(block):
            continue
        if block.language == "sh":
            shown = run(block)
        else:
            try:
                exec(compile(block.text, block.place, "exec"), names)
            except Exception as error:
                raise AssertionError(f"{block.place}: {error!r}") from error
    matplotlib.pyplot.close("all")
