"""Sequences written by motifs or by a generator, and the files that motifs come from."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from nets import randomise

from seqlift.design.designer import Designer
from seqlift.design.generators import Generator
from seqlift.errors import InputError, SeqliftError
from seqlift.inputs.meme import read_motifs

LENGTH, NUMBERS = 24, 5

MEME = """MEME version 4

ALPHABET= ACGT

MOTIF GATA one
letter-probability matrix: alength= 4 w= 4 nsites= 20
0.1 0.1 0.7 0.1
0.7 0.1 0.1 0.1
0.1 0.1 0.1 0.7
0.7 0.1 0.1 0.1
URL nowhere

MOTIF CC
letter-probability matrix: alength= 4 w= 2
0.0 0.9 0.1 0.0
0 1 0 0
"""


@pytest.fixture(scope="module")
def model() -> keras.Model:
    body = [layers.Conv1D(6, 4, activation="relu"), layers.Flatten(), layers.Dense(1)]
    made = keras.Sequential([keras.Input((LENGTH, 4)), *body])
    randomise(made, seed=3)
    return made


@pytest.fixture
def motifs(tmp_path: Path) -> str:
    path = tmp_path / "motifs.meme"
    path.write_text(MEME)
    return str(path)


def test_motifs_are_read_with_their_names_and_probabilities(motifs: str) -> None:
    gata, cc = read_motifs(motifs)
    assert (gata.name, cc.name) == ("GATA", "CC")
    assert gata.consensus.tolist() == [2, 0, 3, 0]
    np.testing.assert_array_equal(cc.probabilities, [[0.0, 0.9, 0.1, 0.0], [0, 1, 0, 0]])


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("MEME version 4", ">motif", "no line 'MEME version'"),
        ("ACGT", "ACDEFGHIKLMNPQRSTVWY", ":3: 'ALPHABET= ACDEFGHIKLMNPQRSTVWY' is not"),
        ("0.1 0.1 0.1 0.7\n", "", ":6: the matrix has 3 positions, and its heading says 4"),
        ("0.1 0.1 0.1 0.7", "0.1 0.1 0.1 0.8", ":9: '0.1 0.1 0.1 0.8' is not four"),
        ("0.1 0.1 0.1 0.7", "0.1 0.1 0.8", ":9: '0.1 0.1 0.8' is not four probabilities"),
        (
            "0.1 0.1 0.1 0.7",
            "a c g t",
            ":9: 'a c g t' is not four probabilities that sum to 1; give those of A",
        ),
        ("w= 2\n0.0 0.9 0.1 0.0\n0 1 0 0\n", "w= 2\n", ":14: the matrix has 0 positions"),
        (
            "letter-probability matrix: alength= 4 w= 2",
            "",
            "before the matrix of motif CC; give every",
        ),
        ("MOTIF CC", "MOTIF", ":13: a motif without a name"),
    ],
)
def test_a_damaged_motif_file_is_refused(
    motifs: str, before: str, after: str, message: str
) -> None:
    assert before in MEME
    Path(motifs).write_text(MEME.replace(before, after))
    with pytest.raises(InputError) as error:
        read_motifs(motifs)
    assert message in str(error.value)
    assert len(error.value.problems) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("search", ["greedy", "beam", "gradient"])
def test_placed_motifs_are_all_that_changes_the_shuffled_background(
    model: keras.Model, motifs: str, search: str
) -> None:
    options = {"motifs": motifs, "edits": 2, "restarts": 2, "width": 2, "iterations": 15}
    design = Designer(model, search=search, forbid=("GGG",), left_flank="3", **options)
    start = design.random_start(1)
    found = design(start)
    shuffled = next(one for one in found.steps if one.edit == "shuffled").sequence
    last = found.steps[-1].edit
    edits = last.split(",") if search == "gradient" else [one.edit for one in found.steps[2:]]
    assert 1 <= len(edits) <= 2
    sites = {"GATA(+)": "GATA", "GATA(-)": "TATC", "CC(+)": "CC", "CC(-)": "GG"}
    expected, taken = list(shuffled), set(range(3))
    for edit in edits:
        word, _, place = edit.partition("@")
        where = range(int(place), int(place) + len(sites[word]))
        assert not taken & set(where)
        taken |= set(where)
        for i, base in zip(where, sites[word], strict=True):
            expected[i] = base
    assert found.sequence == "".join(expected)
    assert found.sequence[:3] == start[:3]
    assert not any(motif in found.sequence for motif in ("GGG", "CCC"))


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    stack = [layers.Dense(LENGTH * 4, name="linear"), layers.Reshape((LENGTH, 4))]
    made = keras.Sequential([keras.Input((NUMBERS,)), *stack])
    randomise(made, seed=1)
    made.save(tmp_path / "generator.keras")
    return tmp_path / "generator.keras"


@pytest.mark.usefixtures("step_by_step")
def test_a_generator_is_read_and_propagated_back_through(generator: Path) -> None:
    ours, model = Generator(str(generator), LENGTH), keras.models.load_model(generator)
    code = np.random.default_rng(0).normal(size=(60, NUMBERS)).astype(np.float32)
    expected = np.asarray(model(code)).argmax(axis=-1)
    np.testing.assert_array_equal(ours.sequences(code), expected)
    gradient = np.random.default_rng(1).normal(size=(LENGTH, 4))
    kernel = np.asarray(model.get_layer("linear").kernel)
    slope = ours.slope(code[0], gradient)
    np.testing.assert_allclose(slope, kernel @ gradient.reshape(-1), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("search", ["greedy", "beam", "gradient"])
def test_each_search_raises_the_score_in_the_code_of_a_generator(
    model: keras.Model, generator: Path, search: str
) -> None:
    options = {"restarts": 2, "width": 2, "iterations": 20, "seed": 2}
    design = Designer(model, search=search, generator=str(generator), right_flank="ACG", **options)
    found = design(design.random_start(0))
    first = next(one for one in found.steps if one.edit == "generated")
    assert found.after > first.score
    assert found.sequence.endswith("ACG")
    assert found == design(design.random_start(0))


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"motifs": "long"}, "motif LONG has 30 positions, and sequences have 24 bases"),
        ({"motifs": "absent.meme"}, "absent.meme"),
        ({"generator": "short"}, "its output has the shape (23, 4)"),
        ({"generator": "wide"}, "from one row of numbers to one sequence"),
        ({"generator": "short", "motifs": "long"}, "give one of them"),
    ],
)
def test_codes_that_do_not_fit_are_refused(
    model: keras.Model, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    rows = "0.25 0.25 0.25 0.25\n" * 30
    heading = "letter-probability matrix: alength= 4 w= 30\n"
    (tmp_path / "long").write_text(f"MEME version 4\nMOTIF LONG\n{heading}{rows}")
    short = [layers.Dense(23 * 4), layers.Reshape((23, 4))]
    keras.Sequential([keras.Input((3,)), *short]).save(tmp_path / "short.keras")
    wide = [layers.Flatten(), layers.Dense(LENGTH * 4), layers.Reshape((LENGTH, 4))]
    keras.Sequential([keras.Input((3, 2)), *wide]).save(tmp_path / "wide.keras")
    endings = {"long": "", "short": ".keras", "wide": ".keras", "absent.meme": ""}
    chosen = {name: f"{tmp_path / value}{endings[value]}" for name, value in options.items()}
    with pytest.raises(SeqliftError) as error:
        Designer(model, **chosen)("ACGT" * 6)
    assert message in str(error.value)
    assert len(error.value.problems) == 1
