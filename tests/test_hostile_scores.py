"""Score files that somebody made: nothing outside of them is read, and nothing crashes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from commands import command
from made_scores import made_batch, window

from seqlift.errors import InputError
from seqlift.tracks.bigwig import bigwig_name
from seqlift.tracks.finding import is_score_file
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.join import join
from seqlift.tracks.score_file import ScoreFile

SIZES = {"c": 1000}
LENGTH = 50
SECRET = "root:x:0:0"


def written(path: Path) -> Path:
    """Return a whole score file, which is a shard too."""
    batch = made_batch(
        [window("c", 100 * i, 100 * i + 50) for i in range(4)], length=50, sizes=SIZES
    )
    with ScoreWriter(path.with_suffix(".part"), length=LENGTH, attributes={}) as writer:
        writer.write(batch)
    facts = {"target": "t", "shard": "1-of-1", "shard_start": 0, "shard_of_rows": 4}
    join([path.with_suffix(".part")], path, attributes=facts, sizes=SIZES)
    path.with_suffix(".part").unlink()
    return path


def replaced(name: str, **how: Any) -> Callable[[h5py.File], None]:
    """Make what puts another dataset in the place of one."""

    def spoil(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **how)

    return spoil


def linked(name: str, link: Any) -> Callable[[h5py.File], None]:
    """Make what puts a link in the place of a dataset or group."""

    def spoil(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return spoil


def virtual(file: h5py.File) -> None:
    del file["qc/residual"]
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "qc/residual", shape=(4,))
    file.create_virtual_dataset("qc/residual", layout)


def place(name: str, value: int) -> Callable[[h5py.File], None]:
    """Make what changes a number of the second row."""

    def spoil(file: h5py.File) -> None:
        file[f"regions/{name}"][1] = value

    return spoil


def everywhere(file: h5py.File) -> None:
    for name in ("start", "end", "scored_start", "scored_end"):
        file[f"regions/{name}"][1] += 2**62


def attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    """Make what changes an attribute."""
    return lambda file: file.attrs.__setitem__(name, value)


TEXT = h5py.string_dtype("utf-8")
NUMBERS = h5py.vlen_dtype("i4")
SPOILED: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "data in another file": (
        replaced("regions/status", shape=(4,), dtype="S12", external=[("secret", 0, 48)]),
        "regions/status lies in another file",
    ),
    "a virtual dataset": (virtual, "qc/residual lies in another file"),
    "a link to another file": (
        linked("qc/residual", h5py.ExternalLink("other.h5", "qc/residual")),
        "qc/residual is a link to elsewhere",
    ),
    "a group in another file": (
        linked("regions", h5py.ExternalLink("other.h5", "regions")),
        "regions/chrom is a link to elsewhere",
    ),
    "the genome in another file": (
        linked("genome", h5py.ExternalLink("other.h5", "genome")),
        "genome/chrom is a link to elsewhere",
    ),
    "scores that are text": (
        replaced("projected_shap/seq", shape=(4, 4, 50), dtype="S4"),
        "projected_shap/seq is of type |S4, not float32 or float16",
    ),
    "chromosomes that are lists": (
        replaced("regions/chrom", shape=(4,), dtype=NUMBERS),
        "regions/chrom is of type object, not text",
    ),
    "places between bases": (
        replaced("regions/start", data=np.arange(4) + 0.5),
        "regions/start is of type float64, not whole numbers",
    ),
    "a target that is a list": (
        attribute("target", np.arange(3)),
        "the attribute target is neither text nor a number",
    ),
    "a target that is nothing": (
        attribute("target", h5py.Empty("f4")),
        "the attribute target is neither text nor a number",
    ),
    "a largest score that is text": (
        attribute("largest_contribution", "huge"),
        "the attribute largest_contribution is not a number",
    ),
    "a length that is text": (attribute("length", "50"), "the attribute length is not a number"),
}
PLACES: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "before the chromosome": (place("scored_start", -1000), "100-150, of which -1000-150"),
    "past the row": (place("scored_end", 650), "100-150, of which 100-650"),
    "end before start": (place("scored_end", 90), "100-150, of which 100-90"),
    "another length": (place("start", 90), "90-150, of which 100-150"),
    "beyond all chromosomes": (everywhere, "4611686018427388004-4611686018427388054, of which"),
}


def spoiled(folder: Path, spoil: Callable[[h5py.File], None]) -> Path:
    """Return a score file that somebody has changed, next to files that it may name."""
    written(folder / "other.h5")
    (folder / "secret").write_text(SECRET * 20)
    path = written(folder / "a.h5")
    with h5py.File(path, "r+") as file:
        spoil(file)
    return path


@pytest.mark.parametrize(("spoil", "reason"), SPOILED.values(), ids=SPOILED.keys())
@pytest.mark.parametrize("words", [("inspect",), ("track",), ("merge", "-o", "y")])
def test_a_hostile_score_file_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[h5py.File], None],
    reason: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    spoiled(tmp_path, spoil)
    ran = command(words[0], "a.h5", *words[1:])
    line = f"seqlift: a.h5: the file is damaged ({reason}); run `seqlift score` again\n"
    assert (ran.code, ran.err) == (2, line)
    assert "root" not in ran.out


@pytest.mark.parametrize(("spoil", "reason"), PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("words", [("track",), ("merge", "-o", "y")])
def test_rows_that_lie_nowhere_are_named_before_anything_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[h5py.File], None],
    reason: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    spoiled(tmp_path, spoil)
    before = {path.name for path in tmp_path.iterdir()}
    ran = command(words[0], "a.h5", *words[1:])
    assert ran.code == 2
    assert ran.err.startswith(f"seqlift: a.h5: the file is damaged (row 2 is {reason}")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_link_is_not_followed_to_find_out_what_a_file_is(tmp_path: Path) -> None:
    written(tmp_path / "other.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["shap"] = h5py.ExternalLink("other.h5", "shap")
    assert not is_score_file(tmp_path / "a.h5")
    assert is_score_file(tmp_path / "other.h5")


def test_an_honest_file_passes(tmp_path: Path) -> None:
    with ScoreFile(written(tmp_path / "a.h5")) as scores:
        assert scores.intervals().scored_end.tolist() == [50, 150, 250, 350]
        assert scores.sizes() == SIZES


def test_chromosomes_named_twice_are_damage(tmp_path: Path) -> None:
    def spoil(file: h5py.File) -> None:
        del file["genome"]
        file.create_dataset("genome/chrom", data=["c", "c"], dtype=TEXT)
        file["genome/size"] = [1000, 900]

    with (
        ScoreFile(spoiled(tmp_path, spoil)) as scores,
        pytest.raises(InputError, match="the lengths of the chromosomes make no sense"),
    ):
        scores.sizes()


NOT_TEXT = "b\udcff"


@pytest.mark.parametrize("path", [NOT_TEXT, f"{NOT_TEXT}/x"])
def test_an_output_whose_name_is_no_text_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "a.h5")
    (tmp_path / NOT_TEXT).mkdir()
    (tmp_path / "r.bed").write_text("c\t5\t9\n")
    (tmp_path / "g.fa").write_text(">c\nACGTACGTACGT\n")
    refusal = "the name is not UTF-8, and the library for bigWig takes no other; give another with"
    for words in (
        ("track", "a.h5", "-o", f"{path}.bw"),
        ("merge", "a.h5", "-o", path),
        ("score", "absent.h5", "r.bed", "-g", "g.fa", "-o", path),
    ):
        ran = command(*words)
        assert ran.code in (2, 5), ran.err
        assert "b\\xff" in ran.err
        assert refusal in ran.err


def test_a_name_is_given_as_utf8_in_every_locale() -> None:
    assert bigwig_name(Path("f\udcc3\udca4w.bw")) == "fäw.bw"  # as read where text is ASCII
