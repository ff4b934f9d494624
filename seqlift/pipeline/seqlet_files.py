"""`seqlift seqlets`: seqlets of a score file as BED, and a table of the motifs that they match."""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from seqlift.errors import InputError, OutputError
from seqlift.inputs.meme import read_motifs
from seqlift.pipeline.output_files import Written, check_outputs, finish, writing
from seqlift.pipeline.progress import Progress
from seqlift.seqlets.naming import MotifCount, Seqlet, seqlets_of
from seqlift.seqlets.seqlet_settings import SeqletSettings
from seqlift.system.printable import printable
from seqlift.tracks.reading import StoredScores
from seqlift.tracks.regions_bed import HIGHEST_SCORE
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal
from seqlift.tracks.unfinished import output_errors

SEQLET_COLUMNS = (
    "#chrom", "start", "end", "name", "score", "strand", "contribution", "p_value", "q_value",
    "sequence", "motif", "motif_p_value", "row",
)  # fmt: skip
MOTIF_COLUMNS = ("motif", "seqlets", "mean_contribution", "enrichment")


def write_seqlets(
    scores: str,
    output: str | None,
    *,
    motifs: str | None,
    settings: SeqletSettings,
    force: bool,
    progress: Progress,
) -> tuple[Written, Sequence[Seqlet], Sequence[MotifCount]]:
    """Write PREFIX.seqlets.bed and, with motifs, PREFIX.motifs.tsv.

    Raises
    ------
    InputError
        The score file or the file of motifs is missing or damaged, or rows are shorter than a
        window.
    OutputError
        A file exists already, or cannot be written.
    """
    source = Path(scores)
    prefix = str(source.with_suffix("")) if output is None else output
    paths = [Path(f"{prefix}.seqlets.bed")]
    paths += [Path(f"{prefix}.motifs.tsv")] if motifs else []
    check_seal(source)
    check_outputs(paths, inputs=[source, *([Path(motifs)] if motifs else [])])
    there = [path for path in paths if os.path.lexists(path)]
    if there and not force:
        remedy = "give --force to replace it, or another -o"
        raise OutputError(*(f"{path}: already exists; {remedy}" for path in there))
    known = read_motifs(motifs) if motifs else ()
    with ScoreFile(source) as score_file:
        check_width(score_file, settings.width)
    with StoredScores(source) as opened, progress("seqlets", len(opened)) as bar:
        seqlets, counts = seqlets_of(opened, known, settings)
        bar.update(len(opened))
    tables = [_seqlet_lines(seqlets), _motif_lines(counts)]
    with ExitStack() as stack:
        for path, lines in zip(paths, tables, strict=False):
            new = stack.enter_context(writing(path))
            with output_errors(new), new.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
            finish(new, path, replace=force)
    return Written(tuple(paths)), seqlets, counts


def check_width(scores: ScoreFile, width: int) -> None:
    """Raise InputError where no row has a window of `width` bases."""
    if width > scores.length:
        raise InputError(
            f"{scores.path}: --width {width} is longer than its rows of {scores.length} bases; give"
            f" a width of about a motif, such as {SeqletSettings().width}"
        )


def _seqlet_lines(seqlets: Iterable[Seqlet]) -> Iterable[str]:
    yield _tab_separated(SEQLET_COLUMNS)
    found = list(seqlets)
    largest = max((abs(one.score) for one in found), default=1.0)
    for one in found:
        yield _tab_separated(
            (
                one.chrom, one.start, one.end, one.name,
                round(HIGHEST_SCORE * abs(one.score) / largest), one.strand,
                f"{one.score:.6g}", f"{one.p_value:.3g}", f"{one.q_value:.3g}",
                one.sequence, one.motif, f"{one.motif_p:.3g}", one.row,
            )
        )  # fmt: skip


def _motif_lines(counts: Iterable[MotifCount]) -> Iterable[str]:
    yield _tab_separated(MOTIF_COLUMNS)
    for one in counts:
        words = (one.motif, one.count, f"{one.mean_score:.6g}", f"{one.enrichment:.4g}")
        yield _tab_separated(words)


def _tab_separated(words: Iterable[object]) -> str:
    return "\t".join(printable(str(word)) for word in words) + "\n"
