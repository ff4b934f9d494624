"""Show progress and summaries on standard error, results on standard output."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from seqlift.cli.screen import show
from seqlift.system.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

    from seqlift.explain.inspection import LayerReport, ModelReport
    from seqlift.pipeline.measures_written import Evaluation
    from seqlift.pipeline.output_files import Written
    from seqlift.pipeline.progress import Progress, ProgressBar
    from seqlift.pipeline.run_summary import Summary
    from seqlift.seqlets.naming import MotifCount, Seqlet
    from seqlift.system.gpus import BackendDevices
    from seqlift.tracks.score_summary import ScoreSummary
    from seqlift.workflow.configuration import CheckedConfiguration


MOST_NAMED = 20
"""Files, and warnings, of a run that are shown; of hundreds of targets nobody reads all."""


def progress(*, quiet: bool) -> "Progress":
    """Make a factory of progress bars on standard error, shown only on a terminal."""
    begun: set[str] = set()

    def bar(stage: str, total: int) -> AbstractContextManager["ProgressBar"]:
        from tqdm import tqdm

        silent = True if quiet else None  # None: silent where there is no terminal
        # Of hundreds of targets each has a bar: the first stays on the screen.
        first = stage not in begun
        begun.add(stage)
        return tqdm(total=total, desc=stage, unit=" sequences", disable=silent, leave=first)  # type: ignore[no-any-return]  # tqdm has no types

    return bar


def files_text(files: "Sequence[Path]") -> str:
    """Name files, or the first of many."""
    named = "  ".join(map(str, files[:MOST_NAMED]))
    return f"{named}  and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else named


def show_summary(summary: "Summary") -> None:
    """Show what a run did, on standard error."""
    rate = summary.rows / summary.seconds
    if not summary.rows:
        show(f"{'sequences':<10} 0: this shard has none", err=True)
        show(f"{'files':<10} {files_text(summary.files)}", err=True)
        return
    status = ", ".join(f"{count} {word}" for word, count in summary.status.items())
    residual = f"{summary.relative_residual:.1e} of the prediction, at {summary.worst}"
    if not summary.complete:
        residual += " (this method does not promise a sum)"
    for name, value in (
        ("sequences", f"{summary.rows} ({status})"),
        ("windows", summary.windows),
        ("seconds", f"{summary.seconds:.1f}, {rate:.1f} sequences per second"),
        ("residual", f"at most {residual}"),
        ("computed", f"in {summary.precision} on {summary.device}"),
        ("files", files_text(summary.files)),
    ):
        show(f"{name:<10} {value}", err=True)
    for kind, texts in (("note", summary.notes), ("warning", summary.warnings)):
        for text in texts[:MOST_NAMED]:
            show(f"{kind:<10} {text}", err=True)
        if len(texts) > MOST_NAMED:
            show(f"{kind:<10} and {len(texts) - MOST_NAMED} more", err=True)


def show_timings(seconds: Mapping[str, float]) -> None:
    """Show how long each stage of a run took, on standard error."""
    stages = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    show(f"{'timings':<10} {stages}", err=True)


def show_files(written: "Written", *, quiet: bool) -> None:
    """Show which files a command has written, on standard error."""
    if not quiet:
        show(f"{'files':<10} {files_text(written.files)}", err=True)
        if written.before:
            note = "they were there already, as this command writes them"
            show(f"{'note':<10} {note}", err=True)


def ready(*, open_page: bool) -> "Callable[[str, str], None]":
    """Make a function that shows the address of a page on standard output, and a note on it."""

    def show_address(address: str, note: str) -> None:
        show(address)
        if sys.stdout is not None:
            sys.stdout.flush()
        if note:
            show(f"{'note':<10} {note}", err=True)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    return show_address


def show_evaluation(found: "Evaluation", *, quiet: bool) -> None:
    """Show a table of measures on standard output, and notes on it on standard error."""
    from seqlift.evaluate.measure_table import in_columns

    for line in in_columns(found.rows):
        show(line)
    if not quiet:
        for text in found.notes:
            show(f"{'note':<10} {text}", err=True)
        show(f"{'files':<10} {'  '.join(map(str, found.files))}", err=True)


def show_seqlets(found: "Sequence[Seqlet]", counts: "Sequence[MotifCount]") -> None:
    """Show how many seqlets were called, and which motifs they match, on standard error."""
    named = sum(one.motif != "." for one in found)
    more = f", {named} of which match a motif" if counts else ""
    show(f"{'seqlets':<10} {len(found)}{more}", err=True)
    for one in counts:
        text = f"{one.count} seqlets of {one.motif}, mean contribution {one.mean_score:.3g}"
        show(f"{'motif':<10} {text}, {one.enrichment:.3g} times as many as elsewhere", err=True)


def show_scores(path: str, summary: "ScoreSummary", *, as_json: bool) -> None:
    """Show what a score file holds."""
    from seqlift.tracks.score_summary import windows_placed

    if as_json:
        show_json(summary)
        return
    rows = [
        ("scores", path),
        ("rows", f"{summary.rows} of {summary.length} bases"),
        ("status", ", ".join(f"{count} {word}" for word, count in summary.status.items())),
        *(("windows", placed) for placed in (windows_placed(summary.provenance),) if placed),
        ("residual", quantiles(summary.residual)),
        ("relative", quantiles(summary.relative_residual)),
        ("largest", f"{summary.largest_contribution:.4g}, the largest |contribution|"),
        *(("warning", text) for text in summary.warnings),
        *(
            (name, str(value))
            for name, value in sorted(summary.provenance.items())
            if name != "warning"
        ),
        *(("next", line) for line in summary.next_commands),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        show(f"{name:<{width}}  {value}")


def quantiles(values: Any) -> str:
    return ", ".join(f"{100 * share:g} % within {value:.1e}" for share, value in values.items())


def show_model(report: "ModelReport", *, as_json: bool) -> None:
    """Show what a model offers and how its layers are explained.

    Why a file is refused is not shown: it is the error that the command ends with.
    """
    if as_json:
        show_json(report)
        return
    show(f"model    {report.path}")
    show(f"format   {report.format}, saved by {report.saved_by}")
    show(f"sha256   {report.sha256}")
    for kind, tensors in (("input", report.inputs), ("output", report.outputs)):
        for name, shape in tensors.items():
            show(f"{kind:<8} {name} {shape_or_nothing(shape)}".rstrip())
    if report.parameters is not None:
        show_targets(report.targets)
        show(f"weights  {report.parameters:,}")
    if report.forward_difference is not None:
        show(f"check    equals model.predict to {report.forward_difference:.1e}, relative")
        show("         (the model as rebuilt from the file; what a file leaves out is not seen)")
    for note in report.notes:
        show(f"note     {note}")
    show()
    show_layers(report.layers)
    for text in report.warnings:
        show(f"warning: {text}")
    for problem in () if report.refused else report.problems:
        show(f"unsupported: {problem}")
    if sys.stdout is not None:  # so that a reader who has gone is noticed here
        sys.stdout.flush()


def show_targets(targets: Sequence[str]) -> None:
    show(f"targets  {', '.join(targets)}")
    if any(" to " in target for target in targets):
        show("         (a range A-B instead of a number is summed, from A up to, not with, B)")


def show_layers(layers: "tuple[LayerReport, ...]") -> None:
    """Show a line per layer, in columns."""
    table = [("layer", "class", "output", "primitives", "rule")]
    table += [
        (
            layer.name,
            layer.layer_class,
            shape_or_nothing(layer.shape),
            ", ".join(layer.primitives),
            layer.rule,
        )
        for layer in layers
    ]
    rows = [[printable(cell) for cell in row] for row in table]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        show("  ".join(cells).rstrip())
    show()


def shape_or_nothing(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return ""
    return f"({', '.join('any' if extent is None else str(extent) for extent in shape)})"


def show_devices(found: "tuple[BackendDevices, ...]", chosen: str, *, as_json: bool) -> None:
    """Show the GPUs that each backend sees, and the backend that --backend auto takes."""
    if as_json:
        show(json.dumps({"backends": [dataclasses.asdict(one) for one in found], "auto": chosen}))
        return
    for one in found:
        show(f"{one.name} {one.version}".rstrip())
        for name, size in one.gpus:
            show(f"  {name}" + (f", {size / 1e9:.1f} GB" if size else ""))
        if one.reason:
            show(f"  no GPU: {one.reason}")
    show(f"auto: {chosen}{' (KERAS_BACKEND)' if os.environ.get('KERAS_BACKEND') else ''}")


def show_configuration(found: "CheckedConfiguration") -> None:
    """Show what a configuration without a problem is of."""
    models = (
        f"{name} ({', '.join(named)})" if named else name for name, named in found.models.items()
    )
    for name, value in (
        ("checked", f"{found.source}: no problem"),
        ("models", ", ".join(models)),
        ("regions", ", ".join(found.regions)),
        ("files", f"{found.files}, {'all there' if found.opened else 'not looked at'}"),
        ("results", str(found.results)),
    ):
        show(f"{name:<10} {value}")


def show_json(found: "ScoreSummary | ModelReport") -> None:
    for line in json.dumps(dataclasses.asdict(found), indent=2).split("\n"):
        show(line)
