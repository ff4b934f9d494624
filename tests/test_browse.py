"""Laws of `seqlift browse`: it serves the files of its page and no others."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from itertools import pairwise
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import h5py
import numpy as np
import pyBigWig
import pytest
from drawn_scores import EVIL, files_to_browse
from matplotlib.image import imread

from seqlift.browse.row_figures import row_figures
from seqlift.browse.server import SiteServer, byte_range
from seqlift.browse.site import Site
from seqlift.errors import InputError, OutputError
from seqlift.pipeline.browsing import export_page, site_of

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
NO_OPTIONS = {"genome": None, "annotations": (), "igv": None, "assembly": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = files_to_browse(tmp_path_factory.mktemp("browsed"))
    (folder / "igv.min.js").write_text(
        "// draws dynseq\nvar igv={createBrowser:async()=>({search(){}})}"
    )
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[SiteServer]:
    options = NO_OPTIONS | {"annotations": (str(folder / "marks.bed"),)}
    opened = site_of([str(folder / "one")], **options)
    with opened as (_, site), SiteServer(site, host="127.0.0.1", port=0) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def asked(server: SiteServer, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    """Ask for a path as it stands, no part of it tidied away."""
    connection = HTTPConnection("127.0.0.1", int(server.server_address[1]), timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 10, range(10)),
        ("bytes=2-4", 10, range(2, 5)),
        ("bytes=7-", 10, range(7, 10)),
        ("bytes=-3", 10, range(7, 10)),
        ("bytes=-30", 10, range(10)),
        ("bytes=8-99", 10, range(8, 10)),
        ("bytes=10-", 10, None),
        ("bytes=-0", 10, None),
        ("bytes=5-2", 10, range(10)),
        ("bytes=0-1,4-5", 10, range(10)),
        ("lines=1-2", 10, range(10)),
        ("bytes=-", 10, range(10)),
    ],
)
def test_ranges_are_those_of_the_specification(
    header: str | None, size: int, expected: range | None
) -> None:
    assert byte_range(header, size) == expected


def test_ranges_of_a_track_are_its_bytes(server: SiteServer, folder: Path) -> None:
    data = (folder / "one.bw").read_bytes()
    path = f"/{server.token}/scores-0.bw"
    answer = asked(server, path, Range="bytes=5-104")
    assert (answer.status, answer.body) == (206, data[5:105])
    assert answer.headers["Content-Range"] == f"bytes 5-104/{len(data)}"
    whole = asked(server, path)
    assert (whole.status, whole.body) == (200, data)
    assert asked(server, path, Range=f"bytes={len(data)}-").status == 416
    head = asked(server, path, "HEAD")
    assert (head.headers["Content-Length"], head.body) == (str(len(data)), b"")


def test_no_other_file_is_served(server: SiteServer) -> None:
    token = server.token
    for path in (
        "/", "/index.html", f"/{token}", f"/{token[:-1]}/index.html", f"/{token}x/session.json",
        f"/{token}/../../etc/passwd", f"/{token}/..%2f..%2fetc%2fpasswd", f"/{token}//etc/passwd",
        f"/{token}/one.bw", f"/{token}/one.h5", f"/{token}/row-999.html", f"/{token}/row--1.html",
        f"/{token}/row-1.html/", "/%C3%A9/index.html",
    ):  # fmt: skip
        assert asked(server, path).status == 404, path
    assert asked(server, f"/{token}/index.html", "POST").status == 501
    assert server.server_address[0] == "127.0.0.1"


def test_a_page_loads_its_own_files_only(server: SiteServer) -> None:
    page = asked(server, f"/{server.token}/")
    text = page.body.decode()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert re.findall(r'<script src="([^"]*)"', text) == ["browse.js"]
    assert text.count("<script") == 1
    script = asked(server, f"/{server.token}/browse.js")
    assert script.headers["Content-Type"].startswith("text/javascript")


def test_regions_are_listed_by_prediction_with_figures_of_their_rows(server: SiteServer) -> None:
    session = json.loads(asked(server, f"/{server.token}/session.json").body)
    assert "npm pack igv" in session["missing"]
    rows = [one["figure"] for one in session["regions"]]
    assert rows == [f"row-{row}.html" for row in range(10, -1, -1)]
    figure = asked(server, f"/{server.token}/row-1.html").body.decode()
    assert figure.count("#letter-") > 20
    assert "&lt;script&gt;" in figure  # the annotation
    assert "<script" not in figure


def test_igv_has_letters_the_sequence_and_intervals(folder: Path) -> None:
    options = NO_OPTIONS | {
        "igv": str(folder / "igv.min.js"),
        "annotations": (str(folder / "marks.bed"),),
    }
    with site_of([str(folder / "one.bw")], **options) as (_, site):
        session = json.loads(bytes(site.content("session.json") or b""))["igv"]
        assert site.content("row-1.html") is None
        letters, *intervals = session["tracks"]
        assert (letters["graphType"], letters["url"]) == ("dynseq", "scores-0.bw")
        assert [one["url"] for one in intervals] == ["regions.bed", "annotations-0.bed"]
        reference = session["reference"]
        needed = [reference["fastaURL"], reference["indexURL"]]
        needed += [one["url"] for one in session["tracks"]]
        assert all(site.content(name) is not None for name in needed)
        assert session["loadDefaultGenomes"] is False


def test_of_many_tracks_a_figure_draws_the_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlift.browse.row_figures.MOST_TRACKS", 2)
    path = folder / "one.h5"
    with row_figures([path] * 5, ()) as figure:
        drawn = figure(1)
    with row_figures([path] * 2, ()) as figure:
        assert drawn.replace(" 3 tracks more are not drawn.", "") == figure(1) != drawn


def test_an_export_has_all_that_its_hubs_name(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    options = NO_OPTIONS | {"assembly": "hg38", "url": "scheme://host/a/"}
    export_page([str(folder / "one.h5")], str(out), force=False, **options)
    names = {path.name for path in out.iterdir()}
    stanza = (out / "trackDb.txt").read_text()
    assert "logo on\n" in stanza
    assert re.findall("bigDataUrl (.*)", stanza) == ["scores-0.bw"]
    assert (out / "genomes.txt").read_text() == "genome hg38\ntrackDb trackDb.txt\n"
    assert "genomesFile genomes.txt" in (out / "hub.txt").read_text()
    (washu,) = json.loads((out / "washu.json").read_text())
    assert (washu["type"], washu["url"]) == ("dynseq", "scheme://host/a/scores-0.bw")
    uris = set(re.findall('"uri": "([^"]*)"', (out / "jbrowse.json").read_text()))
    assert uris == {"genome.fa", "genome.fa.fai", "scores-0.bw", "regions.bed"}
    assert uris <= names
    assert {"index.html", "browse.js", "session.json", "row-0.html", "row-10.html"} <= names
    assert (out / "genome.fa").read_bytes() == (folder / "toy.fa").read_bytes()
    with pytest.raises(OutputError, match="has files already; give another folder, or --force to"):
        export_page([str(folder / "one.h5")], str(out), force=False, **options)
    export_page([str(folder / "one.h5")], str(out), force=True, **options)


REQUIRED = {
    "hub.txt": {"hub", "shortLabel", "longLabel", "genomesFile", "email"},
    "genomes.txt": {"genome", "trackDb"},
    "trackDb.txt": {"track", "type", "bigDataUrl", "shortLabel", "longLabel"},
}
"""Settings without which UCSC refuses a hub (its Track Database Definition, its help of hubs)."""


def stanzas(text: str) -> list[dict[str, str]]:
    """Read the stanzas of a hub's file: a word and a value in each line, blank lines between."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    found = [dict(line.split(" ", 1) for line in block) for block in blocks]
    assert [len(one) for one in found] == [len(block) for block in blocks], "a setting stands twice"
    return found


def test_hubs_of_several_tracks_have_what_ucsc_asks_for(folder: Path, tmp_path: Path) -> None:
    """Long names of files, too, leave short labels that differ."""
    for target in ("counts", "profile"):
        stem = tmp_path / f"a rather long name of scores.{target}"
        shutil.copy(folder / "one.h5", f"{stem}.h5")
        shutil.copy(folder / "one.bw", f"{stem}.bw")
        with h5py.File(f"{stem}.h5", "a") as file:
            file.attrs["target"] = target
    words, out = [str(tmp_path / "a rather long name of scores")], tmp_path / "site"
    export_page(words, str(out), force=False, url=None, **NO_OPTIONS)
    read = {name: stanzas((out / name).read_text()) for name in REQUIRED}
    for name, needed in REQUIRED.items():
        for one in read[name]:
            assert needed <= {*one}, name
            assert all(value.strip() for value in one.values())
    tracks = read["trackDb.txt"]
    assert [one["shortLabel"] for one in tracks] == ["counts", "profile"]
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", one["track"]) for one in tracks)
    assert len({one["track"] for one in tracks}) == len(tracks)
    assert all((out / one["bigDataUrl"]).is_file() for one in tracks)
    (genome,), (hub,) = read["genomes.txt"], read["hub.txt"]
    assert (out / genome["trackDb"]).is_file()
    assert (out / hub["genomesFile"]).is_file()
    assert max(len(one["shortLabel"]) for one in (hub, *tracks)) <= 17
    page = (out / "index.html").read_text()
    assert "<h1>a rather long name of scores: counts, profile</h1>" in page
    session = json.loads((out / "session.json").read_text())
    assert session["order"] == "by prediction of counts"
    scales = [one.get("autoscaleGroup") for one in session["igv"]["tracks"]]
    assert scales == ["scores-0", "scores-1", None]  # units differ; the last are the regions


def test_seqlets_are_named_by_motifs_and_have_no_colour(folder: Path, tmp_path: Path) -> None:
    """Their further columns are numbers, which browsers would take for something else."""
    head = "#chrom\tstart\tend\tname\tscore\tstrand\tcontribution\tp_value\tq_value\tmotif\n"
    (tmp_path / "s.bed").write_text(f"{head}chr1\t105\t115\tpeak\t9\t-\t1.5\t0.1\t0.2\tGATA1\n")
    marks = (str(tmp_path / "s.bed"), str(folder / "marks.bed"))
    with site_of([str(folder / "one")], **NO_OPTIONS | {"annotations": marks}) as (_, site):
        assert site.content("annotations-0.bed") == b"chr1\t105\t115\tGATA1\t0\t-\n"
        assert site.content("annotations-1.bed") == folder / "marks.bed"


def test_what_cannot_be_browsed_is_said(folder: Path, tmp_path: Path) -> None:
    def fails(words: str, scores: Path, **more: str | tuple[str, ...]) -> None:
        with pytest.raises(InputError, match=words), site_of([str(scores)], **NO_OPTIONS | more):
            pass

    fails("no track", tmp_path / "none")
    (tmp_path / "named.bed").write_text("1\t100\t110\n")
    marks = {"annotations": (str(tmp_path / "named.bed"),)}
    fails("chromosome 1 is not in the genome of the scores", folder / "one", **marks)
    fails("none.bw: no such file; give the prefix of `seqlift score`", folder / "none.h5")
    shutil.copy(folder / "toy.fa", tmp_path / "toy.bw")
    fails("not a bigWig", tmp_path / "toy.bw")
    fails("3.8 or later", folder / "one", igv=str(folder / "toy.fa"))
    (tmp_path / "other.fa").write_text(">chr1\nACGT\n")
    fails("not the genome of", folder / "one", genome=str(tmp_path / "other.fa"))
    alone = tmp_path / "alone.bw"
    shutil.copy(folder / "one.bw", alone)
    fails("give the FASTA with -g", alone)
    fails(r"score file \(.h5\) is not there", alone, genome=str(folder / "toy.fa"))


@pytest.mark.slow
def test_the_command_exports_without_tensorflow(folder: Path, tmp_path: Path) -> None:
    words = ["browse", str(folder / "one"), "-q", "--export", str(tmp_path / "site")]
    code = (
        "import sys; from seqlift.cli import main\n"
        f"try: main({words!r})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'tensorflow', 'keras', 'jax', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_chromium_draws_letters_without_a_network(server: SiteServer, tmp_path: Path) -> None:
    """Of the region of the highest prediction, which the page opens with."""
    assert urlsplit(server.address).hostname == "127.0.0.1"
    dom = chromium(server.address, tmp_path, "--dump-dom")
    assert 'data-ready="yes"' in dom
    assert dom.count("#letter-") > 20
    assert "alert(1)&lt;/script&gt;" in dom  # the name of a region, in the list
    assert "<script>alert" not in dom


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_an_exported_page_that_is_opened_from_a_disk_says_what_to_do(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    export_page([str(folder / "one.h5")], str(out), force=False, url=None, **NO_OPTIONS)
    dom = chromium((out / "index.html").as_uri(), tmp_path, "--dump-dom")
    assert "Copy this folder to a web server and open its address" in dom


def chromium(address: str, folder: Path, *more: str) -> str:
    """Open a page in Chromium that reaches this machine only; what it writes to standard output."""
    done = subprocess.run(
        [
            str(CHROMIUM), "--no-sandbox", "--headless", "--disable-gpu", "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--disable-background-networking", f"--user-data-dir={folder / 'profile'}",
            "--window-size=1400,800", "--virtual-time-budget=8000", *more, address,
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def igv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch igv.js as the build of the wheel does; skip where npm cannot."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("igv")
    if npm is None:
        pytest.skip("npm is not installed")
    words = [npm, "pack", "igv@3.8.10", "--silent", "--fetch-retries=0"]
    if subprocess.run(words, cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip("npm reaches no registry")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package" / "dist" / "igv.min.js"


COLOURS = {"A": (0, 200, 0), "C": (0, 0, 200), "G": (209, 113, 5), "T": (255, 0, 0)}
"""Those of igv.js, about."""


def letters_of(picture: Path, number: int) -> str:
    """Read `number` letters side by side off a screenshot, by the colour that most pixels have."""
    pixels = 255 * imread(picture)[240:345, 345:1320, :3]  # the track, without axes and buttons
    distance = np.stack([np.abs(pixels - one).sum(axis=2) for one in COLOURS.values()])
    near = distance.min(axis=0) < 90
    columns = np.flatnonzero(near.any(axis=0))
    edges = np.linspace(columns[0], columns[-1] + 1, number + 1).round().astype(int)
    nearest = np.where(near, distance.argmin(axis=0), len(COLOURS))
    counts = [
        np.bincount(nearest[:, first:last].ravel(), minlength=5)[:4]
        for first, last in pairwise(edges)
    ]
    assert columns[-1] - columns[0] == pytest.approx(975 * number / 70, rel=0.1)
    return "".join("ACGT"[one.argmax()] for one in counts)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("exported", [False, True])
def test_igv_draws_the_letters_of_a_planted_motif(
    igv: Path, tmp_path: Path, exported: bool
) -> None:
    """Of the page that is served, and of its export on any server of files."""
    motif = "GATAAG"
    (tmp_path / "toy.fa").write_text(f">chr1\n{'C' * 110}{motif}{'C' * 84}\n")
    values = np.zeros(40)
    values[10:16] = 1.0
    with pyBigWig.open(str(tmp_path / "x.bw"), "w") as file:
        file.addHeader([("chr1", 200)])
        file.addEntries("chr1", 100, values=values, span=1, step=1)
    (tmp_path / "x.regions.bed").write_text(f"chr1\t100\t140\t{EVIL}\n")
    options = NO_OPTIONS | {"igv": str(igv), "genome": str(tmp_path / "toy.fa")}
    with site_of([str(tmp_path / "x.bw")], **options) as (_, site):
        if exported:
            out = tmp_path / "out"
            export_page([str(tmp_path / "x.bw")], str(out), url=None, force=False, **options)
            site = Site({path.name: path for path in out.iterdir()})
        with SiteServer(site, host="127.0.0.1", port=0) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            chromium(server.address, tmp_path, f"--screenshot={tmp_path / 'page.png'}")
            server.shutdown()
            thread.join()
    assert letters_of(tmp_path / "page.png", len(motif)) == motif
