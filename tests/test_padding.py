"""Sequences of many lengths are padded to a few, where no score depends on the padding."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from nets import Array, engine_by, inputs_for, largest, made

import seqlift
from seqlift.attribution.heads import WeightedHead
from seqlift.errors import ModelError
from seqlift.explain import batches
from seqlift.explain.engines import Engines
from seqlift.explain.explainer import Explainer
from seqlift.explain.padded import padded_length
from seqlift.lowering.walk import lower
from seqlift.network.padding import with_padding

pytestmark = pytest.mark.usefixtures("step_by_step")

EXACT = 1e-12
LONGEST = 40
SLOW = pytest.mark.slow


def ended(tensor: Any) -> Any:
    hidden = layers.Dense(6, activation="relu")(tensor)
    return layers.Dense(3, activation="sigmoid")(layers.BatchNormalization()(hidden))


def residual(x: Any) -> Any:
    """Read zeros past both ends, at two dilations."""
    x = layers.Conv1D(5, 7, padding="same", activation="relu")(x)
    for dilation in (2, 4):
        grown = layers.Conv1D(5, 3, padding="same", dilation_rate=dilation, activation="relu")(x)
        x = layers.Add()([x, grown])
    return ended(layers.GlobalAveragePooling1D()(layers.Conv1D(6, 3, padding="same")(x)))


def pooled(x: Any) -> Any:
    """Leave positions out at the end, and read past it after that."""
    x = layers.Conv1D(6, 5, activation="elu")(x)
    x = layers.MaxPooling1D(3, strides=2)(layers.BatchNormalization()(x))
    x = layers.Conv1D(5, 4, padding="same", activation="relu")(x)
    x = layers.AveragePooling1D(2)(layers.ZeroPadding1D((1, 2))(x))
    return ended(layers.GlobalMaxPooling1D()(x))


def gated(x: Any) -> Any:
    """Weigh channels by their mean, and crop what is read on both sides."""
    x = layers.Conv1D(6, 5, padding="causal", activation="tanh")(x)
    gate = layers.Dense(6, activation="sigmoid")(layers.GlobalAveragePooling1D(keepdims=True)(x))
    x = layers.Multiply()([x, gate])
    x = layers.Concatenate()([x, layers.Dense(4, activation="relu")(x)])
    x = layers.SeparableConv1D(5, 3, strides=3)(layers.Cropping1D((1, 2))(x))
    both = [layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)]
    return ended(layers.Concatenate()(both))


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "residual": residual,
    "pooled": pooled,
    "gated": gated,
}
RULES = ("genomics", "revealcancel", "rescale", "gradient", "guided-backprop", "deconvnet")
PLAN = [(name, rule) for name in NETWORKS for rule in RULES]
FIRST = {("pooled", "revealcancel")}


@pytest.mark.parametrize(
    ("name", "rule"), [one if one in FIRST else pytest.param(*one, marks=SLOW) for one in PLAN]
)
def test_padded_sequences_have_the_scores_of_the_sequences(name: str, rule: str) -> None:
    model = made(NETWORKS[name], (None, 4))
    found = with_padding(lower(model, (LONGEST, 4)))
    padded = found.graph
    assert padded.outputs[0] in found.exact
    weights = np.array([1.0, -2.0, 0.5])
    head = WeightedHead(padded.outputs[0], weights)
    engine = engine_by(padded, [head], rule, dtype="float64", fused=False)
    for length in (23, 32, LONGEST):
        plain = lower(model, (length, 4))
        alone = engine_by(
            plain, [WeightedHead(plain.outputs[0], weights)], rule, dtype="float64", fused=False
        )
        x, x0 = inputs_for((length, 4), 2, 2)
        (expected,) = batches.run_batches(alone, x, x0, 2)
        (result,) = batches.run_batches(engine, x, x0, 2)
        for field, values in expected.arrays().items():
            scale = max(1.0, np.abs(values).max())
            assert largest(getattr(result, field), values) <= EXACT * scale, field
        size = np.abs(expected.multipliers).max()
        assert largest(result.multipliers, expected.multipliers) <= 1e-9 * size
        assert size > 0.0


def strided(x: Any) -> Any:
    return layers.GlobalAveragePooling1D()(layers.Conv1D(5, 4, strides=2, padding="same")(x))


def recurrent(x: Any) -> Any:
    return layers.Dense(3)(layers.SimpleRNN(4)(x))


def reversed_too(x: Any) -> Any:
    """Read the sequence from both ends."""
    turned = keras.ops.flip(x, axis=1)
    return layers.GlobalMaxPooling1D()(layers.Conv1D(5, 4)(layers.Concatenate()([x, turned])))


@pytest.mark.parametrize(
    "body", [strided, *(pytest.param(body, marks=SLOW) for body in (recurrent, reversed_too))]
)
def test_what_depends_on_the_padding_is_not_exact(body: Callable[[Any], Any]) -> None:
    model = made(body, (None, 4))
    found = with_padding(lower(model, (LONGEST, 4)))
    assert found.graph.outputs[0] not in found.exact
    explain = Explainer(model, "0")
    x, x0 = (array.astype(np.float32) for array in inputs_for((23, 4), 1, 2))
    result = explain(x, x0)
    assert isinstance(result, seqlift.Result)
    assert result.hypothetical.shape == (1, 23, 4)
    assert np.abs(result.residual).max() <= 1e-5


def test_a_track_of_the_padded_sequence_is_not_exact() -> None:
    model = made(lambda x: layers.Conv1D(2, 3, padding="same")(x), (None, 4))
    found = with_padding(lower(model, (LONGEST, 4)))
    assert not found.exact.intersection(found.graph.outputs)


def test_lengths_are_padded_by_a_fifth_at_most() -> None:
    lengths = range(1, 5000)
    found = [padded_length(n) for n in lengths]
    assert all(0 <= p - n < max(n / 4, 1) for n, p in zip(lengths, found, strict=True))
    assert found == sorted(found)
    assert all(padded_length(p) == p for p in found)
    assert len({padded_length(n) for n in range(60, 1060)}) == 18


def any_length() -> keras.Model:
    model = made(residual, (None, 4))
    same = keras.models.clone_model(model)  # made in float64, as its layers are
    same.set_weights(model.get_weights())
    return same


def scores_of(explain: Explainer, lengths: list[int], reference: str) -> list[Array]:
    rng = np.random.default_rng(0)
    found = []
    for length in lengths:
        codes = rng.integers(0, 4, (1, length))
        codes[0, :2] = 4  # N
        x = np.eye(5, 4, dtype=np.float32)[codes]
        result = explain(x, reference)
        assert isinstance(result, seqlift.Result)
        found.append(result.contributions)
    return found


def test_lengths_that_are_padded_alike_share_an_engine() -> None:
    explain = Explainer(any_length(), "0")
    found = scores_of(explain, [37, 33, 40], "gc")
    assert [one.shape for one in found] == [(1, 37, 4), (1, 33, 4), (1, 40, 4)]
    assert len(explain._engines._engines) == 1


@pytest.mark.parametrize("first", [[], pytest.param([24, 40], marks=SLOW)])
def test_too_short_a_sequence_is_refused_as_without_padding(first: list[int]) -> None:
    """Its padding would be long enough."""
    model = made(lambda x: layers.GlobalMaxPooling1D()(layers.Conv1D(3, 22)(x)), (None, 4))
    assert with_padding(lower(model, (24, 4))).shortest == 22
    explain = Explainer(model, "0")
    scores_of(explain, first, "gc")
    with pytest.raises(ModelError, match="21"):
        scores_of(explain, [21], "gc")
    scores_of(explain, [22], "gc")


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["dinucleotide", "gc"])
def test_many_lengths_take_few_engines(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [int(n) for n in np.random.default_rng(4).permutation(np.arange(33, 65))][:12]
    made_engines: list[Any] = []
    make = Engines._engine

    def counted(self: Engines, *given: Any, **options: Any) -> Any:
        made_engines.append(given)
        return make(self, *given, **options)

    monkeypatch.setattr(Engines, "_engine", counted)
    padded = scores_of(Explainer(any_length(), "0"), lengths, reference)
    assert len(made_engines) == 4
    monkeypatch.setattr("seqlift.explain.engines.can_pad", lambda method: False)
    alone = scores_of(Explainer(any_length(), "0"), lengths, reference)
    assert len(made_engines) == 4 + len(lengths)
    for ours, theirs in zip(padded, alone, strict=True):
        assert ours.shape == theirs.shape
        assert largest(ours, theirs) <= 1e-6 * np.abs(theirs).max() + 1e-7


@pytest.mark.slow
def test_a_published_model_of_any_length_is_padded(real: Path) -> None:
    explain = seqlift.Explainer(real / "mmsplice" / "Intron3.h5")
    lengths = list(range(60, 1060, 31))
    padded = scores_of(explain, lengths, "dinucleotide")
    assert len(explain._engines._engines) <= 18
    for length, ours in zip(lengths, padded, strict=True):
        assert ours.shape == (1, length, 4)
