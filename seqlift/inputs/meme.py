"""Motifs of a MEME file, as letter probabilities.

Knows the minimal MEME format (https://meme-suite.org/meme/doc/meme-format.html): a line ``MEME
version``, an alphabet of DNA, and for each ``MOTIF`` a line ``letter-probability matrix:`` followed
by a row of four probabilities, in the order A C G T, for each position. Knows nothing of models.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.text import TextFile
from seqlift.intervals import CHANNELS

WIDTH_IN_HEADING = re.compile(r"\bw=\s*([0-9]{1,6})\b")
ALPHABET = re.compile(r'ALPHABET(?:\s*=\s*ACGT\s*|\s+"DNA.*)')
WHOLE_MOTIF = "give every motif a letter-probability matrix"
SUM_TOLERANCE = 0.01
"""Of the four probabilities of a position, which files write with a few digits."""


@dataclass(frozen=True)
class MemeMotif:
    """A motif: its name and its letter probabilities, (positions, 4)."""

    name: str
    probabilities: NDArray[np.float64]

    @property
    def consensus(self) -> NDArray[np.uint8]:
        """The codes of the most probable bases, (positions,)."""
        return np.asarray(self.probabilities.argmax(axis=1), np.uint8)


def read_motifs(path: str) -> tuple[MemeMotif, ...]:
    """Read all motifs of a file, plain or compressed by gzip.

    Raises InputError, with the line, where it is not a MEME file of DNA or is damaged.
    """
    text = TextFile(path, remedy="give motifs in MEME format")
    try:
        lines = [line.strip() for line in text.lines()]
    finally:
        text.close()
    source = text.source
    if not any(re.match(r"MEME version\s+[0-9]", line) for line in lines[:20]):
        raise InputError(f"{source}: no line 'MEME version'; give motifs in MEME format")
    for number, line in enumerate(lines, start=1):
        if line.startswith("ALPHABET") and not ALPHABET.fullmatch(line):
            raise InputError(
                f"{source}:{number}: {line[:40]!r} is not the alphabet of DNA; give motifs"
                " over ACGT"
            )
    motifs = tuple(motifs_in(lines, source))
    if not motifs:
        raise InputError(f"{source}: no motifs in it; each begins with a line 'MOTIF NAME'")
    return motifs


def motifs_in(lines: list[str], source: str) -> Iterator[MemeMotif]:
    """Yield the motifs of the lines of a file."""
    name, place = "", 0
    while place < len(lines):
        words = lines[place].split()
        if words[:1] == ["MOTIF"]:
            if name:
                raise InputError(
                    f"{source}:{place + 1}: motif {name} before it has no matrix; {WHOLE_MOTIF}"
                )
            name = words[1] if len(words) > 1 else ""
            if not name:
                raise InputError(f"{source}:{place + 1}: a motif without a name; give one")
        if lines[place].startswith("letter-probability matrix") and name:
            rows = matrix_rows(lines, place, source)
            yield MemeMotif(name, rows)
            place, name = place + len(rows), ""
        place += 1
    if name:
        raise InputError(
            f"{source}:{place}: the file ends before the matrix of motif {name}; {WHOLE_MOTIF}"
        )


def matrix_rows(lines: list[str], place: int, source: str) -> NDArray[np.float64]:
    """Read the rows below the heading of a matrix at `place`, counted from 0."""
    width = WIDTH_IN_HEADING.search(lines[place])
    rows: list[list[float]] = []
    for number, line in enumerate(lines[place + 1 :], start=place + 2):
        words = line.split()
        if not words or words[0] in ("MOTIF", "URL") or words[0].startswith("letter-"):
            break
        rows.append(probabilities_of(words, f"{source}:{number}"))
        if width is not None and len(rows) == int(width[1]):
            break
    if not rows or (width is not None and len(rows) != int(width[1])):
        wanted = width[1] if width else "some"
        raise InputError(
            f"{source}:{place + 1}: the matrix has {len(rows)} positions, and its heading says"
            f" {wanted}; copy or download the file again"
        )
    return np.array(rows)


def probabilities_of(words: list[str], place: str) -> list[float]:
    """Read the probabilities of one position."""
    try:
        row = [float(word) for word in words]
    except ValueError:
        row = []
    good = len(row) == CHANNELS and all(0.0 <= value <= 1.0 for value in row)
    if not good or abs(sum(row) - 1.0) > SUM_TOLERANCE:
        raise InputError(
            f"{place}: {' '.join(words)[:60]!r} is not four probabilities that sum to 1; give"
            " those of A, C, G and T"
        )
    return row
