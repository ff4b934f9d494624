"""`seqlift design`: starting sequences are read, designed one after another, and written.

Knows the order of work; knows nothing of how a sequence is designed.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from seqlift.design.designer import DesignedSequence, Designer
from seqlift.errors import OutputError
from seqlift.inputs.onehot import encode
from seqlift.pipeline.design_options import RANDOM, DesignOptions
from seqlift.pipeline.design_starts import DesignStart, starts_in
from seqlift.pipeline.output_files import Written, check_outputs, finish, writing
from seqlift.pipeline.progress import Progress
from seqlift.tracks.unfinished import output_errors

if TYPE_CHECKING:
    from seqlift.plots.design_logos import Drawn

TRAJECTORY_COLUMNS = ("sequence", "step", "edit", "score", "prior")
SHOWN = 3
"""Designs in the picture."""

FASTA_LINE = 60
"""Bases of a line of FASTA."""


def run_design(options: DesignOptions, *, progress: Progress) -> Written:
    """Design sequences and write them, their trajectories and a picture."""
    prefix = options.output or f"{Path(options.model).name.rpartition('.')[0]}.design"
    paths = [Path(f"{prefix}{ending}") for ending in (".fa", ".trajectory.tsv", ".png")]
    named = (
        options.model,
        options.start,
        options.genome,
        options.arch,
        options.custom_objects,
        options.motifs,
        options.generator,
    )
    check_outputs(paths, inputs=[Path(name) for name in named if name is not None])
    there = [path for path in paths if os.path.lexists(path)]
    if there and not options.force:
        raise OutputError(f"{there[0]}: already exists; give --force to replace it, or another -o")
    designer = Designer(options.model, options.target or None, options)
    starts = list(starts_of(options, designer))
    for start in starts:  # what cannot be kept is known before the first search
        designer.space(start.codes, designer.constraints(start.codes))
    designs: list[tuple[str, DesignedSequence]] = []
    with progress("designing", len(starts)) as bar:
        for start in starts:
            designs.append((start.name, designer(start.codes)))
            bar.update(1)
    drawn = drawn_designs(designer, designs[:SHOWN])
    writers: Sequence[Callable[[Path], None]] = (
        lambda path: write_sequences(path, designs),
        lambda path: write_trajectory(path, designer.targets, designs),
        lambda path: draw_first_designs(path, drawn),
    )
    with ExitStack() as opened:
        new = [opened.enter_context(writing(path)) for path in paths]
        for path, write in zip(new, writers, strict=True):
            with output_errors(path):
                write(path)
        for unfinished, path in zip(new, paths, strict=True):
            finish(unfinished, path, replace=options.force)
    return Written(tuple(paths))


def starts_of(options: DesignOptions, designer: Designer) -> Iterator[DesignStart]:
    if options.start != RANDOM:
        yield from starts_in(options.start, options.genome, designer.length or options.length)
        return
    for number in range(options.sequences):
        bases = designer.random_start(number, options.length)
        yield DesignStart(f"random{number}", encode(bases))


def write_sequences(path: Path, designs: Iterable[tuple[str, DesignedSequence]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for name, design in designs:
            facts = f"before={design.before:.6g} after={design.after:.6g}"
            file.write(f">{name} {facts} substitutions={design.substitutions}\n")
            for start in range(0, len(design.sequence), FASTA_LINE):
                file.write(f"{design.sequence[start : start + FASTA_LINE]}\n")


def write_trajectory(
    path: Path, targets: Sequence[str], designs: Iterable[tuple[str, DesignedSequence]]
) -> None:
    """Write a row for each step, with the prediction of each target."""
    with path.open("w", encoding="utf-8") as file:
        write_cells(file, *TRAJECTORY_COLUMNS, *targets)
        for name, design in designs:
            for one in design.steps:
                numbers = [one.score, one.prior, *one.predictions]
                write_cells(
                    file, name, one.step, one.edit or ".", *(f"{value:.6g}" for value in numbers)
                )


def write_cells(file: IO[str], *cells: object) -> None:
    file.write("\t".join(map(str, cells)) + "\n")


def drawn_designs(
    designer: Designer, designs: Sequence[tuple[str, DesignedSequence]]
) -> "list[Drawn]":
    """Compute the importance of the bases before and after."""
    found: list[Drawn] = []
    for name, design in designs:
        ends = [design.steps[0].sequence, design.sequence]
        importance = [designer.importance(bases) for bases in ends]
        found.append((name, ends, importance, (design.before, design.after)))
    return found


def draw_first_designs(path: Path, drawn: "Sequence[Drawn]") -> None:
    from seqlift.plots.design_logos import draw_designs  # Keras is imported without Matplotlib

    picture = io.BytesIO()
    draw_designs(picture, drawn)
    path.write_bytes(picture.getvalue())
