"""Charts as SVG text: histograms, lines, and logos. Their colours are those of the page.

Knows arrays and SVG; knows nothing of score files. All text goes through `html_text`, which
writes what HTML would obey as references.
"""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from seqlift.intervals import LETTERS
from seqlift.plots import glyphs
from seqlift.plots.logos import stack_letters
from seqlift.system.printable import printable

CHART_LEFT, CHART_RIGHT, CHART_TOP, CHART_BOTTOM = 66.0, 14.0, 10.0, 34.0  # pixels for the axes


def html_text(value: object) -> str:
    """Write anything as text of a page or of an attribute in quotes."""
    return html.escape(printable(str(value)), quote=True)


@dataclass(slots=True)
class Chart:
    """A chart of `width` by `height` pixels, x from `x0` to `x1` and y from `y0` to `y1`."""

    x0: float
    x1: float
    y0: float
    y1: float
    width: float = 480.0
    height: float = 190.0
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Find where a value lies, in pixels from the left."""
        span = (self.x1 - self.x0) or 1.0
        return CHART_LEFT + (value - self.x0) / span * (self.width - CHART_LEFT - CHART_RIGHT)

    def y(self, value: float) -> float:
        """Find where a value lies, in pixels from the top."""
        span = (self.y1 - self.y0) or 1.0
        return (
            self.height
            - CHART_BOTTOM
            - (value - self.y0) / span * (self.height - CHART_TOP - CHART_BOTTOM)
        )

    def axes(self, x_label: str, y_label: str, x_ticks: "Ticks", y_ticks: "Ticks") -> None:
        """Draw both axes with their labels."""
        low, right = self.height - CHART_BOTTOM, self.width - CHART_RIGHT
        for at, label in y_ticks:
            y = self.y(at)
            self.parts.append(
                f'<line class="grid" x1="{CHART_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
            self.write(CHART_LEFT - 6, y + 3.5, label, "end")
        for at, label in x_ticks:
            x = self.x(at)
            self.line("axis", x, x, low, low + 4)
            self.write(x, low + 15, label, "middle")
        self.line("axis", CHART_LEFT, right, low, low)
        self.write((CHART_LEFT + right) / 2, self.height - 4, x_label, "middle", "label")
        middle = (CHART_TOP + low) / 2
        self.parts.append(
            f'<text class="label" transform="translate(11 {middle:.0f}) rotate(-90)"'
            f' text-anchor="middle">{html_text(y_label)}</text>'
        )

    def line(self, kind: str, x1: float, x2: float, y1: float, y2: float) -> None:
        """Draw a line between two places in pixels."""
        self.parts.append(
            f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'
        )

    def steps(self, edges: NDArray[np.int64], heights: NDArray[np.float64], start: int) -> None:
        """Fill the space between 0 and steps: heights (n,) from edges[i] to edges[i + 1]."""
        corners = [
            f"{self.x(start + int(x)):.1f},{self.y(float(y)):.1f}"
            for first, last, y in zip(edges[:-1], edges[1:], heights, strict=True)
            for x in (first, last)
        ]
        zero = f"{self.y(0):.1f}"
        ends = f"{self.x(start):.1f},{zero}", f"{self.x(start + int(edges[-1])):.1f},{zero}"
        points = " ".join([ends[0], *corners, ends[1]])
        self.parts.append(f'<polygon class="area" points="{points}"/>')

    def write(self, x: float, y: float, label: str, anchor: str, kind: str = "tick") -> None:
        """Write text at a place in pixels."""
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{html_text(label)}</text>"
        )

    def bar(self, first: float, last: float, height: float, title: str) -> None:
        """Draw a bar from `first` to `last`, with a title that shows when it is pointed at."""
        left, right, top = self.x(first), self.x(last), self.y(height)
        low = self.height - CHART_BOTTOM
        self.parts.append(
            f'<rect class="bar" x="{left + 0.3:.2f}" y="{top:.2f}"'
            f' width="{max(right - left - 0.6, 0.4):.2f}" height="{max(low - top, 0):.2f}">'
            f"<title>{html_text(title)}</title></rect>"
        )

    def mark(self, at: float, label: str, *, above: bool = True) -> None:
        """Draw a vertical line with a label."""
        if self.x0 <= at <= self.x1:
            x = self.x(at)
            self.line("mark", x, x, CHART_TOP, self.height - CHART_BOTTOM)
            near_end = x > self.width * 0.7
            offset = -4 if near_end else 4
            y = CHART_TOP + 9 if above else CHART_TOP + 21
            self.write(x + offset, y, label, "end" if near_end else "start", "marked")

    def svg(self, description: str) -> str:
        """Write the chart as an SVG element."""
        return (
            f'<svg viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img"'
            f' aria-label="{html_text(description)}">{"".join(self.parts)}</svg>'
        )


Ticks = Sequence[tuple[float, str]]


def even_ticks(low: float, high: float, number: int = 5) -> Ticks:
    """Choose round values between two ends, with their labels."""
    values = MaxNLocator(number, steps=[1, 2, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    # MaxNLocator adds a tick beyond each end; the slack keeps those that rounding has put there.
    inside = [float(one) for one in values if low - slack <= one <= high + slack]
    return [(one, number_text(one)) for one in inside]


def number_text(value: float) -> str:
    # -0 becomes 0
    return f"{value + 0.0:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:.6g}"


def count_ticks(most: float, *, logarithmic: bool) -> Ticks:
    if not logarithmic:
        return even_ticks(0, max(most, 1), 4)
    powers = range(int(np.log10(max(most, 1))) + 1)
    every = max(1, len(powers) // 4)
    return [(float(np.log10(1 + 10**power)), f"{10**power:,}") for power in powers[::every]]


def histogram(
    edges: NDArray[np.float64],
    counts: NDArray[np.int64],
    *,
    labels: tuple[str, str],
    logarithmic: bool = False,
    x_ticks: Ticks | None = None,
    marks: Iterable[tuple[float, str]] = (),
    unit: str = "",
) -> str:
    """Draw counts between edges (bins + 1) as bars; `labels` are those of the x and y axis."""
    heights = np.log10(1 + counts) if logarithmic else counts.astype(float)
    top = float(heights.max(initial=0)) * 1.12 or 1.0
    chart = Chart(float(edges[0]), float(edges[-1]), 0.0, top)
    ticks = even_ticks(chart.x0, chart.x1) if x_ticks is None else x_ticks
    chart.axes(*labels, ticks, count_ticks(float(counts.max(initial=0)), logarithmic=logarithmic))
    for first, last, height, count in zip(edges[:-1], edges[1:], heights, counts, strict=True):
        if count:
            shown = f"{first:.4g} to {last:.4g}{unit}: {count:,}"
            chart.bar(float(first), float(last), float(height), shown)
    for i, (at, label) in enumerate(marks):
        chart.mark(at, label, above=i % 2 == 0)
    return chart.svg(f"Histogram of {labels[0]}")


def area(values: NDArray[np.float64], *, labels: tuple[str, str], start: int = 0) -> str:
    """Draw values at consecutive positions as an area; of more than 800, means of stretches."""
    edges = even_edges(len(values), 800)
    means = np.add.reduceat(values, edges[:-1]) / np.diff(edges)
    top = float(means.max(initial=0)) * 1.08 or 1.0
    chart = Chart(start, start + max(1, len(values)), 0.0, top, width=980.0)
    chart.axes(*labels, even_ticks(chart.x0, chart.x1, 10), even_ticks(0, top, 4))
    chart.steps(edges, means, start)
    return chart.svg(labels[1])


def even_edges(number: int, most: int) -> NDArray[np.int64]:
    """Divide positions into at most `most` stretches of equal width, but for the last one."""
    step = max(1, -(-number // most))
    return np.array([*range(0, number, step), number], dtype=np.int64)


def letter_shapes() -> str:
    """Define the four letters once for a page, as shapes of the unit square."""
    shapes = "".join(
        f'<path id="letter-{base}" class="letter-{base}" d="{path_data(base)}"/>'
        for base in LETTERS
    )
    return (
        f'<svg width="0" height="0" class="shapes" aria-hidden="true"><defs>{shapes}</defs></svg>'
    )


def path_data(base: str) -> str:
    unit, codes = glyphs.letter_outline(base)
    words: list[str] = []
    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
    before = None
    for (x, y), code in zip(unit, codes, strict=True):
        if code == Path.CLOSEPOLY:
            words.append("Z")
        else:
            follows = code == before and code in (Path.CURVE3, Path.CURVE4)
            words.append(f"{'' if follows else letters[code]}{x:.3f} {y:.3f}")
        before = None if code == Path.CLOSEPOLY else code
    return " ".join(words)


def logo_parts(
    chart: Chart, values: NDArray[np.float64], start: int, *, smallest: float = 0.4
) -> None:
    """Draw scores (L, 4) as letters; those of less than `smallest` pixels are left out."""
    width = (chart.x(start + 1) - chart.x(start)) * 0.92
    for base, places in zip(LETTERS, stack_letters(values, start), strict=True):
        for left, low, _, height in places:
            y0, y1 = chart.y(low), chart.y(low + height)
            if height and abs(y1 - y0) >= smallest:
                x = chart.x(left + 0.04)
                chart.parts.append(
                    f'<use href="#letter-{base}" transform="matrix({width:.2f} 0 0 {y1 - y0:.2f}'
                    f' {x:.2f} {y0:.2f})"/>'
                )


def extreme_parts(chart: Chart, values: NDArray[np.float64], start: int) -> None:
    """Draw scores (L, 4) as an outline of the highest and lowest sum of each pixel."""
    sums = values.sum(axis=1)
    edges = even_edges(len(sums), int(chart.width))
    for extreme in (np.maximum, np.minimum):
        chart.steps(edges, extreme.reduceat(extreme(sums, 0), edges[:-1]), start)
