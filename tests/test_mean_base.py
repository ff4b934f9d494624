"""Mean-normalised weights: predictions of bases stay, multipliers count from the mean base."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import layers
from nets import Body, chain, computed, made, sequences, shuffles

from seqlift.attribution.result import Result
from seqlift.errors import ModelError
from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import one_hot
from seqlift.lowering.input_layout import layout_of
from seqlift.lowering.walk import lower
from seqlift.network.mean_base import mean_normalised
from seqlift.network.primitives.base import Weighted

pytestmark = pytest.mark.usefixtures("step_by_step")

LENGTH = 19
X = one_hot(sequences(3, LENGTH), np.float64)
REFERENCES = one_hot(shuffles(sequences(3, LENGTH), 2), np.float64)


def turned(tensor: Any) -> Any:
    tensor = layers.Permute((3, 2, 1))(tensor)
    return layers.Conv2D(5, (3, 4), activation="relu")(tensor)


def one(kind: type[layers.Layer], *arguments: Any, **options: Any) -> Body:
    return lambda tensor: kind(*arguments, **options)(tensor)


BODIES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "convolution": (one(layers.Conv1D, 5, 3, strides=2, activation="relu"), (LENGTH, 4)),
    "dilated, no bias": (one(layers.Conv1D, 5, 3, dilation_rate=2, use_bias=False), (LENGTH, 4)),
    "dense after flattening": (chain(lambda: [layers.Flatten(), layers.Dense(5)]), (LENGTH, 4)),
    "dense on channels": (one(layers.Dense, 5, activation="relu"), (LENGTH, 4)),
    "channels first": (chain(lambda: [layers.Flatten(), layers.Dense(5)]), (4, LENGTH)),
    "two axes": (one(layers.Conv2D, 5, (4, 3), data_format="channels_last"), (4, LENGTH, 1)),
    "two axes, turned": (turned, (1, 4, LENGTH)),
}


def ended(body: Callable[[Any], Any]) -> Body:
    return lambda tensor: layers.Dense(1)(layers.Flatten()(body(tensor)))


@pytest.mark.parametrize(("body", "shape"), BODIES.values(), ids=BODIES)
def test_bases_keep_their_predictions_and_scores_add_up(
    body: Callable[[Any], Any], shape: tuple[int, ...]
) -> None:
    model = made(ended(body), shape)
    options: dict[str, Any] = {"precision": "float64", "rule": "rescale"}
    before, after = (
        Explainer(model, mean_normalise=normalise, **options)(X, REFERENCES)
        for normalise in (False, True)
    )
    assert isinstance(before, Result)
    assert isinstance(after, Result)
    np.testing.assert_allclose(after.prediction, before.prediction, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(after.reference_prediction, before.reference_prediction, atol=1e-12)
    np.testing.assert_allclose(after.contributions, before.contributions, atol=1e-12)
    assert np.abs(after.residual).max() < 1e-12
    mean = before.multipliers.mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(after.multipliers, before.multipliers - mean, atol=1e-12)


def test_an_unknown_base_counts_as_the_mean_base() -> None:
    model = made(ended(one(layers.Conv1D, 5, 3)), (LENGTH, 4))
    graph = mean_normalised(lower(model, (LENGTH, 4)))
    unknown, uniform = np.zeros((1, LENGTH, 4)), np.full((1, LENGTH, 4), 0.25)
    (output,) = graph.outputs
    ours = computed(graph, unknown)[output]
    np.testing.assert_allclose(ours, model.predict(uniform, verbose=0), rtol=1e-12)


def test_every_layer_that_reads_the_sequence_is_normalised_and_no_other() -> None:
    def body(tensor: Any) -> Any:
        first, second = (layers.Conv1D(3, taps)(tensor) for taps in (3, 5))
        first = layers.Conv1D(3, 3)(first)
        return layers.Add()([first, second])

    model = made(ended(body), (LENGTH, 4))
    graph = lower(model, (LENGTH, 4))
    normalised = mean_normalised(graph)
    changed = []
    for old, new in zip(graph.nodes, normalised.nodes, strict=True):
        if isinstance(new.primitive, Weighted) and new is not old:
            changed.append(new.primitive.kernel.shape)
            np.testing.assert_allclose(new.primitive.kernel.mean(axis=1), 0.0, atol=1e-15)
    assert sorted(changed) == [(3, 4, 3), (5, 4, 3)]


REFUSED = [
    (
        lambda: layers.Conv1D(3, 5, padding="same", name="scan"),
        (LENGTH, 4),
        (
            "layer scan reads the sequence and pads it with zeros, which are not a base, so its"
            " weights cannot be mean-normalised; leave --mean-normalise out"
        ),
    ),
    (
        lambda: layers.Conv2D(3, (2, 3), name="scan"),
        (4, LENGTH, 1),
        (
            "layer scan reads the sequence and does not weigh all channels of a base at once, so"
            " its weights cannot be mean-normalised; leave --mean-normalise out"
        ),
    ),
    (
        lambda: layers.Dense(3, name="scan"),
        (4, LENGTH),
        (
            "layer scan reads the sequence and does not weigh all channels of a base at once, so"
            " its weights cannot be mean-normalised; leave --mean-normalise out"
        ),
    ),
    (
        lambda: layers.AveragePooling1D(2, name="mean"),
        (LENGTH, 4),
        "no convolution or dense layer reads the sequence as it is; leave --mean-normalise out",
    ),
]


@pytest.mark.parametrize(("layer", "shape", "message"), REFUSED)
def test_what_cannot_be_normalised_is_refused(
    layer: Callable[[], Any], shape: tuple[int, ...], message: str
) -> None:
    model = made(ended(lambda tensor: layer()(tensor)), shape)
    graph = lower(model, (LENGTH, 4), layout=layout_of(shape))
    with pytest.raises(ModelError) as caught:
        mean_normalised(graph)
    assert str(caught.value) == message
