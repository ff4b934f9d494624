"""Relevance propagation, against stored numbers and the formulas on whole matrices in float64."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import layers
from nets import Array, chain, graph_of, largest, made, pairs, random_head, sequences
from oracle.relevance import (
    Block,
    Share,
    alpha_beta,
    layers_of_weights,
    proportional,
    relevance_of,
    w_squared,
    z_box,
    z_plus,
)

import seqlift
from seqlift.attribution.engine import Engine
from seqlift.attribution.registry import method_named
from seqlift.inputs.onehot import one_hot

pytestmark = pytest.mark.usefixtures("step_by_step")

INPUTS = {"zb": z_box, "w2": w_squared, "z+": z_plus}


def conv_max() -> list[Any]:
    return [
        layers.Conv1D(5, 7, activation="relu"),
        layers.MaxPooling1D(3),
        layers.Flatten(),
        layers.Dense(6, activation="relu"),
        layers.Dense(2),
    ]


def normed() -> list[Any]:
    return [
        layers.Conv1D(4, 5, padding="same"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Conv1D(3, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(2),
    ]


def averaged() -> list[Any]:
    return [
        layers.Conv1D(5, 6, activation="relu"),
        layers.AveragePooling1D(3),
        layers.Conv1D(4, 3, activation="relu"),
        layers.MaxPooling1D(4, 2),
        layers.Flatten(),
        layers.Dense(2),
    ]


def dense() -> list[Any]:
    return [layers.Flatten(), layers.Dense(8, activation="relu"), layers.Dense(2)]


STACKS = {"conv max": conv_max, "normed": normed, "averaged": averaged, "dense": dense}


@cache
def model_of(stack: str) -> Any:
    return made(chain(STACKS[stack]), (40, 4))


def bases() -> Array:
    """Make two sequences, one with a run of N."""
    codes = sequences(2, 40)
    codes[0, 10:14] = 4
    return np.asarray(one_hot(codes, np.float64))


def by_place(first: Share, conv: Share, full: Share) -> Any:
    """Choose the rule of a layer of weights: the first one's, a convolution's or a dense one's."""

    def of(model: Any) -> Any:
        start = next(layers_of_weights(model))

        def choose(i: int, block: Block) -> Share:
            return first if i == start else conv if block.kind == "Conv1D" else full

        return choose

    return of


RULES = {
    "deep-taylor zb": ({}, by_place(z_box, z_plus, z_plus), "proportional"),
    "deep-taylor w2": ({"input": "w2"}, by_place(w_squared, z_plus, z_plus), "proportional"),
    "deep-taylor z+": (
        {"input": "z+", "pool": "winner"}, by_place(z_plus, z_plus, z_plus), "winner",
    ),
    "lrp-composite": (
        {"alpha": 2.0, "beta": 1.0, "epsilon": 0.01},
        by_place(z_box, alpha_beta(2.0, 1.0), proportional(0.01)),
        "winner",
    ),
    "lrp-composite plain": (
        {"input": "w2"}, by_place(w_squared, alpha_beta(1.0, 0.0), proportional(1e-6)), "winner",
    ),
    "lrp-epsilon": (
        {"epsilon": 0.01},
        by_place(proportional(0.01), proportional(0.01), proportional(0.01)),
        "winner",
    ),
    "lrp-alpha-beta": (
        {"alpha": 2.0, "beta": 1.0},
        by_place(alpha_beta(2.0, 1.0), alpha_beta(2.0, 1.0), alpha_beta(2.0, 1.0)),
        "winner",
    ),
}  # fmt: skip


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("case", RULES)
def test_relevance_is_that_of_the_formulas_on_whole_matrices(case: str, stack: str) -> None:
    options, shares, pool = RULES[case]
    model, x = model_of(stack), bases()
    explain = seqlift.Explainer(
        model, "0:1", method=case.split()[0], method_options=options, precision="float64"
    )
    result = explain(x)
    for row, found, residual in zip(x, result.contributions, result.residual, strict=True):
        theirs = relevance_of(model, row, np.array([0.0, 1.0]), shares(model), pool)
        expected = theirs.sum(axis=-1, keepdims=True) * row
        assert largest(found, expected) <= 1e-9 * max(1.0, np.abs(theirs).max())
        assert np.abs(expected).max() > 1e-4
        assert np.abs(residual).max() <= 1e-9


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", ["deep-taylor", "lrp-composite", "lrp-epsilon", "lrp-gamma"])
def test_relevance_sums_to_the_output_less_what_biases_keep(name: str, stack: str) -> None:
    graph = graph_of(model_of(stack))
    engine = Engine(graph, [random_head(graph)], method_named(name, {}), dtype="float64")
    x, x0 = pairs(4, 1, 40)
    (result,) = engine.explain(x, np.zeros_like(x0))
    assert np.abs(result.residual).max() <= 1e-6 * np.abs(result.prediction).max()
    total = result.contributions.sum(axis=(1, 2))
    np.testing.assert_allclose(total, result.difference[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("stack", STACKS)
def test_deep_taylor_keeps_nothing_and_has_the_sign_of_the_output(stack: str) -> None:
    explain = seqlift.Explainer(model_of(stack), "0:1", method="deep-taylor", precision="float64")
    result = explain(one_hot(sequences(4, 40)))
    total = result.contributions.sum(axis=(1, 2))
    assert (np.sign(result.contributions) * np.sign(total)[:, None, None] >= 0.0).all()
    if stack in ("dense", "normed"):  # in the others a unit may be on by its bias alone
        np.testing.assert_allclose(total, result.prediction, rtol=1e-6, atol=1e-6)


STORED = [
    ("zplus", {"input": "z+", "pool": "winner"}),
    ("dtd_zbox", {"pool": "winner"}),
    ("dtd_zbox_proppool", {}),
    ("dtd_wsq", {"input": "w2", "pool": "winner"}),
]


@pytest.mark.parametrize("case", ["c01_conv_maxpool_dense_sigmoid", "c03_conv_avgpool_softmax"])
@pytest.mark.parametrize(("key", "options"), STORED)
def test_deep_taylor_is_that_of_the_stored_numbers(
    oracle: Path, case: str, key: str, options: dict[str, str]
) -> None:
    with np.load(oracle / f"{case}.npz") as file:
        x, predictions = file["x"], file["pred"]
    with np.load(oracle / f"{case}_lrp.npz") as file:
        theirs = file[key]
    targets = [str(task) for task in range(predictions.shape[1])]
    explain = seqlift.Explainer(
        oracle / f"{case}.h5", targets, method="deep-taylor", method_options=options,
        precision="float64",
    )  # fmt: skip
    for task, result in enumerate(explain(x).values()):
        expected = theirs[task].sum(axis=-1, keepdims=True) * x
        assert largest(result.contributions, expected) <= 1e-6 * np.abs(theirs[task]).max()
        assert np.abs(result.residual).max() <= 1e-9
