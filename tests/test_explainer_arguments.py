"""What an `Explainer` takes, and what it refuses: models, options, sequences, references."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import chain, made, sequences

from seqlift.attribution.result import Result
from seqlift.errors import DeviceError, InputError, ModelError
from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import codes_of, decode, one_hot
from seqlift.inputs.references import gc_reference

X = one_hot(sequences(9, 61))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    given = keras.Input((61, 4), name="dna")
    flat = layers.Flatten()(given)
    heads = [layers.Dense(3, name="classes")(flat), layers.Dense(1, name="strength")(flat)]
    return keras.Model(given, heads)


@pytest.fixture(scope="module")
def explain(model: keras.Model) -> Explainer:
    return Explainer(model, "strength")


def test_a_model_of_any_length_takes_any_length() -> None:
    stack = chain(
        lambda: [
            layers.Conv1D(5, 7, activation="relu", name="scan"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1),
        ]
    )
    explain = Explainer(made(stack, (None, 4)), precision="float64")
    for length in (7, 20):
        x = one_hot(sequences(2, length))
        result = explain(x, "shuffle")
        assert isinstance(result, Result)
        assert result.contributions.shape == (2, length, 4)
        assert np.abs(result.residual).max() <= 1e-12
    with pytest.raises(ModelError) as caught:
        explain(one_hot(sequences(1, 6)), "zeros")
    assert str(caught.value) == (
        "layer scan (Conv1D) reads 6 positions, too few for one of its windows; give longer"
        " regions, or --length"
    )
    with pytest.raises(InputError) as refused:
        explain(np.zeros((2, 9, 5)), "zeros")
    assert str(refused.value) == "sequences have shape (2, 9, 5); the model takes (N, any, 4)"


REFERENCES_REMEDY = "; give (N, R, L, 4), (R, L, 4) or (L, 4)"

BAD_INPUTS: list[tuple[Any, Any, str]] = [
    (X[0], "zeros", "sequences have shape (61, 4); the model takes (N, 61, 4)"),
    (X[:, :50], "zeros", "sequences have shape (9, 50, 4); the model takes (N, 61, 4)"),
    (
        np.zeros((9, 4, 61)),
        "zeros",
        "sequences have shape (9, 4, 61); the model takes (N, 61, 4)",
    ),
    (X[:0], "zeros", "sequences: there are none; give one or more"),
    (
        X,
        np.zeros((8, 20, 61, 4)),
        "references have shape (8, 20, 61, 4), which does not fit sequences of shape (9, 61, 4)"
        + REFERENCES_REMEDY,
    ),
    (
        X,
        np.zeros((9, 0, 61, 4)),
        "references have shape (9, 0, 61, 4), which does not fit sequences of shape (9, 61, 4)"
        + REFERENCES_REMEDY,
    ),
    (
        X,
        np.zeros(4),
        "references have shape (4,), which does not fit sequences of shape (9, 61, 4)"
        + REFERENCES_REMEDY,
    ),
    (
        X,
        0.0,
        "references have shape (), which does not fit sequences of shape (9, 61, 4)"
        + REFERENCES_REMEDY,
    ),
    (
        0.5 * X,
        "zeros",
        (
            "one-hot array, row (0, 0): [0.0, 0.0, 0.0, 0.5] is neither a base nor N; a base is a"
            " single 1 among zeros, N is four zeros"
        ),
    ),
    (
        ["ACGT"],
        "zeros",
        "sequences have shape (1, 4, 4); the model takes (N, 61, 4)",
    ),
    (
        ["ACGT", "AC"],
        "zeros",
        (
            "sequences: number 1 (counted from 0) has 2 bases, and number 0 has 4; give sequences"
            " of one length"
        ),
    ),
    (
        X,
        "dinuc",
        "reference dinuc: no such kind, and no such file; did you mean dinucleotide?",
    ),
]


@pytest.mark.parametrize(("x", "references", "message"), BAD_INPUTS)
def test_arrays_that_do_not_fit_are_refused(
    explain: Explainer, x: Any, references: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        explain(x, references)
    assert str(caught.value) == message


TEXTS = [decode(codes) for codes in codes_of(X)]


@pytest.mark.parametrize(
    "given", [TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object)],
    ids=["list", "tuple", "array", "objects"],
)  # fmt: skip
def test_letters_are_encoded(explain: Explainer, given: Any) -> None:
    ours, theirs = explain(given, "zeros"), explain(X, "zeros")
    assert isinstance(ours, Result)
    assert isinstance(theirs, Result)
    np.testing.assert_array_equal(ours.contributions, theirs.contributions)
    alone = explain(TEXTS[0], "zeros")
    assert isinstance(alone, Result)
    np.testing.assert_array_equal(alone.contributions, theirs.contributions[:1])


def test_gc_is_that_of_the_sequences(explain: Explainer) -> None:
    text = "".join(TEXTS)
    gc = (text.count("G") + text.count("C")) / (len(text) - text.count("N"))
    ours, theirs = explain(X, "gc"), explain(X, gc_reference(gc))
    assert isinstance(ours, Result)
    assert isinstance(theirs, Result)
    np.testing.assert_array_equal(ours.contributions, theirs.contributions)


def test_explainers_and_results_are_shown_in_a_few_lines(explain: Explainer) -> None:
    result = explain(X, "zeros")
    assert repr(explain).splitlines()[1:] == [
        f"model: {explain.model.name}",
        "input: (61, 4)",
        "targets: strength",
        "method: deeplift (rule genomics)",
        f"computed: in float32 on {explain.device}",
    ]
    shown = repr(result).splitlines()
    assert shown[:2] == [
        "Result: 9 sequences, 1 references of each",
        "hypothetical, multipliers, contributions: 9 x 61 x 4",
    ]
    assert len(shown) == 5
    for one in (explain, result):
        assert one._repr_html_().count("<tr>") == len(repr(one).splitlines())


def test_progress_is_shown_in_notebooks_alone(
    explain: Explainer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    explain(X, "zeros")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("seqlift.system.notebook.in_notebook", lambda: True)
    monkeypatch.setattr("seqlift.system.notebook.DELAY", 0)
    explain(X, "zeros")
    assert "0/9" in capsys.readouterr().err


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"rule": "deeplift"},
        (
            "rule 'deeplift': give one of genomics, rescale, revealcancel, deconvnet, gradient,"
            " guided-backprop, guided-backprop-rescale"
        ),
    ),
    ({"max_rule": "first"}, "max_rule 'first': give one of complete, winner"),
    ({"precision": "float16"}, "precision 'float16': give one of float32, tf32, bfloat16, float64"),
    ({"batch_size": 0}, "batch_size 0: fewer than one sequence; give 1 or more"),
    ({"batch_size": -3}, "batch_size -3: fewer than one sequence; give 1 or more"),
    ({"steps": 0}, "steps 0: fewer than one point; give 1 or more"),
    ({"device": "tpu"}, "device 'tpu': give one of auto, cpu, gpu, gpu:INDEX"),
    ({"device": "gpu:first"}, "device 'gpu:first': give one of auto, cpu, gpu, gpu:INDEX"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_options_that_do_not_exist_are_refused(
    model: keras.Model, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        Explainer(model, "strength", **options)
    assert str(caught.value) == message


def test_a_gpu_that_is_not_there_is_refused(model: keras.Model) -> None:
    with pytest.raises(DeviceError, match=r"^--device gpu"):
        Explainer(model, "strength", device="gpu:99")


def test_a_model_of_several_targets_lists_them(model: keras.Model) -> None:
    with pytest.raises(ModelError) as caught:
        Explainer(model)
    assert str(caught.value) == (
        "the model has several targets; choose with --target from: classes:0, classes:1,"
        " classes:2, strength"
    )


class Wrapped(keras.Model):
    """A model without a list of its layers."""

    def call(self, inputs: Any) -> Any:
        return ops.sum(inputs)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (Wrapped(name="own"), "own"),
        (keras.Sequential([layers.Dense(1)], name="unbuilt"), "unbuilt"),
        (3, "3"),
    ],
)
def test_what_is_no_model_of_listed_layers_is_refused(given: Any, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        Explainer(given)
    assert str(caught.value) == (
        f"model {name}: it is not a Sequential or Functional Keras model with a known input;"
        " rebuild it as one"
    )
