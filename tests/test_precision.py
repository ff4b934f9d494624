"""What a precision rounds, and what it leaves as it is."""

from typing import get_args

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import Array, largest, numpy, randomise
from small import LENGTH, NAMES, REFERENCES, X, explained

from seqlift.attribution.result import Result
from seqlift.device import products
from seqlift.device.backend import compiled
from seqlift.device.precision import PRECISIONS, Precision, Products
from seqlift.explain.explainer import Explainer


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Return a model of a convolution, pooling and dense layers: all that has products."""
    given = keras.Input((LENGTH, 4), name="dna")
    hidden = layers.Conv1D(5, 7, activation="relu")(given)
    pooled = layers.MaxPooling1D(4)(hidden)
    dense = layers.Dense(6, activation="relu")(layers.Flatten()(pooled))
    model = keras.Model(given, layers.Dense(1, name="strength")(dense))
    randomise(model, seed=5)
    return model


@pytest.fixture(scope="module")
def results(model: keras.Model) -> dict[Precision, dict[str, Result]]:
    return {
        precision: explained(
            Explainer(model, ["strength"], precision=precision, batch_size=9), X, REFERENCES
        )
        for precision in PRECISIONS
    }


def rounded(values: Array, bits: int) -> Array:
    """Return values rounded to `bits` after the leading one, to even where it is a tie."""
    fraction, exponent = np.frexp(values.astype(np.float64))
    return np.ldexp(np.round(np.ldexp(fraction, bits + 1)), exponent - bits - 1)


@pytest.mark.parametrize("kind", get_args(Products))
def test_factors_are_rounded_to_the_nearest_and_ties_to_even(kind: Products) -> None:
    bits = products.KEPT_BITS[kind]
    drawn = np.random.default_rng(0).normal(size=999)
    ties = 1.0 + (np.arange(8) + 0.5) * 2.0**-bits
    values = np.concatenate([drawn, ties, -ties, [0.0, 1e-20, 3e30]]).astype(np.float32)
    (ours,) = compiled(products.factors, products=kind)(values)
    assert np.array_equal(numpy(ops.cast(ours, "float32")), rounded(values, bits))


@pytest.mark.parametrize("kind", get_args(Products))
def test_products_are_those_of_rounded_factors_and_sums_are_not_rounded(kind: Products) -> None:
    rng, bits = np.random.default_rng(1), products.KEPT_BITS[kind]
    array, matrix = rng.normal(size=(16, 400)), rng.normal(size=(400, 8))
    sides = (array.astype(np.float32), matrix.astype(np.float32))
    expected = rounded(sides[0], bits) @ rounded(sides[1], bits)
    kernel = sides[1].reshape(4, 100, 8)

    def convolution(rows: Array, weights: Array) -> Array:
        apart = ops.reshape(rows, (16, 4, 100))
        flat = ops.reshape(weights, kernel.shape)
        return products.convolve(apart, flat, strides=(1,), dilation=(1,))[:, 0]

    def sums(rows: Array, weights: Array) -> Array:
        return products.einsum("ij,jk->ik", rows, weights)

    for product in (products.matmul, sums, convolution):
        found = numpy(compiled(product, products=kind)(*sides))
        assert found.dtype == np.float32
        assert largest(found, expected) <= 1e-6 * np.abs(expected).max()


@pytest.mark.slow
def test_the_more_is_rounded_the_more_is_missed(
    results: dict[Precision, dict[str, Result]],
) -> None:
    for target, exact in results["float64"].items():
        scale = np.abs(exact.contributions).max()
        errors = {
            precision: largest(found[target].contributions, exact.contributions) / scale
            for precision, found in results.items()
        }
        assert errors["float32"] <= 1e-5 < errors["tf32"] <= 1e-2
        assert errors["tf32"] < errors["bfloat16"] <= 1e-1


@pytest.mark.slow
def test_what_is_rounded_is_still_told_in_float32(
    results: dict[Precision, dict[str, Result]],
) -> None:
    for precision in get_args(Products):
        for result in results[precision].values():
            assert {getattr(result, name).dtype for name in NAMES} == {np.dtype("float32")}
