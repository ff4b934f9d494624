"""Read the code object in a Lambda's stored bytes as data.

Reads the parts of Python's marshal format that code objects of Python 3.6 to 3.13 are made of, with
bounds on size, depth and number. Makes only numbers, words, tuples and `Code`: nothing here can be
run. Source of the format: `Python/marshal.c` of CPython.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seqlift.models.expressions.tree import NoRecipeError

# Bounds on hostile bytes: code of real Lambdas stays far below, and Python recurses no deeper.
MOST_BYTES = 1 << 16
MOST_OBJECTS = 5000
DEEPEST_OBJECT = 40
SHARED = 0x80
"""Bit of a type byte: the object is remembered, to be referred to later."""

NOT_CODE = "holds bytes that are not code of Python 3.6 to 3.13"

LAYOUTS = {
    "3.6": "arguments keyword_only locals stack flags code constants names variables free cells "
    "file name line table",
    "3.8": "arguments positional_only keyword_only locals stack flags code constants names "
    "variables free cells file name line table",
    "3.11": "arguments positional_only keyword_only stack flags code constants names variables "
    "kinds file name qualified line table exceptions",
}
"""First Python of each layout of a code object, and its fields in order."""

INTEGERS = frozenset(
    {"arguments", "positional_only", "keyword_only", "locals", "stack", "flags", "line"}
)
"""Fields that are bare integers; all others are objects."""


@dataclass(frozen=True, slots=True)
class Code:
    """A Python function: its instructions, and the tables to which their numbers refer.

    `layout` is the first Python that lays code objects out like this one. `variables` are the
    arguments, then the other local variables; in layout 3.11 those of a closure follow. `free` are
    the variables of a closure, behind those that inner functions share.
    """

    layout: str
    name: str
    arguments: int
    keyword_only: int
    flags: int
    code: bytes
    constants: tuple[Any, ...]
    names: tuple[str, ...]
    variables: tuple[str, ...]
    free: tuple[str, ...]


def read_code(data: bytes) -> Code:
    """Read the code object in `data`, in the layout of one version of Python.

    Anything else, and more bytes than a Lambda has, raises `NoRecipeError`.
    """
    if len(data) > MOST_BYTES:
        raise NoRecipeError(f"holds {len(data)} bytes of code, more than can be read")
    for layout in LAYOUTS:
        reader = _Reader(data, layout)
        try:
            found = reader.object(0)
        except (NoRecipeError, IndexError, struct.error, UnicodeError, TypeError):
            continue
        # A layout that is not the file's stops early, or leaves bytes over.
        if isinstance(found, Code) and reader.at == len(data):
            return found
    raise NoRecipeError(NOT_CODE)


class _Reader:
    """One pass over the bytes, for one layout."""

    def __init__(self, data: bytes, layout: str) -> None:
        self.data, self.layout, self.at = data, layout, 0
        self.objects, self.shared = 0, list[Any]()

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise NoRecipeError(NOT_CODE)
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        """Read the next four bytes as a signed number."""
        return int(struct.unpack("<i", self.take(4))[0])

    def object(self, depth: int) -> Any:
        """Read the next object."""
        self.objects += 1
        if depth > DEEPEST_OBJECT or self.objects > MOST_OBJECTS:
            raise NoRecipeError(NOT_CODE)
        (start,) = self.take(1)
        kind = chr(start & ~SHARED)
        if kind == "r":
            return self._referred(self.number())
        place = len(self.shared)
        if start & SHARED:
            # its number is taken before its parts are read, as Python does
            self.shared.append(_BEING_READ)
        if kind in SIMPLE:
            value = SIMPLE[kind](self)
        elif kind in "()[":
            count = self.take(1)[0] if kind == ")" else self.number()
            if count > len(self.data):  # each object takes a byte at least
                raise NoRecipeError(NOT_CODE)
            value = tuple(self.object(depth + 1) for _ in range(count))
        elif kind == "c":
            value = self._code(depth + 1)
        else:
            raise NoRecipeError(NOT_CODE)
        if start & SHARED:
            self.shared[place] = value
        return value

    def _referred(self, place: int) -> Any:
        if not 0 <= place < len(self.shared) or self.shared[place] is _BEING_READ:
            raise NoRecipeError(NOT_CODE)
        return self.shared[place]

    def _code(self, depth: int) -> Code:
        fields: dict[str, Any] = {
            name: self.number() if name in INTEGERS else self.object(depth)
            for name in LAYOUTS[self.layout].split()
        }
        words = [fields.get(name, ()) for name in ("names", "variables", "free", "cells")]
        right = isinstance(fields["code"], bytes) and isinstance(fields["constants"], tuple)
        if not right or not all(map(_is_words, words)):
            raise NoRecipeError(NOT_CODE)
        free = (*words[3], *words[2])
        if self.layout == "3.11":
            free = _free(fields["variables"], fields["kinds"])
        return Code(
            layout=self.layout,
            name=str(fields["name"]),
            arguments=fields["arguments"],
            keyword_only=fields["keyword_only"],
            flags=fields["flags"],
            code=fields["code"],
            constants=fields["constants"],
            names=fields["names"],
            variables=fields["variables"],
            free=free,
        )


_BEING_READ = object()


def _is_words(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)


def _free(variables: tuple[str, ...], kinds: Any) -> tuple[str, ...]:
    if not isinstance(kinds, bytes) or len(kinds) != len(variables):
        raise NoRecipeError(NOT_CODE)
    return tuple(name for name, kind in zip(variables, kinds, strict=True) if kind & 0x80)


def _long(reader: _Reader) -> int:
    count = reader.number()  # of digits of 15 bits; its sign is the number's
    digits = struct.unpack(f"<{abs(count)}H", reader.take(2 * abs(count)))
    value: int = sum(digit << (15 * place) for place, digit in enumerate(digits[:8]))
    if len(digits) > 8:
        raise NoRecipeError("has a whole number of more than 63 bits")
    return -value if count < 0 else value


def _text(sized: int, encoding: str) -> Callable[[_Reader], str]:
    def read_text(reader: _Reader) -> str:
        count = reader.take(1)[0] if sized == 1 else reader.number()
        return reader.take(count).decode(encoding, "surrogatepass")

    return read_text


def _double(reader: _Reader) -> float:
    return float(struct.unpack("<d", reader.take(8))[0])


def _written_float(reader: _Reader) -> float:
    try:
        return float(reader.take(reader.take(1)[0]))
    except ValueError as problem:
        raise NoRecipeError(NOT_CODE) from problem


SIMPLE: dict[str, Callable[[_Reader], Any]] = {
    "N": lambda reader: None,
    "T": lambda reader: True,
    "F": lambda reader: False,
    ".": lambda reader: ...,
    "i": _Reader.number,
    "l": _long,
    "g": _double,
    "f": _written_float,
    "s": lambda reader: reader.take(reader.number()),
    "u": _text(4, "utf-8"),
    "t": _text(4, "utf-8"),
    "a": _text(4, "ascii"),
    "A": _text(4, "ascii"),
    "z": _text(1, "ascii"),
    "Z": _text(1, "ascii"),
}
"""Type bytes of marshal whose objects hold no others, and how they are read."""
