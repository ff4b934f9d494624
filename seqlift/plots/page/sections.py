"""Sections of a page about one score file, as HTML.

Knows the figures of a score file; all text from files goes through `html_text`.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.plots.page.charts import Ticks, area, histogram, html_text
from seqlift.plots.page.measures import Measures
from seqlift.plots.stretch import StretchReader
from seqlift.system.printable import printable
from seqlift.tracks.consumers import commands_for
from seqlift.tracks.made_by import made_by
from seqlift.tracks.score_file import ScoreFile

QUANTILE_SHARES = (0.0, 0.001, 0.01, 0.5, 0.99, 0.999, 1.0)
SHARE_NAMES = ("lowest", "0.1 %", "1 %", "median", "99 %", "99.9 %", "highest")

NOISE = 24
"""Per cent of normally distributed numbers, largest first, that make up half of the sum of sizes:
those beyond 1.18 standard deviations, as exp(-1.18**2 / 2) is a half."""

MOST_NAMES = 40
"""Names of annotations that are listed."""

WORST = 8
"""Rows of the largest residuals that are listed."""

SUMS = {
    "difference": "the prediction less the mean prediction of the references",
    "output": "the prediction less what biases keep",
}


@dataclass(frozen=True, slots=True)
class FileFigures:
    """All that the page says of a score file: what was read once, and what was measured."""

    scores: ScoreFile
    rows: StretchReader
    measures: Measures
    qc: dict[str, NDArray[np.float64]]

    @property
    def facts(self) -> dict[str, Any]:
        """Name the attributes of the file."""
        return dict(self.scores.attributes)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table, which scrolls where it is wider than the page."""
    cells = "".join(f"<th>{html_text(one)}</th>" for one in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{html_text(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    inner = f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table>{inner}</table></div>'


def card(title: str, *parts: str, wide: bool = False) -> str:
    """Write a box with a heading."""
    kind = "card full" if wide else "card"
    return f'<section class="{kind}"><h3>{html_text(title)}</h3>{"".join(parts)}</section>'


def note(words: str) -> str:
    """Write a sentence of explanation."""
    return f"<p>{html_text(words)}</p>"


def what_ran(facts: dict[str, Any], scores: ScoreFile) -> str:
    """Say in words what made a file; all its attributes stand in a list that opens."""
    method, own = made_by(facts)
    rule = f", rule {own}" if own else ""
    named = defaultdict(lambda: "not stated", {name: str(one) for name, one in facts.items()})
    words = (
        f"{scores.rows:,} regions of {named['regions']} on {named['genome']}, in windows of"
        f" {scores.length:,} bases, under {named['model']}. Contributions are to {named['target']},"
        f" by {method}{rule}{references(facts)}."
    )
    if {"precision", "device", "seqlift_version"} <= set(facts):
        words += (
            f" Computed in {facts['precision']} on {facts['device']} by seqlift"
            f" {facts['seqlift_version']}."
        )
    listed = table(("attribute", "value"), sorted(facts.items()))
    command = facts.get("command")
    return card(
        "What ran",
        note(words),
        code(str(command)) if command else "",
        f"<details><summary>All attributes of the file</summary>{listed}</details>",
        wide=True,
    )


def references(facts: dict[str, Any]) -> str:
    """Say which references were used, if any."""
    kind, number = facts.get("reference"), facts.get("references")
    if not kind or kind == "none":
        return ""
    seed = f", seed {facts['seed']}" if "seed" in facts else ""
    if kind in ("dinucleotide", "shuffle"):
        word = {"dinucleotide": "dinucleotide shuffles", "shuffle": "shuffles"}[str(kind)]
        return f", against {number} {word} of each sequence{seed}"
    return f", against the reference {kind}"


def warnings_of_file(scores: ScoreFile) -> str:
    """Write the warnings about a file, each in a box."""
    return "".join(f'<p class="warning">{html_text(one)}</p>' for one in scores.warnings())


def completeness(one: FileFigures) -> str:
    """Draw how exactly contributions sum up, and list the worst rows."""
    facts, sizes = one.facts, np.abs(one.qc["relative_residual"])
    sums = SUMS.get(str(facts.get("sums_to", "difference")))
    if sums is None:
        words = "This method does not promise what its scores sum to, so nothing is checked."
        return card("Do they sum up?", note(words))
    scored = np.flatnonzero(np.isfinite(sizes))
    if not len(scored):
        return card("Do they sum up?", note("No row was scored."))
    logs = np.log10(np.maximum(sizes[scored], 1e-12))  # 0 has no logarithm
    tolerance = float(facts.get("tolerance", 0) or 0)
    low = np.floor(logs.min())
    high = np.ceil(max(logs.max(), np.log10(tolerance) if tolerance else -12) + 0.1)
    counts, edges = np.histogram(logs, bins=max(8, int((high - low) * 6)), range=(low, high))
    ticks: Ticks = [(float(p), f"1e{p}") for p in range(int(low), int(high) + 1)]
    marks = [(float(np.log10(tolerance)), f"--tolerance {tolerance:g}")] if tolerance else []
    worst = scored[np.argsort(-sizes[scored], kind="stable")[:WORST]]
    rows = [
        (int(i), *place_of(one, int(i)), f"{one.qc['prediction'][i]:.5g}",
         f"{one.qc['residual'][i]:.2g}", f"{sizes[i]:.2g}")
        for i in worst
    ]  # fmt: skip
    head = ("row", "name", "place", "prediction", "residual", "relative")
    return card(
        "Do they sum up?",
        note(
            f"The contributions of a row should sum to {sums}. What they miss, the residual, is at"
            f" most {sizes[scored].max():.2g} of the prediction."
        ),
        histogram(
            edges, counts, labels=("|residual|, relative to the prediction", "rows"),
            x_ticks=ticks, marks=marks,
        ),
        "<details><summary>The rows of the largest residuals</summary>",
        table(head, rows),
        "</details>",
    )  # fmt: skip


def place_of(one: FileFigures, row: int) -> tuple[str, str]:
    found = one.rows.row(row)
    return found.name, f"{found.chrom}:{found.start:,}-{found.end:,}"


def rows_by_status(one: FileFigures) -> str:
    """Count the rows of each status, and show how predictions are distributed."""
    counts = sorted(one.scores.summary().status.items(), key=lambda pair: -pair[1])
    prediction = one.qc["prediction"][np.isfinite(one.qc["prediction"])]
    shown = ""
    if len(prediction):
        found, edges = np.histogram(prediction, bins=40)
        marks = [(float(np.median(prediction)), "median")]
        shown = histogram(edges, found, labels=("prediction", "rows"), marks=marks)
    meaning = "padded: past the end of the chromosome. N: with unknown bases. all N: not scored."
    explained = note(meaning) if any(word != "ok" for word, _ in counts) else ""
    return card("Rows", table(("status", "rows"), counts), explained, shown)


def distribution(one: FileFigures) -> str:
    """Show the distribution of contributions, with quantiles."""
    counts = one.measures.counts
    values = counts.quantiles(QUANTILE_SHARES)
    edges, found = counts.histogram(81)
    positive, negative = counts.signs()
    marks = [(values[1], "0.1 %"), (values[5], "99.9 %")]
    return card(
        "How large are they?",
        note(
            f"{counts.number:,} contributions of known bases; {positive} are positive, {negative}"
            " negative. Counts are on a logarithmic scale."
        ),
        histogram(edges, found, labels=("contribution", "bases"), logarithmic=True, marks=marks),
        *quantile_tables(values),
    )


def quantile_tables(values: Sequence[float]) -> list[str]:
    """Write quantiles in two tables, the median at the end of the first: one would be too wide."""
    words = [f"{value:.3g}" for value in values]
    middle = SHARE_NAMES.index("median") + 1
    return [
        table(SHARE_NAMES[part], [words[part]]) for part in (slice(middle), slice(middle, None))
    ]


def along_window(one: FileFigures) -> str:
    """Draw the mean |contribution| at each position of the window."""
    means = one.measures.along()
    half = len(means) // 2
    return card(
        "Where in the window?",
        note(
            "Mean |contribution| at each position, counted from the middle of the window. A rise at"
            " the edges often comes from the model's padding; a narrow peak in the middle means"
            " that regions are centred on what the model looks at."
        ),
        area(means, labels=("bases from the middle", "mean |contribution|"), start=-half),
        wide=True,
    )


def concentration(one: FileFigures) -> str:
    """Show in how few bases half of the score of a row lies."""
    shares = one.measures.half_shares() * 100
    if not len(shares):
        return card("In how few bases?", note("No row has contributions."))
    counts, edges = np.histogram(shares, bins=40, range=(0, 50))
    median = float(np.median(shares))
    return card(
        "In how few bases?",
        note(
            f"In the median row {median:.1f} % of the bases hold half of the sum of |contribution|."
            f" Normally distributed noise needs {NOISE} %: scores near that show no motifs."
        ),
        histogram(
            edges, counts, labels=("% of bases that hold half of the score", "rows"),
            marks=[(median, f"median {median:.1f} %")], unit=" %",
        ),
    )  # fmt: skip


def annotated(one: FileFigures) -> str:
    """List what annotations of each name contribute; nothing where there are none."""
    within = one.measures.within
    if not within.found:
        return ""
    rows = within.table(one.measures.mean_size())
    more = f" The first {MOST_NAMES} of {len(rows):,} names." if len(rows) > MOST_NAMES else ""
    return card(
        "What do annotations contribute?",
        note(
            "Annotations that lie in a window. Enrichment is the mean |contribution| of a base"
            f" within them, over that of all bases.{more}"
        ),
        table(("name", "number", "mean contribution per base", "enrichment"), rows[:MOST_NAMES]),
        wide=True,
    )


def code(line: str) -> str:
    return (
        f'<div class="code"><code>{html_text(line)}</code>'
        '<button type="button" class="copy">copy</button></div>'
    )


def next_steps(one: FileFigures) -> str:
    """List the commands that come next, with the width of this file's windows."""
    name = printable(str(one.scores.path))
    lines = commands_for(one.scores)
    if not lines:
        words = "This is a shard: join the shards with `seqlift merge` first."
        return card("What next?", note(words), wide=True)
    stem = one.scores.path.with_suffix("")
    called = [
        ["seqlift", "seqlets", str(one.scores.path), "--motifs", "MOTIFS.meme"],
        ["seqlift", "report", str(one.scores.path), "--annotations", f"{stem}.seqlets.bed"],
    ]
    return card(
        "What next?",
        note("Seqlets and the motifs they match, and a report that shows them:"),
        *(code(shlex.join(words)) for words in called),
        note(
            f"Motifs by TF-MoDISco and their instances by Fi-NeMo, from {name}. Their own default"
            f" widths do not fit windows of {one.scores.length:,} bases, so keep the ones below."
        ),
        *map(code, lines),
        wide=True,
    )
