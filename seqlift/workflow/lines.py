"""Read YAML with the line that each value stands in.

YAML keeps the last of two values of one key without a word; here the second is a problem. JSON is
YAML.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqlift.errors import InputError

Place = tuple[str | int, ...]
"""Keys, and numbers of items of a list, that lead to a value."""

DEEPEST = 8
"""Levels whose lines are kept; a configuration has four."""


@dataclass(frozen=True, slots=True)
class Document:
    """The value of a YAML text, and the line of each place in it, from 1; 0 is not a line.

    `twice` are the places of keys that have a value before, with the line of that.
    """

    source: str
    value: Any
    lines: dict[Place, int]
    twice: tuple[tuple[Place, int, int], ...]

    def problem(self, place: Place, text: str, line: int | None = None) -> str:
        """Word a problem of a place: file, line, keys, and `text`."""
        number = self.line(place) if line is None else line
        start = f"{self.source}:{number}" if number else self.source
        return ": ".join([start, *map(str, place), text])

    def line(self, place: Place) -> int:
        """Find the line of a place, or of the nearest place above it that is written."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 0)


def read_yaml(text: str, source: str, *, numbered: bool = True) -> Document:
    """Read one YAML document. Raises InputError for text that is none.

    Messages name `source`, and lines where they are to be `numbered`.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{source}:{mark.line + 1}" if mark and numbered else source
        reason = " ".join(str(error.problem or error.context).split())
        raise InputError(f"{where}: not YAML: {reason}; mend this line") from error
    # ValueError: text in the form of a date that no calendar has, such as 2026-02-30
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{source}: not YAML: {str(error).splitlines()[0]}; mend it") from error
    found = [] if node is None else list(_written(node, ()))
    lines: dict[Place, int] = {}
    twice = []
    for place, line in found:
        # The items of a repeated key are repeated too, and the key is the problem.
        if place in lines and isinstance(place[-1], str):
            twice.append((place, lines[place], line))
        lines.setdefault(place, line)
    return Document(source, value, lines if numbered else {}, tuple(twice))


def read_yaml_file(path: Path) -> Document:
    """Read the YAML of a file. Raises InputError where it cannot be read."""
    try:
        # some editors of Windows begin with a byte order mark
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not YAML: it is not text in UTF-8; save it as UTF-8") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path of the configuration") from error
    return read_yaml(text, str(path))


def _written(node: yaml.Node, above: Place) -> Iterator[tuple[Place, int]]:
    """Yield the place and the line of every key and item, in the order of the text."""
    if len(above) >= DEEPEST:
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*above, str(key.value))
            yield place, key.start_mark.line + 1
            yield from _written(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield (*above, number), item.start_mark.line + 1
            yield from _written(item, (*above, number))
