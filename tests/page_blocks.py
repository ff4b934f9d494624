"""The blocks of commands and of Python in README and the pages, and what is wrong with them.

A block is run by `tests/test_pages.py`, one after another in an empty folder with the demonstration
in it, unless the line above it says otherwise:

    <!-- not run: REASON -->        one of `REASONS`
    <!-- run by tests/FILE.py -->   another test runs it
    <!-- file: NAME -->             it is not run by itself, but is a file of later commands
    <!-- exit code 3 -->            it is run, and ends with this code
    <!-- an example -->             text that no command of the page shows
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from conftest import ROOT

from seqlift.cli import main

PAGES = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples/README.md",
    ROOT / "benchmarks/README.md", ROOT / "tests/cluster/README.md",
    *sorted((ROOT / "docs").glob("**/*.md")),
]  # fmt: skip

REASONS = {
    "a form": "words in capitals stand for the user's own",
    "needs a cluster": "Slurm, Kubernetes, or its services",
    "needs a GPU": "",
    "needs other programs": "modisco, Fi-NeMo, conda or docker, which `-m readers` runs",
    "needs a package index": "",
    "takes minutes": "or is a measurement of its own",
}

PLACEHOLDERS = {"NAME": "task"}
"""Words of commands in the place of which a test has its own."""

OWN = ("model.h5", "genome.fa", "peaks.narrowPeak", "regions.bed")
"""The user's own files in examples; a test has small ones."""

SCORED = "demo.seqlift."
"""What the names of files begin with that the README's first command leaves."""

OTHERS = {
    "modisco",
    "finemo",
    "conda",
    "docker",
    "buildah",
    "pip",
    "sudo",
    "snakemake",
    "sbatch",
    "mkdocs",
}
SHELL = {"head", "python", "python3", "bash"}


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page: its language, its lines, the number of the first, and the mark above."""

    page: Path
    line: int
    language: str
    lines: tuple[str, ...]
    mark: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def exit_code(self) -> int | None:
        """Read the code that a block to be run ends with; None for one that is not run."""
        if self.mark in ("", "main"):
            return 0
        word, _, code = self.mark.rpartition(" ")
        return int(code) if word == "exit code" else None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a block: its place, its words, and where its output goes."""

    place: str
    words: tuple[str, ...]
    into: str = ""

    @property
    def program(self) -> str:
        return self.words[0].rpartition("/")[2]


def blocks_of(page: Path) -> list[Block]:
    """List the fenced blocks of a page, and those indented that begin with a program."""
    found: list[Block] = []
    lines = page.read_text().splitlines()
    number = 0
    while number < len(lines):
        fence = re.match(r"\s*```(\w*)", lines[number])
        end = number + 1
        if fence:
            while not lines[end].strip().startswith("```"):
                end += 1
            language, start, after = fence[1], number + 1, end + 1
        elif is_indented(lines, number):
            while end < len(lines) and lines[end].startswith("    "):
                end += 1
            language, start, after = "sh", number, end
        else:
            number = end
            continue
        kept = tuple(line.strip() if language == "sh" else line for line in lines[start:end])
        found.append(Block(page, start + 1, language, kept, mark_above(lines, number)))
        number = after
    return found


def is_indented(lines: Sequence[str], number: int) -> bool:
    """Find out whether an indented block of commands begins in a line."""
    first = re.match(r" {4,}(\S+)", lines[number])
    if first is None or (number and lines[number - 1].strip()):
        return False
    program = first[1].rpartition("/")[2]
    return program in {"seqlift", *OTHERS, *SHELL} or "=" in program


def mark_above(lines: Sequence[str], number: int) -> str:
    """Read the mark in the last line above that is not empty; empty where there is none."""
    above = [line for line in lines[:number] if line.strip()]
    mark = re.fullmatch(r"<!-- (.*) -->", above[-1].strip()) if above else None
    return mark[1] if mark else ""


def commands_of(block: Block) -> Iterator[Command]:
    """Yield the commands of a block, each with its line."""
    whole, first = "", 0
    for number, line in enumerate(block.lines, block.line):
        first = first if whole else number
        whole += line.removesuffix("\\")
        if line.endswith("\\") or not line:
            continue
        place = f"{block.page.relative_to(ROOT)}:{first}"
        for part in whole.split(" && "):
            words = [PLACEHOLDERS.get(word, word) for word in shlex.split(part, comments=True)]
            while words and "=" in words[0]:
                del words[0]  # a variable of the environment
            into = ""
            if ">" in words:
                into = words[words.index(">") + 1]
                words = words[: words.index(">")]
            if words:
                yield Command(place, tuple(words), into)
        whole = ""


def problem_of(command: Command, made: set[str]) -> str:
    """Word what is wrong with a command, where `made` are the beginnings of names of its files.

    What it makes is added to them. Options and their values are those of the commands; of a script
    of this checkout, every option stands in its text.
    """
    words = list(command.words)
    if command.program == "seqlift":
        wrong = refused_by_click(words[1:])
    elif command.program in ("python", "python3", "bash") and words[1].endswith((".py", ".sh")):
        wrong = unknown_to_script(words[1:])
    else:
        wrong = "" if command.program in {*OTHERS, *SHELL, "pytest", "twine"} else "unknown program"
    missing = [word for word in words[1:] if not wrong and is_missing(word, words, made)]
    made |= {*made_by(words), *([command.into] if command.into else [])}
    return wrong or (f"{missing[0]} is neither here nor made before" if missing else "")


def refused_by_click(words: Sequence[str]) -> str:
    """Word why click refuses the words of a command; empty where it does not."""
    assert isinstance(main, click.Group)
    if not words or words[0] in ("-h", "--version", "--help"):
        return ""
    own = main.commands.get(words[0])
    if own is None:
        return f"seqlift has no command {words[0]}"
    try:
        above = click.Context(main, info_name="seqlift", **main.context_settings)
        own.make_context(words[0], list(words[1:]), parent=above)
    except click.UsageError as error:
        return error.format_message()
    except click.exceptions.Exit:
        return ""
    return ""


def unknown_to_script(words: Sequence[str]) -> str:
    """Word why a script of this checkout would refuse its options."""
    script = ROOT / words[0]
    if not script.is_file():
        return f"{words[0]} is not in the checkout"
    text = script.read_text()
    unknown = [word for word in words[1:] if word.startswith("-") and f'"{word}"' not in text]
    return f"{words[0]} has no option {unknown[0]}" if unknown else ""


FILE = re.compile(r"[\w./*-]+\.(?:h5|keras|json|npy|fa|bed|narrowPeak|bw|meme|py|sh|yaml|txt|whl)")


def is_missing(word: str, words: Sequence[str], made: set[str]) -> bool:
    """Find out whether a word names a file that neither ships nor was made before."""
    number = words.index(word)
    name = word.rpartition("=")[2]
    is_output = words[number - 1] in ("-o", "--output", "--export", "-d", "--target")
    if is_output or not FILE.fullmatch(name) or name.startswith("."):
        return False
    if name in OWN or name.startswith((SCORED, *made)) or "dist/" in name or "wheels/" in name:
        return False
    return not any(ROOT.glob(name))


def made_by(words: Sequence[str]) -> list[str]:
    """List the beginnings of the names of files that a command makes."""
    found = [
        words[number + 1]
        for number, word in enumerate(words[:-1])
        if word in ("-o", "--output", "--export")
    ]
    if words[1:2] == ["score"] and not found:
        found = [f"{Path(words[3]).stem}.seqlift"]
    return found
