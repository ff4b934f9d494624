"""Products, sums by an equation, and picking: turned round, they are the framework's gradients."""

import numpy as np
import pytest
from keras import ops
from nets import eager, gradients, largest

from seqlift.attribution.heads import WeightedHead
from seqlift.attribution.propagation.bilinear import through_product
from seqlift.network.graph import GraphBuilder
from seqlift.network.primitives.base import Constant, Linear
from seqlift.network.primitives.product import Contraction, Einsum, Multiply, Product
from seqlift.network.primitives.shape import Broadcast, Take

RNG = np.random.default_rng(11)

PRODUCTS: list[tuple[Product, tuple[int, ...], tuple[int, ...]]] = [
    (Multiply(), (5, 3), (5, 3)),
    (Multiply(), (5, 3), (1, 3)),
    (Multiply(), (1, 3), (5, 1)),
    (Einsum("ik,kj->ij"), (4, 3), (3, 5)),
    (Einsum("qhd,khd->hqk"), (4, 2, 3), (5, 2, 3)),
    (Einsum("i,j->ij"), (4,), (3,)),
    (Einsum("ij,ij->j"), (4, 3), (4, 3)),
]

LINEAR: list[tuple[Linear, tuple[int, ...]]] = [
    (Contraction(RNG.normal(size=(3, 2, 5)), None, "ij,jhk->ihk"), (4, 3)),
    (Contraction(RNG.normal(size=(4, 3)), RNG.normal(size=(3, 1)), "ijl,ij->jl"), (4, 3, 2)),
    (Take(0, (3, 1, 1, 0, 3, 3)), (4, 3)),
    (Take(1, (2, 0)), (4, 3)),
    (Broadcast((4, 5, 3)), (1, 5, 1)),
]


@pytest.mark.parametrize(("primitive", "shape"), LINEAR)
def test_the_transpose_is_the_gradient(primitive: Linear, shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=(2, *shape))
    multiplier = RNG.normal(size=(2, *primitive.shape(shape)))
    (expected,) = gradients(primitive.forward, multiplier, x)
    (ours,) = primitive.transpose(ops.convert_to_tensor(multiplier), shape)
    assert largest(ops.convert_to_numpy(ours), expected) <= 1e-12


@pytest.mark.parametrize(("product", "a", "b"), PRODUCTS)
def test_a_product_goes_back_to_either_factor_by_the_other(
    product: Product, a: tuple[int, ...], b: tuple[int, ...]
) -> None:
    x, y = RNG.normal(size=(2, *a)), RNG.normal(size=(2, *b))
    multiplier = RNG.normal(size=(2, *product.shape(a, b)))
    expected = gradients(product.forward, multiplier, x, y)
    given = ops.convert_to_tensor(multiplier)
    assert largest(product.back(0, given, ops.convert_to_tensor(y), a), expected[0]) <= 1e-12
    assert largest(product.back(1, given, ops.convert_to_tensor(x), b), expected[1]) <= 1e-12


@pytest.mark.parametrize(("product", "a", "b"), PRODUCTS)
def test_contributions_of_both_factors_sum_to_the_difference_of_the_product(
    product: Product, a: tuple[int, ...], b: tuple[int, ...]
) -> None:
    """Two sequences with three references each, and with three in common."""
    for rows in (2, 1):
        x = [ops.convert_to_tensor(RNG.normal(size=(2, 1, *shape))) for shape in (a, b)]
        x0 = [ops.convert_to_tensor(RNG.normal(size=(rows, 3, *shape))) for shape in (a, b)]
        pairs = [(a1 + 0.0 * a0, a0 + 0.0 * a1) for a1, a0 in zip(x, x0, strict=True)]
        after, before = (
            [np.asarray(pair[side]).reshape(-1, *pair[side].shape[2:]) for pair in pairs]
            for side in (0, 1)
        )
        multiplier = RNG.normal(size=(6, *product.shape(a, b)))
        change = np.asarray(product.forward(*after)) - np.asarray(product.forward(*before))
        back = through_product(product, x, x0)(ops.convert_to_tensor(multiplier))
        parts = [
            (np.asarray(m) * (now - then)).reshape(6, -1).sum(axis=1)
            for m, now, then in zip(back, after, before, strict=True)
        ]
        assert largest(sum(parts), (multiplier * change).reshape(6, -1).sum(axis=1)) <= 1e-12


@pytest.mark.parametrize("equation", ["ii,ij->j", "ij,jk->k", "ij,jk->ikk"])
def test_an_equation_that_cannot_be_turned_round_is_refused(equation: str) -> None:
    with pytest.raises(ValueError, match="a letter stands twice or only once"):
        Einsum(equation).shape((3, 3), (3, 3))


def test_what_does_not_depend_on_the_sequence_has_no_multiplier_and_needs_no_rule() -> None:
    """A gate that is the same for all: the scores are those of a scaled sequence."""
    builder = GraphBuilder()
    dna = builder.add_input((3, 4), "dna")
    gate = builder.add(Constant(np.array([[0.5], [2.0], [-1.0]])))
    squared = builder.add(Multiply(), gate, gate)
    output = builder.add(Multiply(), dna, squared)
    graph = builder.finish([output])
    assert graph.varying() == {dna, output}
    x, x0 = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 5, 3, 4))
    result = eager(graph, WeightedHead(output, np.ones((3, 4))), x, x0, rule="revealcancel")
    expected = (x[:, None] - x0) * np.array([[0.25], [4.0], [1.0]])
    assert largest(result.contributions, expected.mean(axis=1)) <= 1e-6
    assert np.abs(result.residual).max() <= 1e-5
