"""Laws of `seqlift plot`: what is asked for is drawn, where it lies, on one scale, or refused."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from drawn_scores import EVIL, WINDOWS, drawn_batch, score_file
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from test_logos import boxes, patches

import seqlift
from seqlift.attribution.result import Result
from seqlift.errors import InputError, OutputError
from seqlift.intervals import Region
from seqlift.pipeline.drawing import draw_picture
from seqlift.plots import glyphs, marks
from seqlift.plots.picture import DrawingOptions as Options
from seqlift.plots.picture import blocks_of, draw_rows, save
from seqlift.plots.sheet import Block, Sheet, Track, lines_of
from seqlift.plots.stretch import StretchReader, shown_name
from seqlift.tracks import layout
from seqlift.tracks.scale_groups import scale_groups
from seqlift.tracks.score_file import ScoreFile

STORED = Path(__file__).with_name("stored_pictures.npz")
"""Pictures in blocks of pixels: `python tests/test_plot.py` draws them anew."""

PICTURES = {
    "letters": Options(rows=(1, 2), hypothetical=True),
    "wrapped": Options(rows=(3,), wrap=20),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return score_file(tmp_path_factory.mktemp("scores") / "one.h5", multipliers=True)


def contributions(row: int, seed: int = 0) -> np.ndarray:
    """Compute what the file has of a row, (L, 4)."""
    batch = drawn_batch(seed)
    one_hot = batch.codes[row][:, None] == np.arange(4)
    return np.where(one_hot, batch.hypothetical[row], 0)


def heights(axes: object) -> dict[float, float]:
    """Read the letters of a track: the height at each place, to the nearest base."""
    found = {}
    for name, patch in patches(axes).items():
        if name.startswith("bases-"):
            for left, low, _, high in boxes(patch, len(glyphs.letter_outline(name[-1])[1])):
                found[int(left)] = high if high > -low else low
    return found


def test_a_row_is_drawn_where_it_lies(path: Path) -> None:
    (axes,) = seqlift.plot(path, row=1)
    assert axes.get_xlim() == (100, 140)
    expected = contributions(1).sum(axis=1)
    found = heights(axes)
    assert found == pytest.approx({100 + i: v for i, v in enumerate(expected) if v})
    texts = [text.get_text() for text in axes.figure.texts]
    assert "first   chr1:100-140   + →" in texts


def test_rows_names_regions_and_the_top_are_drawn_in_this_order(path: Path) -> None:
    wanted = Options(rows=(2,), regions=("chr2:30-50",), names=("first",), top=2)
    blocks, _ = blocks_of([path], wanted)
    assert [(one.chrom, one.start, one.end) for one in blocks] == [
        ("chr1", 120, 160), ("chr2", 30, 50), ("chr1", 100, 140), ("chr2", 120, 160),
        ("chr2", 100, 140),
    ]  # fmt: skip


def test_the_top_are_the_highest_predictions_that_were_scored(path: Path) -> None:
    with ScoreFile(path) as scores:
        rows = StretchReader(scores)
        assert [one.row for one in rows.top(3)] == [10, 9, 8]
        assert len(rows.top(50)) == len(WINDOWS) - 1


def test_a_region_takes_each_base_from_the_row_whose_middle_is_nearest(path: Path) -> None:
    """As the track does: rows 1 and 2 have their middles at 120 and 140."""
    with ScoreFile(path) as scores:
        rows = StretchReader(scores)
        values, known = rows.values(rows.region("chr1:90-170"), layout.CONTRIBUTIONS)
    assert not values[:10].any()
    assert not known[:10].any()
    assert np.allclose(values[10:41], contributions(1)[:31])  # 130 is as near to both
    assert np.allclose(values[41:70], contributions(2)[11:])
    assert not values[70:].any()


def test_the_same_bases_are_drawn_of_every_file_on_one_scale(path: Path, tmp_path: Path) -> None:
    other = score_file(tmp_path / "two.h5", seed=1, target="tasks:1", multipliers=True)
    figure = draw_rows([path, other], Options(rows=(1, 4), hypothetical=True, multipliers=True))
    assert len(figure.axes) == 12
    assert {axes.get_xlim() for axes in figure.axes[:6]} == {(100.0, 140.0)}
    limits = [axes.get_ylim() for axes in figure.axes]
    assert len(set(limits)) == 2  # of contributions, and of multipliers
    assert heights(figure.axes[1]) == pytest.approx(
        {100 + i: v for i, v in enumerate(contributions(1, seed=1).sum(axis=1)) if v}
    )
    lefts = {round(axes.get_position().x0, 6) for axes in figure.axes}
    assert len(lefts) == 1
    texts = [text.get_text() for text in figure.texts]
    assert "contribution to tasks:1 (deeplift)" in texts
    assert "multiplier of tasks:0 (deeplift)" in texts


def test_each_file_may_have_a_scale_of_its_own(path: Path, tmp_path: Path) -> None:
    other = score_file(tmp_path / "two.h5", seed=1, target="tasks:1")
    wanted = Options(rows=(1, 4), hypothetical=True, own_scales=True)
    limits = [axes.get_ylim() for axes in draw_rows([path, other], wanted).axes]
    assert limits[0] == limits[2] == limits[4] != limits[1]
    assert limits[1] == limits[3] == limits[5]


def test_heads_of_other_units_have_other_scales(tmp_path: Path) -> None:
    files = [
        score_file(tmp_path / f"{i}.h5", seed=i, target=target)
        for i, target in enumerate(["counts", "profile:Oct4", "profile:Sox2"])
    ]
    limits = [axes.get_ylim() for axes in draw_rows(files, Options(rows=(1, 4))).axes]
    assert limits[0] == limits[3] != limits[1]
    assert limits[1] == limits[2] == limits[4] == limits[5]


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        (["a tasks:0", "a tasks:1"], 1),
        (["a counts", "a profile", "a profile-complete"], 3),
        (["a counts", "b counts"], 1),
        (["a dense_1", "b dense_7:0"], 1),
        (["a dense_1", "a dense_2"], 2),
        (["a dense_1", "a dense_2", "b dense_1"], 2),
    ],
)
def test_tracks_of_one_head_share_a_scale(files: list[str], groups: int) -> None:
    facts = [dict(zip(("model_sha256", "target"), one.split(), strict=True)) for one in files]
    assert len(set(scale_groups(facts))) == groups


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (Options(rows=(12,)), "no row 12; rows are numbered from 0 to 11"),
        (Options(names=("frist",)), "no row has the name 'frist'; nearest are first"),
        (
            Options(regions=("chr1:200-210",)),
            r"chr1:200-210 is not scored; nearest is row 2, chr1",
        ),
        (Options(regions=("chr3:1-2",)), "no row lies on 'chr3'; nearest are chr2, chr1"),
        (Options(regions=("chr1:9-9",)), "end 9 is not after start 9; give a larger end"),
        (
            Options(regions=("chr1",)),
            "'chr1' is not chrom:start-end; give 0-based half-open",
        ),
        (Options(), "nothing to draw; give --row, --region, --name or --top"),
    ],
)
def test_what_is_not_there_is_named(path: Path, wanted: Options, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        draw_rows([path], wanted)


def test_a_picture_taller_than_any_that_can_be_saved_is_refused(path: Path) -> None:
    problem = "480 tracks in one picture would be 473 inches tall, and 400 is the most"
    with pytest.raises(InputError, match=problem):
        draw_rows([path] * 40, Options(rows=tuple(range(12))))
    with pytest.raises(InputError, match="201 score files in one picture; give 200 at most"):
        draw_rows([path] * 201, Options(rows=(1,)))


def test_a_file_without_multipliers_is_named(tmp_path: Path) -> None:
    path = score_file(tmp_path / "none.h5")
    with pytest.raises(InputError, match="it has no multipliers; run `seqlift score` with --mult"):
        seqlift.plot(path, row=0, multipliers=True)


def test_bases_without_scores_are_hatched(path: Path) -> None:
    """Row 0 begins 5 bases before its chromosome."""
    batch = drawn_batch()
    (axes,) = draw_rows([path], Options(rows=(0,))).axes
    hatched = [one for one in axes.patches if one.get_hatch()]
    bases = {
        int(x) for one in hatched for x in np.arange(one.get_x(), one.get_x() + one.get_width())
    }
    assert bases == {i - 5 for i in np.flatnonzero(batch.codes[0] == 4)}
    assert {-5, -4, -3, -2, -1} <= bases


def regions(*places: tuple[int, int, str, str]) -> list[Region]:
    return [Region("chr1", start, end, name, strand=strand) for start, end, name, strand in places]


def test_annotations_that_overlap_lie_in_lanes_of_their_own() -> None:
    some = regions((5, 20, "a", "+"), (10, 30, "b", "-"), (80, 90, "c", "."), (300, 310, "d", "."))
    found = marks.laid_out(
        some, chrom="chr1", limits=(0, 100), base=0.1, colours=marks.colours_of(some)
    )
    assert [(one.label, one.lane) for one in found] == [("a", 0), ("b", 1), ("c", 0)]


def test_a_name_at_the_end_of_a_picture_stands_at_the_left() -> None:
    some = regions((90, 100, "long name", "+"), (50, 99, "b", "+"))
    (first, last) = marks.laid_out(
        some, chrom="chr1", limits=(0, 100), base=0.1, colours=marks.colours_of(some)
    )
    assert (first.label, first.at_left, last.at_left) == ("b", False, True)
    assert first.lane != last.lane


def test_seqlets_have_the_name_of_their_motif(tmp_path: Path) -> None:
    bed = tmp_path / "x.seqlets.bed"
    head = "#chrom\tstart\tend\tname\tscore\tstrand\tmotif\n"
    rows = "chr1\t5\t9\tpeak1\t10\t+\tGATA1\nchr1\t15\t19\tpeak1\t10\t-\t.\n"
    bed.write_text(f"{head}{rows}")
    assert [(one.start, one.name) for one in marks.read_marks([bed])] == [(5, "GATA1"), (15, ".")]
    bed.write_text(rows)
    assert [one.name for one in marks.read_marks([bed])] == ["peak1", "peak1"]
    bed.write_text("chr1\t5\t9\n")
    assert [one.name for one in marks.read_marks([bed])] == ["."]
    bed.write_text("chr1\t9\t5\nchr1\tx\t5\n")
    with pytest.raises(InputError, match=r"x.seqlets.bed:1: end 5 .*\n.*x.seqlets.bed:2"):
        marks.read_marks([bed])


def test_annotations_of_other_chromosomes_are_refused(tmp_path: Path) -> None:
    """They would be drawn nowhere, as if there were none."""
    bed = tmp_path / "x.bed"
    bed.write_text("1\t5\t9\n2\t5\t9\n")
    problem = "x.bed:1: chromosome 1 is not in the genome of the scores, nor is any other of this"
    with pytest.raises(InputError, match=f"{problem} file; did you mean chr1"):
        marks.read_marks([bed], ["chr1", "chr2"])
    bed.write_text("1\t5\t9\nchr2\t5\t9\n")
    assert len(marks.read_marks([bed], ["chr1", "chr2"])) == 2
    bed.write_text("# none\n")
    assert marks.read_marks([bed], ["chr1"]) == []


def test_many_annotations_keep_within_their_lanes() -> None:
    some = regions(*((i, i + 50, f"n{i}", "+") for i in range(40)))
    found = marks.laid_out(
        some, chrom="chr1", limits=(0, 100), base=0.1, colours=marks.colours_of(some)
    )
    assert marks.lanes(found) == marks.MOST_LANES
    assert sum(bool(one.label) for one in found) >= marks.MOST_LANES


def test_a_mark_shades_its_bases_and_points_along_its_strand(path: Path, tmp_path: Path) -> None:
    bed = tmp_path / "motifs.bed"
    bed.write_text("chr1\t110\t120\tGATA1\t0\t+\nchr2\t110\t120\tTAL1\t0\t-\n")
    figure = draw_rows([path], Options(rows=(1,), annotations=(bed,)))
    lanes, track = figure.axes
    (arrow,) = lanes.artists + lanes.patches
    corners = arrow.get_xy()
    assert corners[:, 0].min() == 110
    assert corners[:, 0].max() == 120
    assert np.sum(corners[:, 0] == 120) == 1  # the tip
    assert [text.get_text() for text in lanes.texts] == ["GATA1"]
    shaded = [one for one in track.patches if one.get_alpha() == marks.SHADE]
    assert [(one.get_x(), one.get_width()) for one in shaded] == [(110, 10)]


def long_block(bases: int) -> Block:
    values = np.zeros((bases, 4))
    values[:, 1] = 0.01
    values[700:710, 2] = 2.0
    track = Track("contribution", "contribution", values, np.ones(bases, dtype=bool))
    return Block("long", "", "", "chr1", 1000, [track])


def test_a_long_stretch_is_bars_and_its_strongest_part_letters() -> None:
    whole, part = lines_of(long_block(2114), wrap=None, width=13)
    assert (whole.start, whole.end) == (1000, 3114)
    assert whole.zoomed == (part.start, part.end)
    assert part.start <= 1700
    assert part.end >= 1710
    assert part.end - part.start == 120
    figure = Figure()
    sheet = Sheet(figure, [long_block(2114)])
    bars, letters = (patches(axes) for axes in sheet.axes)
    assert set(bars) & {"bases-all"}
    assert len(letters["bases-G"].get_path().codes) == 10 * len(glyphs.letter_outline("G")[1])


def test_a_stretch_is_folded_into_lines_of_equal_bases(path: Path) -> None:
    figure = draw_rows([path], Options(rows=(1,), wrap=15))
    assert [axes.get_xlim() for axes in figure.axes] == [(100, 115), (115, 130), (130, 140)]
    widths = [axes.get_position().width for axes in figure.axes]
    assert widths[0] == pytest.approx(widths[1])
    assert widths[2] == pytest.approx(widths[0] * 10 / 15)


def test_the_place_of_a_region_is_not_taken_for_that_of_its_window() -> None:
    """Rows without a name have the place of their region, which is shorter than the window."""
    assert shown_name("chr1:110-130", "chr1") == "region chr1:110-130"
    assert shown_name("chr1:110-130", "chr2") == "chr1:110-130"
    assert shown_name("peak1", "chr1") == "peak1"


def test_a_long_name_is_cut_so_that_the_place_can_be_read() -> None:
    values = np.zeros((50, 4))
    track = Track("", "contribution", values, np.ones(50, dtype=bool))
    figure = Figure()
    Sheet(figure, [Block("n" * 200, "chr1:5-55", "row 3", "chr1", 5, [track])])
    title, note, _ = (text.get_window_extent() for text in figure.texts)
    assert figure.texts[0].get_text().endswith("n…   chr1:5-55")
    assert title.x1 < note.x0


@pytest.mark.parametrize(
    ("ending", "start"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), pytest.param("pdf", b"%PDF", marks=pytest.mark.slow)],
)
def test_a_picture_is_the_same_bytes_each_time(
    path: Path, tmp_path: Path, ending: str, start: bytes
) -> None:
    out = tmp_path / f"a.{ending}"
    wanted = Options(names=(EVIL,), hypothetical=True)
    assert not draw_picture([str(path)], str(out), wanted, force=False).before
    first = out.read_bytes()
    assert first.startswith(start)
    assert draw_picture([str(path)], str(out), wanted, force=False).before
    with pytest.raises(OutputError, match="already exists, and differs"):
        draw_picture([str(path)], str(out), Options(rows=(1,)), force=False)
    assert out.read_bytes() == first
    draw_picture([str(path)], str(out), Options(rows=(1,)), force=True)
    assert out.read_bytes() != first


def test_names_are_drawn_as_they_are(path: Path, tmp_path: Path) -> None:
    save(draw_rows([path], Options(names=(EVIL,))), tmp_path / "a.svg", ".svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert "<script" not in text
    assert "&lt;sc" in text
    save(draw_rows([path, path], Options(names=(EVIL,))), tmp_path / "b.svg", ".svg")
    assert "script&gt;alert(1)&lt;/script&gt;$x^2$ ü é" in (tmp_path / "b.svg").read_text("utf-8")


def test_other_endings_and_the_files_that_are_read_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"end it in \.png, \.svg, \.pdf"):
        draw_picture([str(path)], str(tmp_path / "a.jpg"), Options(rows=(0,)), force=True)


def test_a_result_is_drawn() -> None:
    values = np.zeros((2, 30, 4))
    values[1, 4, 2] = 3.0
    figures = [np.zeros(2), *[np.zeros((2, 1))] * 3]
    result = Result(values, values, values, *figures)
    axes = result.plot(1, start=10)
    assert heights(axes) == {14: 3.0}
    assert axes.get_ylabel() == "contribution"
    own = Figure().add_subplot()
    assert result.plot(1, scores="hypothetical", axes=own) is own
    with pytest.raises(InputError, match="row 2: there is none; give one from 0 to 1"):
        result.plot(2)
    with pytest.raises(InputError, match="choose from contributions, hypothetical"):
        result.plot(0, scores="prediction")


@pytest.mark.slow
def test_the_command_draws_without_tensorflow(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.png"
    code = (
        "import sys; from seqlift.cli import main\n"
        f"try: main(['plot', {str(path)!r}, '--top', '2', '-q', '-o', {str(out)!r}])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'tensorflow', 'keras', 'jax', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert out.stat().st_size > 5000


def blocks_of_pixels(figure: Figure) -> np.ndarray:
    """Draw a figure and take the mean of every 8 by 8 pixels, so that no hair's breadth counts."""
    figure.dpi = 80
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    size = (picture.width // 8, picture.height // 8)
    return np.asarray(picture.resize(size, Image.Resampling.BOX), dtype=np.uint8)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_those_that_were_looked_at(path: Path, name: str) -> None:
    found = blocks_of_pixels(draw_rows([path], PICTURES[name])).astype(float)
    other = blocks_of_pixels(draw_rows([path], Options(rows=(5, 6), hypothetical=True))).astype(
        float
    )
    with np.load(STORED) as stored:
        expected = stored[name].astype(float)
    assert found.shape == expected.shape
    difference = np.abs(found - expected).mean()
    assert difference < 1.0
    if other.shape == expected.shape:
        assert np.abs(other - expected).mean() > 5.0


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        scores = score_file(Path(temporary) / "one.h5", multipliers=True)
        drawings = {
            name: blocks_of_pixels(draw_rows([scores], one)) for name, one in PICTURES.items()
        }
    np.savez_compressed(STORED, **drawings)
