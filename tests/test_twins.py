"""Inputs that take the sequence again, forwards or from the other strand, vary along with it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from nets import Array, eager, engine_by, largest, pairs, randomise, sequences, unrounded
from oracle.network import before_last_activation, outputs_of
from oracle.scores import explained, observed
from oracle.tape import Tape, Value

from seqlift.attribution.heads import WeightedHead
from seqlift.errors import InputError, ModelError
from seqlift.explain.explainer import Explainer
from seqlift.explain.extra_inputs import resolve
from seqlift.inputs.onehot import one_hot
from seqlift.inputs.references import parse
from seqlift.lowering.input_layout import Copy, layout_of
from seqlift.lowering.walk import lower
from seqlift.pipeline.strands import in_genome_direction

LENGTH = 24
EVERY_RULE = (
    "rescale",
    "revealcancel",
    "genomics",
    "gradient",
    "guided-backprop",
    "guided-backprop-rescale",
    "deconvnet",
)


def twins(dtype: str = "float64") -> keras.Model:
    """Build a network with one set of filters on either strand, the other one laid out (4, L)."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        forward = keras.Input((LENGTH, 4), name="forward", dtype=dtype)
        other = keras.Input((4, LENGTH), name="rc", dtype=dtype)
        scan = layers.Conv1D(5, 5, activation="relu", name="scan")
        found = [scan(forward), scan(layers.Permute((2, 1))(other))]
        pooled = layers.MaxPooling1D(4)(layers.Maximum()(found))
        gate = layers.Dense(3, activation="tanh")(layers.Flatten()(found[1]))
        joined = layers.Concatenate()([layers.Flatten()(pooled), gate])
        hidden = layers.Dense(6, activation="relu")(joined)
        model = keras.Model([forward, other], layers.Dense(2, name="tasks")(hidden), name="twins")
    finally:
        keras.config.set_dtype_policy(policy)
    randomise(model)
    return model


@cache
def model() -> keras.Model:
    return twins()


@dataclass(frozen=True)
class OnBothStrands:
    """The weighted sum of the outputs, the second input being the first from the other strand."""

    weights: Array
    pre_activation: bool = False

    def on(self, tape: Tape, model: Any, x: Value) -> tuple[Value, Array]:
        index = np.arange(LENGTH * 4)[::-1].reshape(LENGTH, 4).T
        value = outputs_of(tape, model, [x, tape.rearranged(x, index)])[0]
        value, _ = before_last_activation(tape, value) if self.pre_activation else (value, False)
        return value, np.broadcast_to(self.weights, value.x.shape)


def engine_of() -> tuple[Any, WeightedHead]:
    layout = layout_of((4, LENGTH))
    assert layout is not None
    copies = {1: Copy(layout, turned=True)}
    graph = lower(model(), (LENGTH, 4), copies=copies, layout=layout_of((LENGTH, 4)))
    return graph, WeightedHead(graph.outputs[0], np.array([1.0, -0.5]))


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_twins_agree_with_the_second_implementation(rule: str) -> None:
    graph, head = engine_of()
    x, x0 = pairs(2, 2)
    x[1, 3:5] = x0[1, :, 3:5] = 0.0  # N
    theirs = explained(model(), OnBothStrands(head.weights), x, x0, rule=rule)
    rows = np.repeat(x, 2, axis=0)
    ours = eager(graph, head, rows, x0.reshape(-1, 1, LENGTH, 4), rule=rule, dtype="float64")
    scores = observed(theirs.hypothetical, x)
    for found, expected in (
        (ours.multipliers, theirs.multipliers),
        (ours.hypothetical, theirs.hypothetical),
        (ours.contributions, scores),
    ):
        assert largest(found, expected.reshape(-1, LENGTH, 4)) <= 1e-10
    assert largest(ours.prediction, theirs.prediction.reshape(-1)) <= 1e-10
    if rule in ("rescale", "revealcancel"):
        assert np.abs(ours.residual).max() <= 1e-12
        assert np.abs(theirs.residual).max() <= 1e-12


def test_integrated_gradients_of_twins_agree() -> None:
    graph, head = engine_of()
    x, x0 = pairs(2, 2)
    options: dict[str, Any] = {"rule": "integrated-gradients", "steps": 3}
    theirs = explained(model(), OnBothStrands(head.weights), x, x0, **options)
    (ours,) = engine_by(graph, [head], dtype="float64", fused=False, **options).explain(x, x0)
    assert largest(ours.multipliers, theirs.multipliers.mean(axis=1)) <= 1e-10


def test_all_inputs_may_be_named() -> None:
    found = resolve(model(), {"forward": "sequence", "1": "reverse-complement"})
    assert found == resolve(model(), {"rc": "reverse-complement"})
    assert (found.sequence, found.held, found.rows) == (0, {}, {})
    assert found.descriptions == {"rc": "reverse-complement"}
    assert resolve(model(), {"forward": "reverse-complement", "rc": "sequence"}).sequence == 1


def test_a_twin_varies_along_with_references_of_every_kind() -> None:
    codes = sequences(3, LENGTH)
    codes[1, 3:5] = 4
    x = one_hot(codes)
    other_strand = {"rc": "reverse-complement"}
    explain = Explainer(model(), "tasks:0", inputs=other_strand, precision="float64")
    engine = explain.engine((LENGTH, 4))
    turned = x[:, ::-1, ::-1].transpose(0, 2, 1)
    with unrounded():
        expected = model().predict([x, turned], verbose=0)[:, 0]
    for kind, gc in (("dinucleotide", None), ("gc", 0.4), ("zeros", None)):
        drawn = parse(kind, number=2, seed=1, gc=gc, length=LENGTH).draw(codes)
        result = eager(engine.graph, engine.heads[0], x, drawn, rule="genomics", dtype="float64")
        np.testing.assert_allclose(result.prediction, expected, rtol=1e-5)
        assert np.abs(result.residual).max() <= 1e-12
        sums = result.contributions.sum(axis=(1, 2))
        np.testing.assert_allclose(sums, result.difference.mean(axis=1), atol=1e-12)


def test_a_copy_of_the_sequence_doubles_what_it_contributes() -> None:
    """And read from the other strand, the two inputs change places."""
    given = [keras.Input((LENGTH, 4), name=name) for name in ("a", "b")]
    flat = [layers.Flatten()(tensor) for tensor in given]
    twice = keras.Model(given, layers.Dense(1)(layers.Add()(flat)))
    both = keras.Model(given, layers.Dense(1)(layers.Concatenate()(flat)))
    for network in (twice, both):
        randomise(network)
    x = one_hot(sequences(2, LENGTH))
    weights = np.asarray(twice.layers[-1].kernel)[:, 0].reshape(LENGTH, 4)
    result: Any = Explainer(twice, inputs={"b": "sequence"}, precision="float64")(x, "zeros")
    np.testing.assert_allclose(result.contributions, 2 * x * weights, atol=1e-6)
    kernel = np.asarray(both.layers[-1].kernel)[:, 0].reshape(2, LENGTH, 4)
    explain = Explainer(both, inputs={"b": "reverse-complement"}, precision="float64")
    result = explain(x, "zeros")
    np.testing.assert_allclose(result.hypothetical[0], kernel[0] + kernel[1, ::-1, ::-1], atol=1e-6)
    other: Any = explain(x[:, ::-1, ::-1], "zeros")
    back = in_genome_direction(other, np.ones(2, bool))
    np.testing.assert_allclose(back.hypothetical[0], kernel[0, ::-1, ::-1] + kernel[1], atol=1e-6)


def test_a_twin_that_is_held_is_warned_of() -> None:
    text = r"input rc has the shape of the sequence and is the same \(zeros\) for a sequence"
    with pytest.warns(UserWarning, match=text):
        Explainer(model(), "tasks:0", inputs={"rc": "zeros"})
    assert resolve(model(), {"rc": "reverse-complement"}).warnings(model()) == ()


REFUSED = [
    ({}, ModelError, "NAME=FILE.npy; where several take the sequence, by --input NAME=sequence or"),
    ({"forward": "reverse-complement", "rc": "reverse-complement"}, ModelError, "none is left for"),
    ({"1": "sequence", "rc": 0}, InputError, "input 1: it is set twice; leave one out"),
    ({"x": "sequence"}, InputError, "input x: the model has no such input; it has forward, rc"),
]


@pytest.mark.parametrize(("given", "kind", "message"), REFUSED)
def test_what_cannot_take_the_sequence_is_refused(
    given: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        resolve(model(), given)
    assert message in str(caught.value)


def test_a_copy_takes_as_many_bases_as_the_sequence() -> None:
    given = [keras.Input(shape, name=name) for name, shape in (("a", (24, 4)), ("b", (20, 4)))]
    flat = layers.Concatenate()([layers.Flatten()(tensor) for tensor in given])
    with pytest.raises(InputError) as caught:
        resolve(keras.Model(given, layers.Dense(1)(flat)), {"b": "sequence"})
    assert str(caught.value) == (
        "input b=sequence: its shape is (20, 4), and a (24, 4) takes the sequence; give another"
        " value, --input NAME=zeros, NAME=NUMBER or NAME=FILE.npy"
    )
