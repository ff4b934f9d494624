"""`seqlift evaluate --scores`: measures of score files, as far as they need no model.

Knows score files; loads no model, so Keras and its backend are not imported.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from seqlift.attribution.registry import method_label
from seqlift.errors import InputError
from seqlift.evaluate.comparison import MethodComparison
from seqlift.evaluate.explained import Compared, Explained, Instance
from seqlift.evaluate.measure_list import choose_measures
from seqlift.evaluate.subject import Scored
from seqlift.intervals import Window
from seqlift.pipeline.evaluate_options import EvaluateOptions, comma_names, needs_met
from seqlift.pipeline.measures_written import Evaluation, measure_files, write_measures
from seqlift.pipeline.motif_instances import MotifInstances, motifs_of
from seqlift.pipeline.progress import Progress
from seqlift.tracks import layout
from seqlift.tracks.made_by import made_by
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal

ROWS_AT_ONCE = 256


def evaluate_files(options: EvaluateOptions, *, progress: Progress) -> Evaluation:
    """Measure score files and write PREFIX.measures.tsv and .png.

    Files of one method are of several targets, on the same regions.

    Raises
    ------
    InputError
        For a file that is not a score file, for files of other regions, and for measures that need
        more than scores.
    """
    instances = MotifInstances(options.instances) if options.instances else None
    measures = choose_measures(comma_names(options.measures), has=needs_met(options))
    paths = [Path(name) for name in options.scores]
    inputs = [*paths, *([Path(options.instances)] if options.instances else [])]
    prefix = options.output or str(Path(paths[0].name).with_suffix(""))
    outputs = measure_files(prefix, inputs=inputs, force=options.force)
    comparison = MethodComparison(measures, seed=options.seed)
    with ExitStack() as opened:
        files = []
        for path in paths:
            check_seal(path)
            files.append(opened.enter_context(ScoreFile(path)))
        targets = [str(file.attributes.get("target", file.path)) for file in files]
        motifs = motifs_of(dict(options.on), targets, instances)
        with progress("evaluating", files[0].rows) as bar:
            for start in range(0, files[0].rows, ROWS_AT_ONCE):
                rows = slice(start, min(start + ROWS_AT_ONCE, files[0].rows))
                for method, group in by_method(files).items():
                    explained = explained_rows(group, rows, instances, motifs)
                    comparison.add(method, explained)
                bar.update(rows.stop - rows.start)
        of_models = notes_of_models(files)
    found = comparison.rows()
    notes = [*of_models, *comparison.notes, *([instances.note()] if instances else [])]
    write_measures(found, outputs, replace=options.force)
    return Evaluation(found, notes, outputs)


def by_method(files: Sequence[ScoreFile]) -> dict[str, list[ScoreFile]]:
    """Group files by the name of their method.

    Raises InputError for two files of the same method and target, and for files of other regions.
    """
    groups: dict[str, list[ScoreFile]] = {}
    for file in files:
        groups.setdefault(method_of(file), []).append(file)
    for method, group in groups.items():
        targets = [file.attributes.get("target") for file in group]
        for file, target in zip(group, targets, strict=True):
            if targets.count(target) > 1:
                raise InputError(
                    f"{file.path}: another file has the method {method} and target {target} too;"
                    " leave one out"
                )
    for file in files:
        if (file.rows, file.length) != (files[0].rows, files[0].length):
            raise InputError(
                f"{file.path}: it has {file.rows} rows of {file.length} bases, and {files[0].path}"
                f" {files[0].rows} of {files[0].length}; give files of the same regions"
            )
    return groups


def notes_of_models(files: Sequence[ScoreFile]) -> list[str]:
    """Note files of a model other than that of the first one."""
    first = files[0].attributes.get("model_sha256")
    return [
        f"{file.path}: its scores are of another model than those of {files[0].path}"
        for file in files
        if file.attributes.get("model_sha256") != first
    ]


def method_of(file: ScoreFile) -> str:
    return method_label(*made_by(file.attributes, unnamed="scores"))


def explained_rows(
    files: Sequence[ScoreFile],
    rows: slice,
    instances: MotifInstances | None,
    motifs: dict[str, str],
) -> Explained:
    """Read some rows of the files of a method, one for each target.

    Raises InputError where they lie elsewhere in one file than in the others.
    """
    windows = files[0].windows(rows)
    places = [place_of_window(window) for window in windows]
    for file in files[1:]:
        if [place_of_window(window) for window in file.windows(rows)] != places:
            raise InputError(
                f"{file.path}: its regions are not those of {files[0].path}; give files of the same"
                " regions, in the same order"
            )
    figures = [file.values("qc/prediction", rows) for file in files]
    residuals = [file.values("qc/residual", rows) for file in files]
    tracks = np.stack([file.tracks(rows) for file in files]).astype(np.float64)
    one_hot = files[0].values(layout.ONE_HOT, rows).transpose(0, 2, 1).astype(np.float32)
    found: list[list[Instance]] = [
        instances.within(window) if instances else [] for window in windows
    ]
    compared = Compared(one_hot, one_hot[:, None], instances=found)
    scored = Scored(tracks, np.zeros((*tracks.shape, 4)), np.stack(figures), np.stack(residuals))
    names = [str(file.attributes.get("target", file.path)) for file in files]
    signed = bool(files[0].attributes.get("signed", 1))
    return Explained(compared, scored, names, signed, motifs=motifs)


def place_of_window(window: Window) -> tuple[str, int, int]:
    return window.region.chrom, window.start, window.end
