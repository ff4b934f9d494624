"""A picture of measures: a panel for each, with a point and its interval for each method.

Knows names and numbers; knows nothing of how they were measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PANELS_ACROSS = 3
TARGET_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito
PANEL_WIDTH, NAMES_WIDTH = 3.2, 1.6  # inches
PANEL_HEIGHT, ROW_HEIGHT = 0.7, 0.24  # inches: all but the rows, and each row
RESOLUTION = 150  # pixels per inch


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """The mean of a measure for a method and a target, and the ends of its interval, or NaN."""

    method: str
    target: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MeasurePanel:
    """A measure and its points; `low_is_better` says which way methods are better."""

    title: str
    low_is_better: bool
    points: Sequence[MeasuredPoint]


def draw_measures(panels: Sequence[MeasurePanel], path: Path) -> None:
    """Draw panels into a PNG: methods from top to bottom, a colour for each target."""
    points = [point for panel in panels for point in panel.points]
    methods = list(dict.fromkeys(point.method for point in points))
    targets = list(dict.fromkeys(point.target for point in points))
    across = min(PANELS_ACROSS, len(panels))
    down = -(-len(panels) // across)
    height = PANEL_HEIGHT + ROW_HEIGHT * len(methods) * max(len(targets) / 2, 1)
    size = NAMES_WIDTH + PANEL_WIDTH * across, 0.4 + height * down
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False, sharey=True)
    for spare in axes.flat[len(panels) :]:
        spare.set_visible(False)
    for one, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(one, panel, methods, targets)
    if len(targets) > 1:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(targets), fontsize=8)
    # Without the version of Matplotlib, so that equal tables are equal bytes.
    figure.savefig(path, dpi=RESOLUTION, format="png", metadata={"Software": None})


def _draw_panel(axes: Axes, panel: MeasurePanel, methods: list[str], targets: list[str]) -> None:
    for t, target in enumerate(targets):
        own = [point for point in panel.points if point.target == target]
        spread = 0.6 * ((t + 0.5) / len(targets) - 0.5)
        axes.errorbar(
            [point.mean for point in own],
            [methods.index(point.method) + spread for point in own],
            xerr=[
                # a percentile bootstrap need not hold the mean
                [max(point.mean - point.low, 0.0) for point in own],
                [max(point.high - point.mean, 0.0) for point in own],
            ],
            fmt="o",
            markersize=4,
            capsize=2,
            color=TARGET_COLOURS[t % len(TARGET_COLOURS)],
            label=target,
        )
    arrow = "\N{LEFTWARDS ARROW} better" if panel.low_is_better else "better \N{RIGHTWARDS ARROW}"
    axes.set_title(f"{panel.title} ({arrow})", fontsize=9)
    axes.set_yticks(range(len(methods)), methods, fontsize=8)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
