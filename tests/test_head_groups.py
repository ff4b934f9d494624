"""Heads that differ in their numbers are one axis of a compiled pass, and score as each alone."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from independent_networks import NETWORKS
from nets import Array, chain, engine_by, graph_of, inputs_for, largest, made, pairs
from oracle.scores import Target, explained

from seqlift.attribution.engine import Engine
from seqlift.attribution.head_groups import by_head, grouped_heads
from seqlift.attribution.heads import BoxHead, Head, ProfileHead, WeightedHead, box_factors
from seqlift.attribution.propagation.passes import BackwardPass
from seqlift.attribution.registry import chosen_method
from seqlift.attribution.result import Result
from seqlift.explain import batches
from seqlift.network.graph import Graph

EXACT = 1e-12
FIELDS = ("hypothetical", "multipliers", "contributions", "prediction", "residual", "difference")

NAMES = ("poolings", "residual", "recurrent")
RULES = (
    "genomics",
    "revealcancel",
    "rescale",
    "gradient",
    "guided-backprop",
    "guided-backprop-rescale",
    "deconvnet",
)
PLAN = [one for one in product(NAMES, RULES) if one != ("poolings", "genomics")]
SLOW = pytest.mark.slow
METHODS: dict[str, dict[str, Any]] = {
    "integrated-gradients": {"steps": 2},
    "expected-gradients": {"samples": 2},
    "saliency": {},
    "lrp-alpha-beta": {},
    "deep-taylor": {},
    "grad-cam": {},
}


def weighted(graph: Graph, number: int) -> list[Head]:
    """Draw the weights of some heads on the first output."""
    node = graph.outputs[0]
    rng = np.random.default_rng(11)
    return [WeightedHead(node, rng.normal(size=graph.nodes[node].shape)) for _ in range(number)]


def together_and_alone(
    engines: Sequence[Engine], x: Array, x0: Array
) -> list[tuple[Result, Result]]:
    """Score by the first engine, of all heads, and by the others, of one head each."""
    together, *single = (engine.explain(x, x0) for engine in engines)
    return list(zip(together, [result for (result,) in single], strict=True))


def assert_alike(both: Sequence[tuple[Result, Result]], bound: float) -> None:
    for ours, alone in both:
        for name, values in alone.arrays().items():
            found = getattr(ours, name)
            assert found.shape == values.shape
            assert largest(found, values) <= bound * max(1.0, np.abs(values).max()), name
    first, second = both[0][0].multipliers, both[1][0].multipliers
    assert largest(first, second) > 0.01 * np.abs(first).max() > 0.0


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize(
    ("network", "rule"),
    [("poolings", "genomics"), *(pytest.param(*one, marks=SLOW) for one in PLAN)],
)
def test_several_heads_have_the_scores_of_each_alone(network: str, rule: str) -> None:
    body, shape = NETWORKS[network]
    graph = graph_of(made(body, shape))
    heads = weighted(graph, 3)
    engines = [engine_by(graph, one, rule, dtype="float64") for one in [heads, *zip(heads)]]
    assert [len(engine.groups) for engine in engines] == [1, 1, 1, 1]
    assert_alike(together_and_alone(engines, *inputs_for(shape, 2, 2)), EXACT)


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_several_heads_agree_with_the_second_implementation(rule: str) -> None:
    body, shape = NETWORKS["poolings"]
    model = made(body, shape)
    graph, (x, x0) = graph_of(model), inputs_for(shape, 2, 2)
    heads = weighted(graph, 3)
    for head, result in zip(
        heads, engine_by(graph, heads, rule, dtype="float64").explain(x, x0), strict=True
    ):
        theirs = explained(model, Target(head.numbers[0], pre_activation=False), x, x0, rule=rule)
        assert largest(result.multipliers, theirs.multipliers.mean(axis=1)) <= 1e-10
        assert largest(result.hypothetical, theirs.hypothetical.mean(axis=1)) <= 1e-10
        assert largest(result.residual, theirs.residual) <= 1e-10


@pytest.mark.slow
@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("name", METHODS)
def test_every_kind_of_method_scores_several_heads_as_each_alone(name: str) -> None:
    graph = graph_of(made(chain(convolutional), (20, 4)))
    heads = weighted(graph, 3)
    options = dict(METHODS[name])
    steps = {"steps": options.pop("steps")} if "steps" in options else {}
    engines = [
        Engine(graph, one, chosen_method(name, options, **steps), dtype="float64", fused=False)
        for one in [heads, *zip(heads)]
    ]
    assert_alike(together_and_alone(engines, *pairs(2, 2, 20)), EXACT)


def convolutional() -> list[Any]:
    """Make layers that every method is defined for."""
    from keras import layers

    return [
        layers.Conv1D(6, 5, activation="relu"),
        layers.MaxPooling1D(4),
        layers.Flatten(),
        layers.Dense(8, activation="relu"),
        layers.Dense(5),
    ]


@pytest.mark.engine
def test_a_pass_back_is_compiled_once_for_any_number_of_heads(
    all_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced: list[int] = []
    run = BackwardPass.run

    def counted(self: BackwardPass, node: int, seed: Any) -> Any:
        traced.append(node)
        return run(self, node, seed)

    monkeypatch.setattr(BackwardPass, "run", counted)
    graph = graph_of(made(chain(convolutional), (20, 4)))
    heads = weighted(graph, 40)
    x, x0 = pairs(2, 2, 20)
    several = engine_by(graph, heads)
    results = several.explain(x, x0)
    assert len(traced) <= 3  # before the loop, and in it
    (alone,) = engine_by(graph, heads[17:18]).explain(x, x0)
    for name in FIELDS:
        expected = getattr(alone, name)
        assert largest(getattr(results[17], name), expected) <= 1e-6 * np.abs(expected).max() + 1e-6


def test_heads_are_grouped_by_what_they_are_and_listed_as_they_were() -> None:
    ones, pair = np.ones(5), np.ones(2)
    boxes = [BoxHead(1, box_factors((6, 2), ((k, k + 2), (0, 1)), centred=None)) for k in range(2)]
    heads: list[Head] = [
        WeightedHead(0, ones),
        ProfileHead(1, complete=True),
        boxes[0],
        WeightedHead(0, 2 * ones),
        ProfileHead(1, complete=False),
        WeightedHead(2, pair),
        boxes[1],
        WeightedHead(0, 3 * ones),
    ]
    groups = grouped_heads(heads)
    assert [group.places for group in groups] == [(0, 3, 7), (1,), (2, 6), (4,), (5,)]
    found = [
        np.array(group.places) if len(group.places) > 1 else group.places[0] for group in groups
    ]
    assert by_head(groups, found) == list(range(8))


def test_further_heads_take_the_memory_of_their_scores_only() -> None:
    graph = graph_of(made(chain(convolutional), (20, 4)))
    heads = weighted(graph, 900)
    one, many = (engine_by(graph, some, "rescale") for some in (heads[:1], heads))
    more = batches.memory_of(many, 20) - batches.memory_of(one, 20)
    assert more == 899 * 3 * 80 * 4
    assert batches.automatic_size(one, 20) == batches.LARGEST_BATCH
    assert batches.automatic_size(many, 20) == batches.MOST_SCORES // 900
