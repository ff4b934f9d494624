"""Regions of a page as tracks of letters, with annotations.

Knows blocks of tracks (`seqlift.plots.sheet`) and charts.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from seqlift.intervals import Region
from seqlift.plots import marks
from seqlift.plots.page.charts import (
    CHART_LEFT,
    CHART_RIGHT,
    Chart,
    even_ticks,
    extreme_parts,
    html_text,
    logo_parts,
)
from seqlift.plots.sheet import Block, Track, strongest

FIGURE_WIDTH, FIGURE_HEIGHT, FIGURE_LANE = 980.0, 140.0, 13.0  # pixels
MOST_LETTERS = 260
"""Bases of a track beyond which letters are narrower than 3.5 pixels."""

PIXELS_PER_INCH = 120.0
"""Of names in lanes, whose letters are larger here than in a picture of that many pixels."""


def region_figure(
    block: Block,
    limits: Mapping[str, tuple[float, float]],
    *,
    annotations: Sequence[Region],
    colours: dict[str, str],
) -> str:
    """Draw a block: its title, annotations, and each track; of long ones the strongest part too.

    `limits` are those of each kind of track.
    """
    length = block.end - block.start
    whole = (block.start, block.end)
    parts = [
        f"<figcaption><b>{html_text(block.title)}</b><span>{html_text(block.note)}</span></figcaption>",
        lane_svg(block, whole, annotations, colours),
    ]
    zoom = strongest(block) if length > MOST_LETTERS else None
    drawn = [(track, limits[track.kind]) for track in block.tracks]
    parts += [track_svg(block, track, whole, ends, zoom=zoom) for track, ends in drawn]
    if zoom is not None:
        parts.append(lane_svg(block, zoom, annotations, colours))
        parts += [track_svg(block, track, zoom, ends, near=True) for track, ends in drawn]
    return f"<figure>{''.join(parts)}</figure>"


def track_svg(
    block: Block,
    track: Track,
    place: tuple[int, int],
    limits: tuple[float, float],
    *,
    zoom: tuple[int, int] | None = None,
    near: bool = False,
) -> str:
    """Draw the bases of a track from place[0] to place[1]; shade those of `zoom`."""
    start, end = place
    chart = Chart(start, end, *limits, width=FIGURE_WIDTH, height=FIGURE_HEIGHT)
    part = slice(start - block.start, end - block.start)
    low, high = map(chart.y, limits)
    for first, last, kind in shaded(track, part, start, zoom):
        left, right = chart.x(first), chart.x(last)
        chart.parts.append(
            f'<rect class="{kind}" x="{left:.1f}" width="{right - left:.1f}"'
            f' y="{high:.1f}" height="{low - high:.1f}"/>'
        )
    chart.axes("", "", even_ticks(start, end, 10), even_ticks(*limits, 3))
    values = track.values[part]
    draw = logo_parts if end - start <= MOST_LETTERS else extreme_parts
    draw(chart, values, start)
    zero = f"{chart.y(0):.1f}"
    chart.parts.append(
        f'<line class="axis" x1="{CHART_LEFT}" x2="{FIGURE_WIDTH - CHART_RIGHT}"'
        f' y1="{zero}" y2="{zero}"/>'
    )
    label = f"{track.label}, the shaded bases above" if near else track.label
    chart.write(CHART_LEFT, FIGURE_HEIGHT - 3, label, "start", "label")
    return chart.svg(f"{label} {block.title}")


def shaded(
    track: Track, part: slice, start: int, zoom: tuple[int, int] | None
) -> list[tuple[int, int, str]]:
    """List what is shaded, and how: the part that is drawn again below, bases without a score."""
    known = track.known[part]
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(np.int8)))
    unknown = [(start + int(a), start + int(b), "shade") for a, b in edges.reshape(-1, 2)]
    return [*unknown, *([(*zoom, "zoom")] if zoom is not None else [])]


def lane_svg(
    block: Block, place: tuple[int, int], annotations: Sequence[Region], colours: dict[str, str]
) -> str:
    """Draw the annotations of a stretch, nothing where there are none."""
    chart = Chart(*place, 0, 1, width=FIGURE_WIDTH)
    base = (chart.x(place[0] + 1) - chart.x(place[0])) / PIXELS_PER_INCH
    found = marks.laid_out(annotations, chrom=block.chrom, limits=place, base=base, colours=colours)
    if not found:
        return ""
    chart.height = FIGURE_LANE * marks.lanes(found)
    for one in found:
        top = chart.height - FIGURE_LANE * (one.lane + 1) + 3
        left, right, low = chart.x(one.start), chart.x(one.end), top + FIGURE_LANE - 5
        tip = min(5.0, (right - left) / 2)
        ends = (left + tip * (one.strand == "-"), right - tip * (one.strand == "+"))
        middle = (top + low) / 2
        corners = [(ends[0], top), (ends[1], top), (right, middle), (ends[1], low)]
        corners += [(ends[0], low), (left, middle)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        chart.parts.append(f'<polygon fill="{one.colour}" points="{points}"/>')
        x, anchor = (left - 4, "end") if one.at_left else (right + 4, "start")
        chart.write(x, low, one.label, anchor, "label")
    names = ", ".join(dict.fromkeys(one.label for one in found if one.label))
    return chart.svg(f"Annotations: {names}")
