"""`seqlift merge`: the score files of shards become those of the whole, with its track.

What a run without shards writes comes out, to the byte. With `mean`, score files of several models
become their mean.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlift.errors import InputError, SeqliftError
from seqlift.pipeline.fact_table import answering
from seqlift.pipeline.finished import Wanted, agreeing, facts_of_file
from seqlift.pipeline.output_files import (
    Outputs,
    Written,
    check_outputs,
    check_prefix,
    finish,
    outputs_of,
    remove_outdated,
    remove_unfinished,
    unfinished,
    writing,
)
from seqlift.pipeline.progress import Progress
from seqlift.pipeline.shards import (
    by_target,
    check_models,
    check_shards,
    check_targets,
    facts_of,
    number_of_rows,
)
from seqlift.pipeline.threads import Workers
from seqlift.pipeline.track_formats import format_of
from seqlift.pipeline.track_only import is_there
from seqlift.system.cores import usable_cores
from seqlift.tracks.batch import Attribute
from seqlift.tracks.join import join
from seqlift.tracks.layout import Kept
from seqlift.tracks.mean import average
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.regions_bed import write_regions
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.several_files import SeveralFiles


def merge(
    shards: Sequence[str],
    output: str,
    *,
    mean: bool,
    overlap: Overlap,
    force: bool,
    progress: Progress,
) -> Written:
    """Write PREFIX.h5, PREFIX.regions.bed and PREFIX.bw, of each target.

    Raises
    ------
    InputError
        The files do not belong together, one is missing or damaged.
    OutputError
        A file cannot be written, or is there and is not what would be written.
    """
    check_prefix(output)
    paths = [Path(name) for name in shards]
    facts = {path: facts_of(path) for path in dict.fromkeys(paths)}
    if len(facts) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise InputError(f"{twice}: named twice; name each file once")
    groups = by_target(facts, shards=not mean)
    targets = [str(facts[group[0]].get("target", "")) for group in groups]
    keep: Kept = "track" if "kept_scores" in next(iter(facts.values())) else "all"
    if mean and keep == "track":
        raise InputError(
            f"{paths[0]}: it keeps the track alone, which has no scores to take a mean of; score"
            " without --keep track"
        )
    outputs = outputs_of(output, targets, keep=keep)
    check_outputs(outputs.paths(), inputs=paths)
    check = check_models if mean else check_shards
    merged = [check(group, facts) for group in groups]
    check_targets(groups, facts, mean=mean)
    if not outputs.keeps_scores:
        return merge_tracks(outputs, merged, overlap=overlap, force=force, progress=progress)
    whole = {
        files.scores: Merged(tuple(group), attributes, mean)
        for (group, attributes), files in zip(merged, outputs.targets, strict=True)
    }
    # One lock for all files of the command: two merges of a name would mix them.
    with writing(outputs.regions):
        try:
            return write_merged(outputs, whole, overlap=overlap, force=force, progress=progress)
        finally:
            remove_unfinished(outputs.paths())


@dataclass(frozen=True, slots=True)
class Merged:
    """A score file that is to be: what it is made of, and its facts."""

    sources: tuple[Path, ...]
    attributes: Mapping[str, Attribute]
    mean: bool

    @property
    def rows(self) -> int:
        """Count its rows."""
        return sum(
            number_of_rows(path) for path in (self.sources[:1] if self.mean else self.sources)
        )

    def wanted(self) -> Wanted:
        """Say what a file has to be that is there already."""
        with ScoreFile(self.sources[0]) as first:
            found = facts_of_file(first)
        stored = {name: found[name] for name in ("length", "dtype", "multipliers")}
        return Wanted({**self.attributes, **stored}, self.rows, answering("path", found))

    def write(self, new: Path, progress: Progress) -> None:
        """Write it."""
        with ScoreFile(self.sources[0]) as first:
            sizes = first.sizes()
        combine = average if self.mean else join
        about: dict[str, Any] = {"attributes": self.attributes, "sizes": sizes}
        with progress("averaging" if self.mean else "joining", self.rows) as bar:
            combine(self.sources, new, **about, progress=bar.update)


def write_merged(
    outputs: Outputs,
    whole: Mapping[Path, Merged],
    *,
    overlap: Overlap,
    force: bool,
    progress: Progress,
) -> Written:
    """Write every file that is not there as it would be written; with `force`, every file."""
    done, replaced = frozenset[Path](), frozenset(outputs.paths() if force else ())
    if not force:
        wanted = {path: merged.wanted() for path, merged in whole.items()}
        done = agreeing(outputs, wanted, overlap=overlap)
        if done.issuperset(outputs.paths()):
            return Written(outputs.paths(), before=True)
    new = {path: unfinished(path) for path in outputs.scores() if path not in done}
    for path, merged in whole.items():
        if path in new:
            merged.write(new[path], progress)
    if outputs.regions in new:
        first = outputs.targets[0].scores  # the regions of every target are the same
        with ScoreFile(new.get(first, first)) as scores:
            write_regions(scores, new[outputs.regions])
    # Before new score files have their names, so that no track of the old ones stands next to them.
    remove_outdated(outputs, replaced)
    for path in new:
        finish(new[path], path, replace=force)
    for files in outputs.targets:
        for track in [track for track in files.tracks if track not in done]:
            draw(files.scores, track, overlap, force=force, progress=progress)
    return Written(outputs.paths())


def merge_tracks(
    outputs: Outputs,
    merged: Sequence[tuple[Sequence[Path], Mapping[str, Attribute]]],
    *,
    overlap: Overlap,
    force: bool,
    progress: Progress,
) -> Written:
    """Write the tracks of shards that keep nothing else."""
    before = True
    for files, (group, attributes) in zip(outputs.targets, merged, strict=True):
        with ScoreFile(group[0]) as first:
            sizes = first.sizes()
        how: dict[str, Any] = {"attributes": attributes, "sizes": sizes}
        with SeveralFiles(group, path=group[0], **how) as scores, Workers(usable_cores()) as pool:
            for track in files.tracks:
                if not force and is_there(track, scores, overlap):
                    continue
                before = False
                with writing(track) as new:
                    format_of(track).make(
                        scores, new, overlap=overlap, progress=progress, workers=pool
                    )
                    finish(new, track, replace=force)
    return Written(outputs.paths(), before=before)


def draw(finished: Path, track: Path, overlap: Overlap, *, force: bool, progress: Progress) -> None:
    with saying_what_is_finished(finished), ScoreFile(finished) as scores, writing(track) as new:
        with Workers(usable_cores()) as workers:
            how: dict[str, Any] = {"overlap": overlap, "progress": progress, "workers": workers}
            format_of(track).make(scores, new, **how)
        finish(new, track, replace=force)


@contextmanager
def saying_what_is_finished(scores: Path) -> Iterator[None]:
    """Have an error inside say that the score file is finished."""
    try:
        yield
    except SeqliftError as error:
        remedy = f"{scores} is finished; `seqlift track {scores}` makes its track"
        raise error.of_kind(*error.problems, remedy) from error
