"""Models of several inputs: one takes the sequence, the others have values that are held."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from nets import Array, randomise, sequences, shuffles

from seqlift.attribution.result import Result
from seqlift.errors import InputError, ModelError
from seqlift.explain.explainer import Explainer
from seqlift.explain.extra_inputs import model_inputs, resolve
from seqlift.inputs.onehot import one_hot

pytestmark = pytest.mark.usefixtures("step_by_step")

LENGTH = 30
CODES = sequences(5, LENGTH)
CODES[1, 3:5] = 4
X = one_hot(CODES)
OWN = one_hot(shuffles(CODES, 3))
STEPWISE = {"precision": "float64"}  # computes the same, without the time that compiling takes
ROWS = np.random.default_rng(0).normal(size=(5, 6))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Return a model of three inputs, in no order, that all meet in nonlinear layers."""
    age = keras.Input((), name="age")
    dna = keras.Input((LENGTH, 4), name="dna")
    half = keras.Input((6,), name="half")
    hidden = layers.Conv1D(5, 7, activation="relu")(dna)
    hidden = layers.Flatten()(layers.MaxPooling1D(4)(hidden))
    both = layers.Concatenate()([hidden, layers.Dense(3, activation="tanh")(half)])
    both = layers.Concatenate()([both, layers.Reshape((1,))(age)])
    both = layers.Dense(8, activation="relu")(both)
    model = keras.Model([age, dna, half], layers.Dense(1)(both), name="triple")
    randomise(model)
    return model


def predicted(model: keras.Model, x: Array, half: Array, age: float = 1.5) -> Array:
    half = np.broadcast_to(half, (len(x), 6))
    found = model.predict([np.full(len(x), age), x, half], verbose=0)
    return np.asarray(found)[:, 0]


def scored(explain: Explainer, references: Any, **inputs: Any) -> Result:
    result = explain(X, references, **inputs)
    assert isinstance(result, Result)
    return result


def assert_close(ours: Result, theirs: Result) -> None:
    np.testing.assert_allclose(ours.contributions, theirs.contributions, atol=1e-6)
    np.testing.assert_allclose(ours.prediction, theirs.prediction, rtol=1e-6)


@pytest.mark.parametrize("references", ["uniform", OWN], ids=["shared", "own"])
@pytest.mark.parametrize("half", [0.5, ROWS[0], ROWS], ids=["value", "array", "rows"])
def test_other_inputs_are_the_same_on_a_sequence_and_its_references(
    model: keras.Model, references: Any, half: Any
) -> None:
    explain = Explainer(model, inputs={"half": half, "age": "1.5"}, batch_size=3, **STEPWISE)
    result = scored(explain, references)
    np.testing.assert_allclose(result.prediction, predicted(model, X, half), rtol=1e-5)
    assert np.abs(result.residual).max() < 1e-5
    if isinstance(references, np.ndarray):
        own = np.broadcast_to(references, OWN.shape)[:, 2]
        expected = predicted(model, own, half)
        np.testing.assert_allclose(result.reference_prediction[:, 2], expected, rtol=1e-5)


def test_rows_are_those_of_each_sequence_by_itself(model: keras.Model) -> None:
    explain = Explainer(model, inputs={"half": None, "age": 0}, batch_size=3)
    together = scored(explain, OWN, inputs={"half": ROWS})
    for i in range(len(X)):
        row = slice(i, i + 1)
        alone = explain(X[row], OWN[row], inputs={"half": ROWS[row]})
        assert isinstance(alone, Result)
        assert_close(together.rows(row), alone)


def test_what_a_call_is_given_goes_before_what_the_explainer_was(model: keras.Model) -> None:
    held = Explainer(model, inputs={"half": 0.5, "age": 0}, **STEPWISE)
    expected = scored(Explainer(model, inputs={"half": ROWS, "age": 0}, **STEPWISE), "uniform")
    assert_close(scored(held, "uniform", inputs={"half": ROWS}), expected)
    later = Explainer(model, inputs={"half": None, "age": 0}, **STEPWISE)
    assert_close(scored(later, "uniform", inputs={"2": ROWS}), expected)
    half = np.full((5, 6), 0.5)
    assert_close(scored(later, "uniform", inputs={"half": 0.5}), scored(held, "uniform"))
    assert_close(scored(later, "uniform", inputs={"half": half}), scored(held, "uniform"))


def test_values_come_from_files_and_by_number(model: keras.Model, tmp_path: Path) -> None:
    np.save(tmp_path / "half.npy", ROWS)
    found = resolve(model, {"2": str(tmp_path / "half.npy"), "0": "zeros"})
    assert found.sequence == 1
    np.testing.assert_array_equal(found.held[0], 0.0)
    np.testing.assert_array_equal(found.rows[2], ROWS)
    assert found.descriptions["age"] == "zeros"
    assert found.descriptions["half"].startswith(f"{tmp_path / 'half.npy'}, (5, 6) sha256 ")


def test_an_input_keeps_its_name_and_shape(model: keras.Model) -> None:
    assert [str(one) for one in model_inputs(model)] == ["age ()", "dna (30, 4)", "half (6)"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {},
        (
            "model triple: it has 3 inputs: age (), dna (30, 4), half (6); give all but the"
            " sequence by --input NAME=zeros, NAME=NUMBER or NAME=FILE.npy"
        ),
    ),
    (
        {"age": 1},
        (
            "model triple: it has 3 inputs, of which 2 have no value: dna (30, 4), half (6);"
            " give all but the sequence by --input NAME=zeros, NAME=NUMBER or NAME=FILE.npy"
        ),
    ),
    (
        {"age": 1, "half": 0, "dna": 0},
        (
            "model triple: all its inputs have values, and none is left for the sequence;"
            " leave that one out"
        ),
    ),
    ({"hal": 0}, "input hal: the model has no such input; did you mean half?"),
    ({"x": 0}, "input x: the model has no such input; it has age, dna, half"),
    ({"half": 0, "2": 0}, "input 2: it is set twice; leave one out"),
    (
        {"half": "nothing.npy"},
        (
            "input half: nothing.npy is neither a number nor a file that can be read (No such file"
            " or directory); give zeros, a number or a .npy file"
        ),
    ),
    (
        {"half": "text.npy"},
        "input half: text.npy: no .npy file of numbers; save one with numpy.save",
    ),
    (
        {"half": "empty.npy"},
        "input half: empty.npy: no .npy file of numbers; save one with numpy.save",
    ),
    (
        {"half": "objects.npy"},
        "input half: objects.npy: no .npy file of numbers; save one with numpy.save",
    ),
    (
        {"half": "several.npz"},
        "input half: several.npz: holds several arrays; give one, as .npy",
    ),
    (
        {"half": "words.npy"},
        "input half: words.npy: its type is <U1, not real numbers; give float32",
    ),
    (
        {"half": "narrow.npy"},
        (
            "input half: narrow.npy: its shape is (5, 3), and the input's (6); give that, or (N, 6)"
            " with a row for each sequence"
        ),
    ),
    (
        {"half": "hollow.npy"},
        "input half: hollow.npy: row 4 is not finite; give finite numbers",
    ),
    ({"half": float("nan")}, "input half: a value is not finite; give finite numbers"),
    ({"half": "inf"}, "input half: a value is not finite; give finite numbers"),
]


def write_bad_arrays() -> None:
    Path("text.npy").write_text("1 2 3\n")
    Path("empty.npy").touch()
    np.save("objects.npy", np.array([{}] * 6, dtype=object), allow_pickle=True)
    np.savez("several.npz", a=ROWS, b=ROWS)
    np.save("words.npy", np.array(list("abcdef")))
    np.save("narrow.npy", ROWS[:, :3])
    hollow = ROWS.copy()
    hollow[4, 2] = np.nan
    np.save("hollow.npy", hollow)


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_does_not_fit_is_refused(
    model: keras.Model,
    given: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bad_arrays()
    with pytest.raises((InputError, ModelError)) as caught:
        resolve(model, given)
    assert str(caught.value) == message


def test_rows_that_are_not_those_of_the_sequences_are_refused(model: keras.Model) -> None:
    explain = Explainer(model, inputs={"half": None, "age": 0})
    for given, message in (
        ({}, "input half: it has no value; give a row for each sequence"),
        (
            {"half": ROWS[:3]},
            (
                "input half: it has 3 rows for 5 sequences; give as many, in the order of the"
                " sequences"
            ),
        ),
        ({"dna": 0.0}, "input dna: it takes the sequence; leave it out"),
    ):
        with pytest.raises(InputError) as caught:
            explain(X, "zeros", inputs=given)
        assert str(caught.value) == message


def test_an_open_shape_is_for_the_sequence_only() -> None:
    given = [keras.Input((None, 4), name=name) for name in ("dna", "rna")]
    pooled = [layers.GlobalMaxPooling1D()(tensor) for tensor in given]
    model = keras.Model(given, layers.Dense(1)(layers.Add()(pooled)), name="pair")
    with pytest.raises(InputError) as caught:
        Explainer(model, inputs={"rna": 0})
    assert str(caught.value) == (
        "input rna: its shape (any, 4) is open; only the sequence's may be, so build the model"
        " with a fixed one"
    )


def test_inputs_may_be_a_dictionary() -> None:
    given = {name: keras.Input((LENGTH, 4), name=name) for name in ("rna", "dna")}
    joined = layers.Concatenate()([given["dna"], given["rna"]])
    model = keras.Model(given, layers.Dense(1)(layers.Flatten()(joined)))
    randomise(model)
    with pytest.warns(UserWarning, match="input rna has the shape of the sequence and is the same"):
        explain = Explainer(model, inputs={"rna": X[0]})
    result = scored(explain, "uniform")
    rna = np.broadcast_to(X[0], X.shape)
    expected = model.predict({"dna": X, "rna": rna}, verbose=0)[:, 0]
    np.testing.assert_allclose(result.prediction, expected, rtol=1e-5)
