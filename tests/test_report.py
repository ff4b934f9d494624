"""Laws of `seqlift report`: its figures are those of the file, and its page loads nothing."""

import re
import shutil
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest
from drawn_scores import EVIL, LENGTH, WINDOWS, drawn_batch, score_file
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqlift.errors import InputError, OutputError
from seqlift.pipeline.drawing import write_report
from seqlift.plots.marks import read_marks
from seqlift.plots.page import measures
from seqlift.plots.page.charts import even_ticks
from seqlift.plots.page.document import page
from seqlift.plots.page.sections import QUANTILE_SHARES
from seqlift.plots.page.signed_counts import SignedCounts
from seqlift.plots.stretch import StretchReader
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.score_file import ScoreFile

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Page(HTMLParser):
    """Reads a page as a browser does: its elements, addresses, and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    facts = {"model": EVIL, "regions": f"{EVIL}.bed", "command": f"seqlift score {EVIL}"}
    return score_file(tmp_path_factory.mktemp("scores") / "one.h5", **facts)


@pytest.fixture(scope="module")
def source(path: Path) -> str:
    return page([path])


def tracks() -> tuple[np.ndarray, np.ndarray]:
    """Compute the contributions of observed bases, (N, L), and which are known."""
    batch = drawn_batch()
    known = batch.codes < 4
    one_hot = batch.codes[..., None] == np.arange(4)
    return (batch.hypothetical * one_hot).sum(axis=2), known


FLOATS = arrays(
    np.float32, st.integers(1, 60), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
)


@settings(max_examples=40)
@given(FLOATS, st.integers(0, 60))
def test_quantiles_are_those_of_all_numbers_in_whatever_pieces(
    values: np.ndarray, cut: int
) -> None:
    counts = SignedCounts()
    counts.add(values[:cut])
    counts.add(values[cut:])
    found = counts.quantiles(QUANTILE_SHARES)
    expected = np.quantile(values, QUANTILE_SHARES, method="inverted_cdf")
    assert np.allclose(found, expected, rtol=5e-4, atol=1e-37)
    assert (found[0], found[-1]) == (values.min(), values.max())
    assert counts.positive == np.count_nonzero(values > 0)
    assert counts.negative == np.count_nonzero(values < 0)
    edges, bars = counts.histogram(7)
    assert bars.sum() == len(values)
    assert (edges[0], edges[-1]) == pytest.approx((values.min(), values.max()), abs=0.5)


@given(arrays(np.float32, (3, 9), elements=st.floats(0, 100, width=32)))
def test_the_share_that_holds_half_is_the_smallest_that_does(sizes: np.ndarray) -> None:
    known = np.full(3, 9)
    expected = []
    for row in sizes.astype(np.float64):
        ordered = sorted(row, reverse=True)
        total = sum(ordered)  # in the order of the partial sums, which rounding depends on
        if total:
            number = next(n for n in range(1, 10) if sum(ordered[:n]) >= total / 2)
            expected.append(number / 9)
    assert np.allclose(measures.half_share(sizes, known), expected)


def test_figures_are_those_of_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values, known = tracks()
    found = []
    for size in (1, 10_000_000):
        monkeypatch.setattr(measures, "MEASURED_BYTES", size)
        with ScoreFile(path) as scores:
            (one,), _ = measures.measure([StretchReader(scores)], alike=True)
        found.append(one)
    for one in found:
        assert one.counts.number == known.sum()
        assert one.counts.positive == np.count_nonzero(values > 0)
        mean = np.abs(values).sum(axis=0) / known.sum(axis=0)
        assert np.allclose(one.along(), mean)
        assert len(one.half_shares()) == len(WINDOWS) - 1  # the last is all N
    assert found[0].counts.quantiles(QUANTILE_SHARES) == found[1].counts.quantiles(QUANTILE_SHARES)


def test_correlations_are_those_of_the_known_bases(path: Path, tmp_path: Path) -> None:
    with h5py.File(path) as file:
        first, known = file["projected_shap/seq"][:].sum(axis=1), file["raw/seq"][:].any(axis=1)
    other = tmp_path / "two.h5"
    batch = drawn_batch()
    noise = np.random.default_rng(3).standard_normal(batch.hypothetical.shape)
    mixed = replace(batch, hypothetical=(batch.hypothetical + noise).astype(np.float32))
    with ScoreWriter(other, length=LENGTH, attributes={}) as writer:
        writer.write(mixed)
    with ScoreFile(path) as a, ScoreFile(other) as b:
        _, comparison = measures.measure([StretchReader(a), StretchReader(b)], alike=True)
        second = b.tracks(slice(None))
    expected = np.corrcoef(first[known], second[known])
    assert comparison is not None
    assert np.allclose(comparison.correlations(), expected)
    assert 0.5 < expected[0, 1] < 0.9
    assert f"{expected[0, 1]:.3f}" in Page(page([path, other])).text


def test_annotations_are_summed_over_the_rows_they_lie_in(path: Path, tmp_path: Path) -> None:
    """The first lies in rows 1 and 2, the second in none, the third reaches out of its row."""
    bed = tmp_path / "motifs.bed"
    bed.write_text("chr1\t125\t135\tA\nchr1\t200\t210\tA\nchr1\t335\t345\tB\n")
    regions = read_marks([bed])
    with ScoreFile(path) as scores:
        (one,), _ = measures.measure([StretchReader(scores)], alike=True, annotations=regions)
    values, known = tracks()
    inside = np.concatenate([values[1, 25:35], values[2, 5:15]])
    ((name, number, mean, enrichment),) = one.within.table(one.mean_size())
    assert (name, number) == ("A", "1")
    assert float(mean) == pytest.approx(inside.mean(), rel=5e-3)
    overall = np.abs(values).sum() / known.sum()
    assert float(enrichment) == pytest.approx(np.abs(inside).mean() / overall, rel=5e-3)
    assert "What do annotations contribute?" in page([path], annotations=[bed])


def test_files_with_other_rows_are_not_compared(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "two.h5"
    with ScoreWriter(other, length=LENGTH, attributes={}) as writer:
        writer.write(drawn_batch().rows(slice(2, 5)))
    text = Page(page([path, other])).text
    assert "do not have the same rows, so they are not compared" in text
    assert text.count("The highest predictions") == 2


@pytest.mark.slow
def test_more_files_than_a_page_can_show_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="101 score files in one page; give 100 at most"):
        page([path] * 101)


def test_memory_is_that_of_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MEASURED_BYTES", 16 * LENGTH * 500)
    peaks = []
    for times in (1, 8):
        file = tmp_path / f"{times}.h5"
        with ScoreWriter(file, length=LENGTH, attributes={}) as writer:
            for _ in range(100 * times):
                writer.write(drawn_batch())
        with ScoreFile(file) as scores:
            reader = StretchReader(scores)  # holds where each row lies
            tracemalloc.start()
            measures.measure([reader], alike=True)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    growth = 8400 * LENGTH * 4  # of the contributions alone, if they were held
    assert peaks[1] - peaks[0] < growth / 8


def test_the_page_says_what_ran_and_what_comes_next(source: str, path: Path) -> None:
    text = Page(source).text
    assert "12 regions of" in text
    assert "in windows of 40 bases" in text
    assert "Contributions are to tasks:0, by deeplift" in text
    assert re.search(r"modisco motifs -i \S+one\.h5 -n \d+ -w 40 ", text)
    assert re.search(r"finemo extract-regions-chrombpnet-h5 .* -w 40 ", text)
    for name, value in zip(("ok", "all N"), (11, 1), strict=True):
        assert f"{name}{value}" in text


def test_the_rows_of_the_largest_residuals_come_first(source: str) -> None:
    residual = np.abs(drawn_batch().relative_residual)
    listed = re.search(r"largest residuals</summary>.*?</table>", source, re.DOTALL)
    assert listed is not None
    rows = [int(one) for one in re.findall(r"<tr><td>(\d+)</td>", listed[0])]
    assert rows == np.argsort(-residual)[:8].tolist()


def test_nothing_that_a_file_says_is_taken_for_html(source: str) -> None:
    read = Page(source)
    assert read.tags.count("script") == 1
    assert EVIL in read.text  # a name of a row
    assert f"seqlift score {EVIL}" in read.text
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_a_page_loads_nothing(source: str) -> None:
    read = Page(source)
    loaded = {value for name, value in read.attributes if name in ("src", "href", "action")}
    assert {value for value in loaded if not value.startswith("#letter-")} == {"data:,"}
    assert not {"img", "iframe", "object", "embed", "base", "form"} & set(read.tags)
    assert "url(" not in source
    assert "@import" not in source
    assert "default-src 'none'" in source


def test_letters_stand_where_their_bases_are(path: Path) -> None:
    """In the figure of row 10, the first of the page, there is a letter for each large score."""
    source = page([path])
    figure = source[source.index("<figure>") : source.index("</figure>")]
    values, _ = tracks()
    letters = re.findall(r'href="#letter-(.)" transform="matrix\(([^)]*)\)', figure)
    lefts = np.array([float(matrix.split()[4]) for _, matrix in letters])
    heights = -np.array([float(matrix.split()[3]) for _, matrix in letters])
    width = float(letters[0][1].split()[0]) / 0.92
    places = np.round((lefts - 58) / width - 0.04).astype(int)
    scale = heights / values[10][places]
    assert np.allclose(scale, scale[0], rtol=0.05)
    assert len(letters) > 0.8 * np.count_nonzero(values[10])


def test_labels_have_all_digits_of_a_coordinate() -> None:
    ticks = even_ticks(39_882_976, 39_885_090, 5)
    assert len(ticks) >= 3
    assert [label for _, label in ticks] == [f"{at:,.0f}" for at, _ in ticks]
    assert [label for _, label in even_ticks(-0.2, 0.4, 4)] == ["-0.2", "0", "0.2", "0.4"]


def test_files_without_rows_or_without_known_bases_have_pages(tmp_path: Path) -> None:
    empty, unknown = tmp_path / "empty.h5", tmp_path / "unknown.h5"
    with ScoreWriter(empty, length=LENGTH, attributes={"shard": "2-of-2"}):
        pass
    batch = drawn_batch().rows(slice(11, 12))
    nothing = np.full(1, np.nan)
    with ScoreWriter(unknown, length=LENGTH, attributes={}) as writer:
        writer.write(replace(batch, prediction=nothing, relative_residual=nothing))
    assert "join the shards" in Page(page([empty])).text
    assert "No row was scored" in Page(page([unknown])).text


def test_a_report_is_written_once_and_replaces_nothing(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    write = {"annotations": (), "force": False}
    assert not write_report([str(path)], str(out), **write).before
    assert write_report([str(path)], str(out), **write).before
    out.write_text("mine")
    with pytest.raises(OutputError, match="already exists, and differs"):
        write_report([str(path)], str(out), **write)
    assert out.read_text() == "mine"
    with pytest.raises(InputError, match="not an HDF5 file"):
        write_report([str(out)], str(tmp_path / "x.html"), **write)


@pytest.mark.slow
def test_the_command_reports_without_tensorflow(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    code = (
        "import sys; from seqlift.cli import main\n"
        f"try: main(['report', {str(path)!r}, '-q', '-o', {str(out)!r}])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'tensorflow', 'keras', 'jax', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert out.stat().st_size > 20_000


def requests_of(page: Path, folder: Path) -> tuple[list[str], str]:
    """Open a page in Chromium with no network: the addresses that it asks for, and its text."""
    log = folder / "net.json"
    offline = ["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
    done = subprocess.run(
        [
            str(CHROMIUM), "--no-sandbox", "--headless", "--disable-gpu", "--no-first-run",
            *offline,
            f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}",
            "--virtual-time-budget=2000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    asked = [
        found[1]
        for line in log.read_text().splitlines()
        if '"initiator":"' in line
        and '"initiator":"not an origin"' not in line  # Chromium's own
        and (found := re.search(r'"url":"([^"]*)"', line))
    ]
    return asked, done.stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_chromium_opens_the_page_offline_and_asks_for_nothing(source: str, tmp_path: Path) -> None:
    """A page that does ask for something is noticed."""
    own = tmp_path / "own.html"
    button = "document.querySelector('.copy').click();"
    own.write_text(source, "utf-8")
    asked, dom = requests_of(own, tmp_path)
    assert asked == []
    assert dom.count("<figure>") == source.count("<figure>")
    assert "&lt;script&gt;alert(1)" in dom
    bad = tmp_path / "bad.html"
    image = '<img src="http://example.invalid/x.png">'
    bad.write_text(re.sub("<meta http-equiv[^>]*>", "", source).replace("<main>", f"<main>{image}"))
    assert requests_of(bad, tmp_path)[0] == ["http://example.invalid/x.png"]
    blocked = tmp_path / "blocked.html"
    blocked.write_text(source.replace("<main>", f"<main>{image}<script>{button}</script>"))
    asked, dom = requests_of(blocked, tmp_path)
    assert asked == []  # the policy of the page
    assert ">copied<" not in dom
