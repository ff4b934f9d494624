"""What each target's contributions sum to, and that they do."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import (
    Array,
    chain,
    computed,
    eager,
    graph_of,
    inputs_for,
    largest,
    made,
    pairs,
    predicted,
    relative_residual,
)

from seqlift.attribution.heads import (
    BoxHead,
    Head,
    ProfileHead,
    WeightedHead,
    box_factors,
    unit_weights,
)
from seqlift.attribution.result import Result
from seqlift.errors import ModelError
from seqlift.explain.explainer import Explainer
from seqlift.explain.target import parse_targets
from seqlift.explain.target_heads import before_activation, head_of
from seqlift.lowering.walk import lower
from seqlift.network.graph import Graph
from seqlift.network.primitives.elementwise import SIGMOID
from seqlift.network.primitives.softmax import Softmax

EXACT = 1e-12
RNG = np.random.default_rng(4)


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


def softmax(logits: Array, axis: int) -> Array:
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


HEADS: dict[str, tuple[Head, tuple[int, ...]]] = {
    "one unit": (WeightedHead(0, unit_weights((5,), 2, centred=False)), (5,)),
    "all units": (WeightedHead(0, unit_weights((5,), None, centred=False)), (5,)),
    "a class": (WeightedHead(0, unit_weights((5,), 2, centred=True)), (5,)),
    "a box": (BoxHead(0, box_factors((7, 3), ((2, 5), (1, 2)), centred=1)), (7, 3)),
    "profile": (ProfileHead(0, complete=False), (30,)),
    "profile of tracks": (ProfileHead(0, complete=False), (30, 2)),
    "complete profile": (ProfileHead(0, complete=True), (30,)),
    "complete profile of tracks": (ProfileHead(0, complete=True), (30, 2)),
}


def node_values(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Return a node on 3 sequences and 4 references of each."""
    return RNG.normal(size=(3, 1, *shape)) * 2, RNG.normal(size=(3, 4, *shape)) * 2


@pytest.mark.parametrize("name", HEADS)
def test_the_multipliers_a_head_starts_from_sum_to_its_difference(name: str) -> None:
    head, shape = HEADS[name]
    y, y0 = node_values(shape)
    seed = numpy(head.seed(ops.convert_to_tensor(y), ops.convert_to_tensor(y0)))
    assert seed.shape == (12, *shape)
    total = (seed.reshape(y0.shape) * (y - y0)).sum(axis=tuple(range(2, y0.ndim)))
    difference = numpy(head.difference(ops.convert_to_tensor(y), ops.convert_to_tensor(y0)))
    assert np.abs(difference).max() > 0.1
    assert largest(total, difference) <= EXACT * np.abs(difference).max() * 10


@pytest.mark.parametrize("name", [name for name in HEADS if name != "profile"])
def test_a_difference_is_that_of_the_values_where_the_whole_is_explained(name: str) -> None:
    head, shape = HEADS[name]
    y, y0 = (ops.convert_to_tensor(side) for side in node_values(shape))
    same = largest(numpy(head.difference(y, y0)), numpy(head.value(y) - head.value(y0))) <= 1e-10
    assert same == ("profile" not in name or "complete" in name)


@pytest.mark.parametrize("shape", [(30,), (30, 2)])
def test_a_profile_is_the_mean_probabilities_times_the_difference_of_logits(
    shape: tuple[int, ...],
) -> None:
    """chrombpnet's score sums to sum((p + p0) / 2 * (l - l0)), l less its mean over positions."""
    y, y0 = node_values(shape)
    head = ProfileHead(0, complete=False)
    given = ops.convert_to_tensor(y), ops.convert_to_tensor(y0)
    weights = 0.5 * (softmax(y, 2) + softmax(y0, 2))
    logits, logits0 = (side - side.mean(axis=2, keepdims=True) for side in (y, y0))
    expected = (weights * (logits - logits0)).reshape(3, 4, -1).sum(-1)
    assert largest(numpy(head.difference(*given)), expected) <= EXACT * 10
    seed = (weights - weights.mean(axis=2, keepdims=True)).reshape(12, *shape)
    assert largest(numpy(head.seed(*given)), seed) <= EXACT


@pytest.mark.parametrize("shape", [(30,), (30, 2)])
def test_the_value_of_a_profile_is_the_softmax_weighted_sum_of_its_logits(
    shape: tuple[int, ...],
) -> None:
    y, _ = node_values(shape)
    logits = y - y.mean(axis=2, keepdims=True)
    expected = (softmax(y, 2) * logits).reshape(3, 1, -1).sum(-1)
    for complete in (False, True):
        value = ProfileHead(0, complete=complete).value(ops.convert_to_tensor(y))
        assert largest(numpy(value), expected) <= EXACT * 10


@pytest.mark.parametrize("complete", [False, True])
def test_what_every_position_of_a_profile_gains_changes_nothing(*, complete: bool) -> None:
    y, y0 = node_values((30, 2))
    head = ProfileHead(0, complete=complete)
    given = [ops.convert_to_tensor(side) for side in (y, y0, y + 7.0)]
    assert largest(numpy(head.value(given[2])), numpy(head.value(given[0]))) <= EXACT * 10
    seeds = [numpy(head.seed(side, given[1])) for side in (given[0], given[2])]
    assert largest(*seeds) <= EXACT * 10
    assert np.abs(seeds[0].sum(axis=1)).max() <= EXACT


def test_the_tracks_of_a_profile_are_added() -> None:
    y, y0 = node_values((30, 2))
    for complete in (False, True):
        head = ProfileHead(0, complete=complete)
        whole = numpy(head.difference(ops.convert_to_tensor(y), ops.convert_to_tensor(y0)))
        tracks = [
            numpy(head.difference(*(ops.convert_to_tensor(side[..., k]) for side in (y, y0))))
            for k in range(2)
        ]
        assert largest(whole, sum(tracks)) <= EXACT * 10


def test_weights_of_a_unit() -> None:
    assert unit_weights((3,), 1, centred=False).tolist() == [0.0, 1.0, 0.0]
    assert unit_weights((3,), None, centred=False).tolist() == [1.0, 1.0, 1.0]
    assert unit_weights((2,), 0, centred=True).tolist() == [0.5, -0.5]


def trunk(tensor: Any) -> Any:
    hidden = layers.Conv1D(6, 5, activation="relu")(tensor)
    hidden = layers.MaxPooling1D(3)(hidden)
    return layers.Dense(5, activation="tanh")(layers.Flatten()(hidden))


def classifier(last: str | None) -> keras.Model:
    """Return a model of four classes, its last activation in its dense layer or none."""
    return made(lambda tensor: layers.Dense(4, activation=last)(trunk(tensor)), seed=8)


def bpnet(tensor: Any) -> list[Any]:
    """Return a profile of 14 positions and two tracks, and two counts."""
    hidden = layers.Conv1D(6, 5, activation="relu")(tensor)
    grown = layers.Conv1D(6, 3, dilation_rate=2, activation="relu")(hidden)
    hidden = layers.Add()([layers.Cropping1D(2)(hidden), grown])
    counts = layers.Dense(2, name="logcounts")(layers.GlobalAveragePooling1D()(hidden))
    profile = layers.Conv1D(2, 3, name="profile_logits")(hidden)
    return [profile, counts]


X, X0 = inputs_for((24, 4), 3, 4)


def scored(graph: Graph, head: Head) -> Result:
    return eager(graph, head, X, X0, dtype="float64")


def test_contributions_to_the_classes_of_a_softmax_sum_to_zero_over_classes() -> None:
    """A class has its logit's contributions less the mean over classes (paper, section 3.6)."""
    graph, logits = (graph_of(classifier(last)) for last in ("softmax", None))
    node, was_softmax = before_activation(graph, graph.outputs[0])
    assert was_softmax
    ours, raw = (
        np.stack(
            [
                scored(g, WeightedHead(n, unit_weights((4,), k, centred=centred))).contributions
                for k in range(4)
            ]
        )
        for g, n, centred in ((graph, node, True), (logits, logits.outputs[0], False))
    )
    assert np.abs(ours).max() > 0.1
    assert np.abs(ours.sum(axis=0)).max() <= EXACT
    assert largest(ours, raw - raw.mean(axis=0)) <= EXACT


@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_what_comes_out_of_a_sigmoid_or_softmax_is_explained_completely(last: str) -> None:
    graph = graph_of(classifier(last))
    head = WeightedHead(graph.outputs[0], unit_weights((4,), 1, centred=False))
    result = scored(graph, head)
    assert relative_residual(result) <= EXACT
    change = result.prediction[:, None] - result.reference_prediction
    assert np.abs(change).max() > 0.01
    assert largest(result.difference, change) <= EXACT
    assert ((result.prediction > 0) & (result.prediction < 1)).all()


@pytest.mark.parametrize(
    ("last", "stripped"), [("sigmoid", SIGMOID), ("softmax", Softmax(0)), ("tanh", None)]
)
def test_only_a_final_sigmoid_or_softmax_is_stripped(last: str, stripped: Any) -> None:
    graph = graph_of(classifier(last))
    (output,) = graph.outputs
    node, was_softmax = before_activation(graph, output)
    assert was_softmax == (last == "softmax")
    assert graph.nodes[output].primitive == stripped if stripped else node == output
    assert node == (graph.nodes[output].inputs[0] if stripped else output)


@pytest.mark.parametrize("last", ["in the dense layer", "a layer of its own"])
def test_the_target_is_what_goes_into_a_final_activation_unless_it_is_asked_for(last: str) -> None:
    own = last == "a layer of its own"
    ends = [layers.Activation("sigmoid")] if own else []
    model = made(
        chain(
            lambda: [
                layers.Flatten(),
                layers.Dense(1, activation=None if own else "sigmoid"),
                *ends,
            ]
        )
    )
    logit = Explainer(model, precision="float64").engine((24, 4))
    probability = Explainer(model, precision="float64", pre_activation=False).engine((24, 4))
    values = [
        float(numpy(engine.heads[0].value(graph_value(engine.graph, engine.heads[0])))[0, 0])
        for engine in (logit, probability)
    ]
    assert values[1] == pytest.approx(1 / (1 + np.exp(-values[0])))
    assert values[1] == pytest.approx(float(predicted(model, X[:1])[0, 0]))


def graph_value(graph: Graph, head: Head) -> Any:
    """Return the node of a head on the first sequence, (1, 1, *shape)."""
    values = computed(graph, X[:1], [head.node])
    return ops.expand_dims(values[head.node], 1)


@pytest.fixture(scope="module")
def bpnet_scores() -> tuple[keras.Model, dict[str, Result]]:
    model = made(bpnet)
    explain = Explainer(model, ["counts", "profile", "profile-complete"], precision="float64")
    results = explain(X, X0)
    assert isinstance(results, dict)
    return model, results


def test_counts_are_the_sum_of_the_count_output(
    bpnet_scores: tuple[keras.Model, dict[str, Result]],
) -> None:
    model, results = bpnet_scores
    _, counts = predicted(model, X)
    assert largest(results["counts"].prediction, counts.sum(axis=1)) <= EXACT * 10


def test_every_preset_sums_up(bpnet_scores: tuple[keras.Model, dict[str, Result]]) -> None:
    _, results = bpnet_scores
    for result in results.values():
        total = result.contributions.sum(axis=(1, 2))
        assert np.abs(total).max() > 0.01
        assert largest(total, result.difference.mean(axis=1)) <= EXACT * 100


def test_the_profile_presets_explain_the_profile_output(
    bpnet_scores: tuple[keras.Model, dict[str, Result]],
) -> None:
    model, results = bpnet_scores
    profile, profile0 = (predicted(model, side.reshape(-1, 24, 4))[0] for side in (X, X0))
    logits, logits0 = (
        (side - side.mean(axis=1, keepdims=True)).reshape(3, -1, 14, 2)
        for side in (profile, profile0)
    )
    p, p0 = softmax(logits, 2), softmax(logits0, 2)
    fixed = (0.5 * (p + p0) * (logits - logits0)).sum(axis=(2, 3))
    whole = (p * logits).sum(axis=(2, 3)) - (p0 * logits0).sum(axis=(2, 3))
    assert largest(results["profile"].difference, fixed) <= EXACT * 10
    assert largest(results["profile-complete"].difference, whole) <= EXACT * 10
    assert largest(fixed, whole) > 1e-3


@pytest.mark.parametrize("target", ["profile", "profile-complete"])
def test_a_profile_that_only_linear_layers_lead_to_sums_up(target: str) -> None:
    model = made(chain(lambda: [layers.Conv1D(2, 5), layers.Softmax(axis=1, name="profile")]))
    result = Explainer(model, target, precision="float64")(*pairs(3, 2))
    assert isinstance(result, Result)
    assert relative_residual(result) < EXACT


def classes(given: Any) -> Any:
    """Make a softmax of three classes at every position."""
    return layers.Conv1D(3, 5, activation="softmax", name="classes")(given)


BOXES = {  # request to the weights of the logits before their mean over classes is taken off
    "classes:7:1": np.s_[7, 1],
    "classes:2-6:0": np.s_[2:6, 0],
    "classes:0-20:1-3": np.s_[:, 1:3],
}


@pytest.mark.parametrize("request_", BOXES)
@pytest.mark.parametrize("pre_activation", [True, False])
def test_values_of_an_output_with_positions_are_summed(request_: str, pre_activation: bool) -> None:
    model = made(classes)
    (target,) = parse_targets([request_], model)
    graph = graph_of(model)
    head = head_of(target, graph, pre_activation=pre_activation, centred=True)
    weights = np.zeros((20, 3))
    weights[BOXES[request_]] = 1.0
    y = computed(graph, X, [head.node])[head.node]
    if pre_activation:
        weights -= weights.mean(axis=1, keepdims=True)
    else:
        assert largest(y, predicted(model, X)) <= EXACT
    same = WeightedHead(head.node, weights)
    pairs_ = [eager(graph, one, X, X0, dtype="float64") for one in (head, same)]
    assert largest(pairs_[0].prediction, (y * weights).sum(axis=(1, 2))) <= EXACT
    assert largest(pairs_[0].contributions, pairs_[1].contributions) <= EXACT
    assert relative_residual(pairs_[0]) <= EXACT


def test_a_place_past_the_end_of_an_open_axis_is_refused_when_it_is_known() -> None:
    model = made(classes, shape=(None, 4))
    (target,) = parse_targets(["0:40-60:1"], model)
    with pytest.raises(ModelError) as caught:
        head_of(target, lower(model, (24, 4)), pre_activation=True, centred=True)
    assert str(caught.value) == (
        "target 'classes:40-60:1': output 'classes' has the positions 0 to 19; ask for one"
    )


def test_an_output_without_an_axis_is_one_scalar() -> None:
    y = np.random.default_rng(0).normal(size=(2, 1))
    head = WeightedHead(0, unit_weights((), None, centred=False))
    tensor = ops.convert_to_tensor(y)
    np.testing.assert_array_equal(numpy(head.value(tensor)), y)
    np.testing.assert_array_equal(numpy(head.seed(tensor, tensor)), np.ones(2))
