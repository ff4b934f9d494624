"""Sequences made to a target: by every search, within every constraint."""

from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from commands import command
from conftest import ROOT
from keras import layers
from nets import Array, randomise

from seqlift.design.design_settings import DesignSettings
from seqlift.design.designer import DesignedSequence, Designer, restarts_of
from seqlift.errors import InputError, SeqliftError
from seqlift.inputs.onehot import decode, encode, one_hot

BASES = 8
EVERY = np.array(list(product(range(4), repeat=BASES)), np.uint8)
"""All 65,536 sequences."""


def network(seed: int, length: int = BASES) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((length, 4)),
            layers.Conv1D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.Dense(2, name="tasks"),
        ]
    )
    randomise(model, seed=seed)
    return model


def predictions(model: keras.Model, codes: Array) -> Array:
    return np.asarray(model(one_hot(codes)))


@pytest.mark.slow
@pytest.mark.parametrize("search", ["greedy", "beam", "gradient"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_search_finds_the_best_of_all_sequences(seed: int, search: str) -> None:
    model = network(seed)
    score = predictions(model, EVERY) @ [1.0, -1.0]
    best = score.argmax()
    design = Designer(model, "tasks:0", against=("tasks:1",), search=search)
    found = design(design.random_start(seed))
    assert found.sequence == decode(EVERY[best])
    assert found.after == pytest.approx(score[best], rel=1e-5)


def test_short_sequences_are_searched_more_often() -> None:
    numbers = {
        (search, free): restarts_of(DesignSettings(search=search), free)
        for search in ("greedy", "beam", "gradient")
        for free in (8, 25, 100, 250, 2114)
    }
    for search in ("greedy", "gradient"):
        counts = [numbers[search, free] for free in (8, 25, 100, 250, 2114)]
        assert counts == [40, 40, 10, 4, 4]
    assert {numbers["beam", free] for free in (8, 2114)} == {4}
    assert restarts_of(DesignSettings(restarts=2), 8) == 2


@pytest.mark.usefixtures("step_by_step")
def test_no_substitution_raises_what_the_gradient_search_found() -> None:
    model = network(2)
    design = Designer(model, "tasks:0", search="gradient", iterations=3, restarts=1)
    found = design(design.random_start(0))
    codes = np.repeat(encode(found.sequence)[None], 4 * BASES, axis=0)
    codes[np.arange(4 * BASES), np.repeat(np.arange(BASES), 4)] = np.tile(np.arange(4), BASES)
    assert predictions(model, codes)[:, 0].max() == pytest.approx(found.after, rel=1e-5)
    numbers = [one.step for one in found.steps]
    assert numbers == sorted(numbers)
    assert numbers[-1] > 3  # after the last step of the gradient


@pytest.fixture(scope="module")
def long_model() -> keras.Model:
    return network(4, length=30)


CONSTRAINED = {
    "left_flank": "ACGTT",
    "right_flank": "4",
    "gc_range": (0.4, 0.6),
    "forbid": ("GATC", "CWGG"),
}


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("search", ["greedy", "beam", "gradient"])
def test_constraints_hold_at_every_step(long_model: keras.Model, search: str) -> None:
    options = {"width": 2, "iterations": 12, "restarts": 2}
    options |= {} if search == "gradient" else {"edits": 4}
    design = Designer(long_model, "tasks:0", search=search, **options, **CONSTRAINED)
    start = design.random_start(3)
    found = design(start)
    assert found.after > found.before
    assert len(found.steps) > 2
    for one in found.steps[1:]:
        assert one.sequence.startswith("ACGTT")
        assert one.sequence.endswith(start[-4:])
        assert 0.4 <= sum(base in "GC" for base in one.sequence) / 30 <= 0.6
        assert not any(motif in one.sequence for motif in ("GATC", "CAGG", "CTGG", "CCAG", "CCTG"))


@pytest.mark.usefixtures("step_by_step")
def test_steps_are_edits_of_the_one_before_and_as_the_model_predicts(
    long_model: keras.Model,
) -> None:
    options = {"against": ("tasks:0",), "edits": 5, "restarts": 3, "seed": 7}
    design = Designer(long_model, "tasks:1", **options)
    found = design(design.random_start(0))
    assert found == Designer(long_model, "tasks:1", **options)(design.random_start(0))
    assert found.substitutions <= 5
    for before, after in zip(found.steps, found.steps[1:], strict=False):
        assert applied(before.sequence, after.edit) == after.sequence
    codes = np.stack([encode(one.sequence) for one in found.steps])
    expected = predictions(long_model, codes)
    written = [one.predictions[::-1] for one in found.steps]  # of tasks:1, then of tasks:0
    np.testing.assert_allclose(written, expected, rtol=1e-5, atol=1e-5)
    scores = [one.score for one in found.steps]
    np.testing.assert_allclose(scores, expected @ [-1.0, 1.0], rtol=1e-5, atol=1e-5)


def applied(sequence: str, edits: str) -> str:
    """Make the edits of a step, written as 12A>G,40C>T."""
    bases = list(sequence)
    for edit in edits.split(","):
        place, new = edit.split(">")
        assert bases[int(place[:-1])] == place[-1]
        bases[int(place[:-1])] = new
    return "".join(bases)


@pytest.mark.usefixtures("step_by_step")
def test_the_prior_draws_bases_to_the_background() -> None:
    def gc_of(prior: float) -> float:
        design = Designer(network(4), "tasks:0", restarts=1, prior=prior, background=0.9)
        found = design("AT" * 4)
        gc = [base in "GC" for base in found.sequence]
        row = found.steps[-1]
        logs = np.where(gc, np.log(0.45), np.log(0.05)).sum()
        assert row.prior == pytest.approx(prior * logs)
        return float(np.mean(gc))

    assert gc_of(1000.0) == 1.0
    assert gc_of(0.0) < 1.0


def designed_at_random(model: keras.Model, **options: Any) -> DesignedSequence:
    design = Designer(model, **options)
    return design(design.random_start(0))


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "nothing"}, "nothing"),
        ({"target": "tasks:0", "against": ("tasks:0",)}, "already asked for"),
        ({"left_flank": "A" * 20, "right_flank": "10"}, "leave none of the 30"),
        ({"left_flank": "31"}, "longer than the 30 bases"),
        ({"left_flank": "ACXT"}, "'X' is not a nucleotide letter"),
        ({"left_flank": "G" * 20, "gc_range": (0.1, 0.2)}, "20 to 30 bases that are G or C"),
        ({"gc_range": (0.6, 0.4)}, "the lower first"),
        ({"forbid": ("A", "G")}, "no sequence of 30 bases"),
        ({"left_flank": "GGATCC", "forbid": ("GATC",)}, "--left-flank: it has a forbidden motif"),
        ({"forbid": ("GAXTC",)}, "'X' is not an IUPAC letter"),
        ({"background": 1.0}, "not between 0 and 1"),
        ({"search": "gradient", "edits": 3}, "changes any number of bases"),
        ({"search": "best"}, "give one of greedy, beam, gradient"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    long_model: keras.Model, options: dict[str, object], message: str
) -> None:
    chosen = {"target": "tasks:0"} | options
    with pytest.raises(SeqliftError) as error:
        designed_at_random(long_model, **chosen)
    assert message in str(error.value)
    assert len(error.value.problems) == 1


def test_starts_that_do_not_fit_are_refused(long_model: keras.Model) -> None:
    with pytest.raises(InputError, match="it has 4 bases, and the model takes 30"):
        Designer(long_model, "tasks:0")("ACGT")


@pytest.mark.slow
@pytest.mark.usefixtures("step_by_step")
def test_the_command_writes_sequences_steps_and_a_picture(tmp_path: Path) -> None:
    demo = ROOT / "data"
    words = ("design", demo / "demo.h5", "-t", "tasks:1", "--edits", 2, "--restarts", 1)
    where = ("-s", "chrDemo1:1300-1500", "-g", demo / "demo.fa")
    ran = command(*words, *where, "-o", tmp_path / "d")
    assert ran.code == 0, ran.err
    lines = (tmp_path / "d.fa").read_text().splitlines()
    header = lines[0].split()
    assert header[0] == ">chrDemo1:1300-1500"
    assert header[3] == "substitutions=2"
    before, after = (float(word.partition("=")[2]) for word in header[1:3])
    assert after > before
    rows = [line.split("\t") for line in (tmp_path / "d.trajectory.tsv").read_text().splitlines()]
    assert rows[0] == ["sequence", "step", "edit", "score", "prior", "tasks:1"]
    assert [row[1] for row in rows[1:]] == ["0", "1", "2"]
    assert float(rows[-1][3]) == pytest.approx(after, rel=1e-5)
    genome = "".join((demo / "demo.fa").read_text().split(">")[1].splitlines()[1:])
    designed = applied(applied(genome[1300:1500].upper(), rows[2][2]), rows[3][2])
    assert "".join(lines[1:]) == designed
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    again = command(*words, *where, "-o", tmp_path / "d")
    assert again.code == 5
    assert "already exists" in again.err
    alike = command(*words, *where, "-o", tmp_path / "e")
    assert alike.code == 0
    for ending in (".fa", ".trajectory.tsv"):
        assert (tmp_path / f"d{ending}").read_text() == (tmp_path / f"e{ending}").read_text()


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-s", "chrDemo1:5-9"), "needs a genome"),
        (("-s", "chrDemo9:5-9", "-g", "data/demo.fa"), "did you mean chrDemo"),
        (("-t", "tasks:7"), "tasks:7"),
        (("--gc-range", "half"), "'half' is not LOW-HIGH"),
    ],
)
def test_bad_words_of_the_command_are_one_line(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SEQLIFT_GENOME", raising=False)
    words = words if "-t" in words else ("-t", "tasks:0", *words)
    ran = command("design", "data/demo.h5", *words, "-o", tmp_path / "d")
    assert ran.code in (2, 3)
    assert message in ran.err
    assert len([line for line in ran.err.splitlines() if line.startswith("seqlift:")]) <= 1
    assert not list(tmp_path.iterdir())
