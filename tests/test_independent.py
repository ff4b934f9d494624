"""The engine held to a second implementation, and that one to the numbers of the originals.

`oracle` is DeepLIFT in NumPy, written anew and sharing no code with the engine. In float64 the two
agree to 1e-10 wherever both are right.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from independent_networks import ELEMENTWISE, NETWORKS
from nets import Array, eager, engine_by, graph_of, inputs_for, largest, made, predicted
from oracle.activations import ACTIVATIONS
from oracle.functions import LOGARITHM, NODES, RECIPROCAL, RECIPROCAL_ROOT, ROOT, WEIGHTS
from oracle.scores import Profile, Scores, Target, explained, observed

from seqlift.attribution.heads import ProfileHead, WeightedHead
from seqlift.models.load import load

SAME = 1e-10  # float64, both exact
PUBLISHED = 1e-5  # float32, the originals' own rounding

TWO_RULES = ("rescale", "revealcancel")
EVERY_RULE = (
    *TWO_RULES,
    "genomics",
    "gradient",
    "guided-backprop",
    "guided-backprop-rescale",
    "deconvnet",
)
RULES = {
    "groups": ("rescale",),
    "poolings": EVERY_RULE,
    "activation_layers": EVERY_RULE,
    "normalisations": (*TWO_RULES, "genomics"),
    "root_mean_squares": (*TWO_RULES, "genomics"),
}
PLAN = [(network, rule) for network in NETWORKS for rule in RULES.get(network, TWO_RULES)]


@cache
def network_of(name: str) -> tuple[Any, Any, Target, Array, Array]:
    """Return a model, its graph, a random weighted sum of its outputs, sequences and references."""
    body, shape = NETWORKS[name]
    model = made(body, shape)
    weights = np.random.default_rng(3).normal(size=model.output_shape[1:])
    x, x0 = inputs_for(shape, 2, 2)
    return model, graph_of(model), Target(weights, pre_activation=False), x, x0


def classes_in(model: Any) -> set[str]:
    """Return the names of the classes of a model's layers, and of those of the models in it."""
    found: set[str] = set()
    for layer in model.layers:
        found |= classes_in(layer) if hasattr(layer, "layers") else {type(layer).__name__}
    return found


def engine_pairs(graph: Any, target: Target, x: Array, x0: Array, **options: Any) -> Any:
    """Return the engine's result with every pair a sequence of its own."""
    head = WeightedHead(graph.outputs[0], np.asarray(target.weights))
    rows = np.repeat(x, x0.shape[1], axis=0)
    own = x0.reshape(-1, 1, *x0.shape[2:])
    return eager(graph, head, rows, own, dtype="float64", **options)


def assert_same(ours: Any, theirs: Scores, x: Array, x0: Array) -> None:
    """Check every field of the engine's result of single pairs."""
    scale = max(1.0, np.abs(theirs.multipliers).max())
    hypothetical, contributions = theirs.hypothetical, observed(theirs.hypothetical, x)
    if x.ndim > 3:  # an image has no bases: its values have contributions, and nothing else
        hypothetical = contributions = theirs.multipliers * (x[:, None] - x0)
    for name, expected in {
        "multipliers": theirs.multipliers,
        "hypothetical": hypothetical,
        "contributions": contributions,
    }.items():
        assert largest(getattr(ours, name), expected.reshape(-1, *x.shape[1:])) <= SAME * scale
    assert largest(ours.prediction, theirs.prediction.reshape(-1)) <= SAME
    assert largest(ours.reference_prediction, theirs.reference_prediction.reshape(-1, 1)) <= SAME
    assert largest(ours.residual, theirs.residual.reshape(-1, 1)) <= SAME


@pytest.mark.parametrize(("network", "rule"), PLAN)
def test_the_engine_agrees_with_the_second_implementation(network: str, rule: str) -> None:
    model, graph, target, x, x0 = network_of(network)
    theirs = explained(model, target, x, x0, rule=rule)
    assert np.abs(theirs.multipliers).max() > 1e-4
    if rule in TWO_RULES:
        assert np.abs(theirs.residual).max() <= 1e-12
    assert_same(engine_pairs(graph, target, x, x0, rule=rule), theirs, x, x0)


@pytest.mark.parametrize("rule", ["rescale", "guided-backprop-rescale"])
@pytest.mark.parametrize("network", ["poolings"])
def test_the_winner_takes_all_alike(network: str, rule: str) -> None:
    model, graph, target, x, x0 = network_of(network)
    theirs = explained(model, target, x, x0, rule=rule, max_rule="winner")
    ours = engine_pairs(graph, target, x, x0, rule=rule, max_rule="winner")
    assert_same(ours, theirs, x, x0)


def test_integrated_gradients_agree() -> None:
    model, graph, target, x, x0 = network_of("poolings")
    theirs = explained(model, target, x, x0, rule="integrated-gradients", steps=3)
    head = WeightedHead(graph.outputs[0], np.asarray(target.weights))
    engine = engine_by(graph, [head], rule="integrated-gradients", steps=3, dtype="float64")
    (ours,) = engine.explain(x, x0)
    assert largest(ours.multipliers, theirs.multipliers.mean(axis=1)) <= SAME
    assert largest(ours.residual, theirs.residual) <= SAME


def test_means_over_references_agree() -> None:
    model, graph, target, x, x0 = network_of("residual")
    theirs = explained(model, target, x, x0)
    ours = eager(graph, WeightedHead(graph.outputs[0], target.weights), x, x0, dtype="float64")
    assert largest(ours.multipliers, theirs.multipliers.mean(axis=1)) <= SAME
    assert largest(ours.hypothetical, theirs.hypothetical.mean(axis=1)) <= SAME
    assert largest(ours.reference_prediction, theirs.reference_prediction) <= SAME


def test_differences_of_any_size_agree() -> None:
    """Where a quotient of differences would have lost its digits too."""
    model, graph, target, x, _ = network_of("activations")
    steps = np.array([1e-12, 1e-7, 1e-5, 3e-5, 1e-3])[:, None, None]
    x0 = x[:, None] + steps * np.random.default_rng(5).normal(size=(2, 1, *x.shape[1:]))
    theirs = explained(model, target, x, x0)
    ours = engine_pairs(graph, target, x, x0)
    assert largest(ours.multipliers, theirs.multipliers.reshape(-1, *x.shape[1:])) <= SAME


@pytest.mark.parametrize("network", NETWORKS)
def test_the_second_implementation_predicts_what_keras_does(network: str) -> None:
    model, _, target, x, x0 = network_of(network)
    theirs = explained(model, target, x, x0[:, :1], rule="gradient")
    expected = (predicted(model, x) * target.weights).sum(axis=1)
    assert largest(theirs.prediction[:, 0], expected) <= 1e-7  # Keras rounds some constants


FUNCTIONS = ACTIVATIONS | {
    "logarithm": LOGARITHM,
    "root": ROOT,
    "reciprocal": RECIPROCAL,
    "reciprocal_root": RECIPROCAL_ROOT,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_slope_is_the_mean_of_the_derivative_and_the_quotient(name: str) -> None:
    """Of near points the first, by Gauss, between kinks; of far points the second."""
    f, rng = FUNCTIONS[name], np.random.default_rng(1)
    x0 = rng.uniform(0.6, 0.9, 300) + (rng.integers(-3, 3, 300) if name in ACTIVATIONS else 0)
    x = x0 + rng.uniform(-0.05, 0.05, 300)
    points = 0.5 * (x + x0)[:, None] + 0.5 * (x - x0)[:, None] * NODES
    mean = f.derivative(points) @ WEIGHTS / 2.0
    assert largest(f.slope(x, x0), mean) <= 1e-13 * max(1.0, np.abs(mean).max())
    far = x0 + rng.uniform(0.5, 4.0, 300)
    quotient = (f.value(far) - f.value(x0)) / (far - x0)
    assert largest(f.slope(far, x0), quotient) <= 1e-13 * max(1.0, np.abs(quotient).max())


def test_every_activation_is_in_the_network_of_activations() -> None:
    assert set(ELEMENTWISE) == set(ACTIVATIONS) - {"hard_sigmoid_of_keras_2"}


CASES = (
    "c01_conv_maxpool_dense_sigmoid",
    "c02_conv_bn_gap_multitask",
    "c03_conv_avgpool_softmax",
    "c05_dense_tanh_sigmoid_hidden",
    "c07_talgata_mini_multitask",
    "c08_functional_concat",
    "p01_fig3_min",
    "p02_fig1_saturation",
    "p03_fig2_threshold",
)
MODES = {
    "rescale": "rescale",
    "revealcancel": "revealcancel",
    "genomics_default": "genomics",
    "gradient": "gradient",
    "guided_backprop": "guided-backprop",
    "deconvnet": "deconvnet",
    "guided_backprop_rescale": "guided-backprop-rescale",
}
PARTED = ("revealcancel", "genomics_default")  # the original's multipliers of zero parts are noise
NOISY = {
    ("c08_functional_concat", "revealcancel__flat"),
    ("c03_conv_avgpool_softmax", "revealcancel__multi"),
    ("c08_functional_concat", "revealcancel__multi"),
}

Numbers = Mapping[str, Array]


@cache
def case_of(oracle: Path, case: str) -> tuple[Any, Numbers]:
    """Return the model of a case and the numbers stored with it."""
    with np.load(oracle / f"{case}.npz") as file:
        return load(oracle / f"{case}.h5").model, dict(file)


def by_task(oracle: Path, case: str, references: Array, **options: Any) -> tuple[Array, ...]:
    """Return multipliers, contributions and hypothetical contributions, means, (tasks, n, ...)."""
    model, numbers = case_of(oracle, case)
    scores = [
        explained(
            model,
            Target(unit, centred=False),
            numbers["x"],
            references,
            max_rule="winner",
            **options,
        )
        for unit in np.eye(numbers["pred"].shape[1])
    ]
    names = ("multipliers", "contributions", "hypothetical")
    return tuple(np.stack([getattr(s, name).mean(axis=1) for s in scores]) for name in names)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES)
def test_the_original_gives_the_second_implementations_scores(
    oracle: Path, case: str, mode: str
) -> None:
    _, numbers = case_of(oracle, case)
    for name in ("flat", "zeros", "shuf", "multi"):
        key = f"{mode}__{name}"
        if f"contribs__{key}" not in numbers:
            continue
        references = numbers["mrefs"] if name == "multi" else numbers[f"ref__{name}"][:, None]
        found = by_task(oracle, case, references, rule=MODES[mode])
        noisy = (case, key) in NOISY
        assert largest(found[1], numbers[f"contribs__{key}"]) <= (3e-4 if noisy else PUBLISHED)
        if mode in PARTED and (noisy or name == "multi"):
            continue
        moved = (numbers["x"] != references[:, 0]) if mode in PARTED else True
        assert largest(found[0] * moved, numbers[f"mult__{key}"] * moved) <= PUBLISHED
        if f"hyp__{key}" in numbers and mode not in PARTED:
            assert largest(found[2], numbers[f"hyp__{key}"]) <= PUBLISHED


@pytest.mark.parametrize(
    ("case", "steps"), [(case, 10) for case in CASES[:6]] + [(case, 50) for case in CASES[:4:2]]
)
def test_stored_integrated_gradients_are_the_second_implementations(
    oracle: Path, case: str, steps: int
) -> None:
    """Of a random weighted sum of the tasks, which they are linear in."""
    model, numbers = case_of(oracle, case)
    weights = np.random.default_rng(2).normal(size=numbers["pred"].shape[1])
    target = Target(weights, centred=False)
    options = {"rule": "integrated-gradients", "steps": steps, "max_rule": "winner"}
    for name in ("flat", "zeros", "shuf"):
        if f"ig__{steps}__{name}" in numbers:
            references = numbers[f"ref__{name}"][:, None]
            found = explained(model, target, numbers["x"], references, **options).contributions
            expected = np.tensordot(weights, numbers[f"ig__{steps}__{name}"], 1)
            assert largest(found[:, 0], expected) <= PUBLISHED


@pytest.mark.parametrize("complete", [False, True])
def test_profiles_agree_and_are_those_published(oracle: Path, complete: bool) -> None:
    model, numbers = case_of(oracle, "bpnet_a")
    x, x0 = (numbers[name][:1].astype(np.float64) for name in ("x", "references"))
    theirs = explained(model, Profile(0, complete=complete), x, x0)
    graph = graph_of(model)
    ours = eager(graph, ProfileHead(graph.outputs[0], complete=complete), x, x0, dtype="float64")
    assert largest(ours.hypothetical, theirs.hypothetical.mean(axis=1)) <= SAME
    if not complete:
        published = numbers["hypothetical_profile"][:1]
        assert largest(theirs.hypothetical.mean(axis=1), published) <= PUBLISHED
