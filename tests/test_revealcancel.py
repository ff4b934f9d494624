"""RevealCancel: parts of differences, by its equations, worked out anew in float64."""

from typing import Any

import numpy as np
import pytest
from keras import Input, Model, layers, ops
from nets import Array, eager, graph_of, largest, random_head, randomise, relative_residual

from seqlift.attribution.presets import rules_of
from seqlift.attribution.propagation.rule import Parts
from seqlift.attribution.registry import preset_named, rule_named
from seqlift.attribution.rules.revealcancel import through_activation
from seqlift.errors import ModelError
from seqlift.network.primitives.elementwise import (
    RELU,
    SIGMOID,
    TANH,
    Elementwise,
    general_relu,
)

RELU_6 = general_relu(slope=0.0, ceiling=6.0, threshold=0.0)
BY_NUMPY: dict[Elementwise, Any] = {
    RELU: lambda x: np.maximum(x, 0.0),
    RELU_6: lambda x: np.clip(x, 0.0, 6.0),
    SIGMOID: lambda x: 1.0 / (1.0 + np.exp(-x)),
    TANH: np.tanh,
}


def through(function: Elementwise, x0: Any, p: Any, q: Any) -> tuple[list[Array], list[Array]]:
    """Return the parts after an activation and the multipliers of those before it."""
    x0, p, q = (ops.convert_to_tensor(np.atleast_1d(np.float64(side))) for side in (x0, p, q))
    after, before = through_activation(function, x0, Parts(p, q))
    pairs = (after, (before.positive, before.negative))
    return [[ops.convert_to_numpy(side) for side in pair] for pair in pairs]


@pytest.mark.parametrize("function", BY_NUMPY, ids=lambda function: function.name)
def test_parts_are_means_over_the_two_orders_of_adding_them(function: Elementwise) -> None:
    rng = np.random.default_rng(8)
    x0, p, q = rng.normal(0, 3, 200), rng.exponential(3, 200), -rng.exponential(3, 200)
    f = BY_NUMPY[function]
    positive = 0.5 * ((f(x0 + p) - f(x0)) + (f(x0 + q + p) - f(x0 + q)))
    negative = 0.5 * ((f(x0 + q) - f(x0)) + (f(x0 + p + q) - f(x0 + p)))
    after, before = through(function, x0, p, q)
    assert largest(after[0], positive) <= 1e-12
    assert largest(after[1], negative) <= 1e-12
    assert largest(before[0], positive / p) <= 1e-9
    assert largest(after[0] + after[1], f(x0 + p + q) - f(x0)) <= 1e-12


@pytest.mark.parametrize(
    ("function", "x0", "p", "q", "up", "down"),
    [
        (RELU, 0.0, 0.0, 0.0, 1.0, 0.0),  # at the kink each part has the slope of its side
        (RELU, 1.0, 0.0, 0.0, 1.0, 1.0),
        (RELU, -1.0, 0.0, 0.0, 0.0, 0.0),
        (RELU, 0.0, 2.0, 0.0, 1.0, 0.5),  # down: from 0 nothing, from 2 all
        (RELU, 0.0, 0.0, -2.0, 0.5, 0.0),  # up: from 0 all, from -2 nothing
        (RELU_6, 6.0, 0.0, 0.0, 0.0, 1.0),
        (SIGMOID, 0.0, 0.0, 0.0, 0.25, 0.25),
    ],
)
def test_a_part_that_is_zero_has_the_derivative_on_its_side(
    function: Elementwise, x0: float, p: float, q: float, up: float, down: float
) -> None:
    _, before = through(function, x0, p, q)
    assert [side.item() for side in before] == pytest.approx([up, down], abs=1e-12)


def branching() -> Model:
    """Return a network in which parts pass what a layer can do to them before an activation."""
    x = Input((12, 4))
    left = layers.Conv1D(5, 3, padding="same")(x)
    right = layers.Conv1D(5, 3, padding="same", dilation_rate=2)(x)
    y = layers.Subtract()([left, layers.BatchNormalization(name="scale")(right)])
    y = layers.Activation("relu", name="first")(layers.AveragePooling1D(3, strides=2)(y))
    y = layers.Concatenate(axis=1)([y, layers.Cropping1D((1, 1))(y)])
    y = layers.Activation("tanh", name="second")(layers.MaxPooling1D(2)(y))
    y = layers.Dense(6, activation="elu", name="third")(layers.Flatten()(y))
    y = layers.Activation("sigmoid", name="fourth")(y)
    model = Model(x, layers.Dense(2)(y))
    randomise(model, seed=2)  # scales of both signs
    return model


@pytest.mark.parametrize("rule", ["revealcancel", "genomics", "rescale"])
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-5), ("float64", 1e-10)])
def test_contributions_sum_to_the_difference_through_every_kind_of_layer(
    rule: str, dtype: str, bound: float
) -> None:
    graph = graph_of(branching())
    rng = np.random.default_rng(4)
    x, x0 = np.eye(4)[rng.integers(0, 4, (3, 12))], np.eye(4)[rng.integers(0, 4, (3, 5, 12))]
    result = eager(graph, random_head(graph), x, x0, rule=rule, dtype=dtype)
    assert relative_residual(result) <= bound


def test_one_layer_may_have_a_rule_of_its_own() -> None:
    graph = graph_of(branching())

    def rules(preset: Any, **special: Any) -> dict[str, str]:
        named = {layer: rule_named(name) for layer, name in special.items()}
        found = rules_of(graph, preset_named(preset), named)
        bends = ("first", "second", "third", "fourth")
        ends = {call.layer: call.nodes[-1] for call in graph.calls if call.layer in bends}
        return {layer: found[node].name for layer, node in ends.items()}

    assert rules("genomics") == {
        "first": "rescale",
        "second": "rescale",
        "third": "revealcancel",
        "fourth": "rescale",
    }
    assert rules("rescale", second="revealcancel")["second"] == "revealcancel"
    rng = np.random.default_rng(4)
    x, x0 = np.eye(4)[rng.integers(0, 4, (3, 12))], np.eye(4)[rng.integers(0, 4, (3, 5, 12))]
    head = random_head(graph)
    mixed = eager(graph, head, x, x0, rule="rescale", rule_for={"third": "revealcancel"})
    whole = eager(graph, head, x, x0, rule="genomics")
    assert np.array_equal(mixed.multipliers, whole.multipliers)
    with_gradient = eager(graph, head, x, x0, rule="rescale", rule_for={"third": "gradient"})
    assert largest(with_gradient.multipliers, whole.multipliers) > 1e-3


def test_a_layer_without_a_rule_is_named_with_those_that_have_one() -> None:
    with pytest.raises(ModelError) as caught:
        rules_of(graph_of(branching()), rule_named("rescale"), {"scale": rule_named("gradient")})
    assert str(caught.value).startswith("layer scale: not in the model, or linear, so that all ")
    assert "first" in str(caught.value)
