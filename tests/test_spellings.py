"""One function, one score: what a model writes out by hand is explained as its layer is."""

from typing import Any

import numpy as np
import pytest
from keras import layers, ops
from nets import (
    Array,
    at_once,
    computed,
    engine_by,
    graph_of,
    inputs_for,
    largest,
    made,
    predicted,
    random_head,
)

from seqlift.lowering.compositions.recognition import known_activation
from seqlift.network.graph import GraphBuilder
from seqlift.network.primitives import elementwise, powers
from seqlift.network.primitives.affine import Scale

# `x` and `v` are (batch, 5) and come from dense layers, `c` is (batch, 22, 6) and often zero in all
# channels; `s` is its sum of squares, at least 1e-12, and `m` its mean, both
# (batch, 22, 1); `w` its variance plus epsilon.
QUOTIENTS = {
    "unit length": (
        "c / ops.sqrt(s)",
        "c * ops.rsqrt(s)",
        "ops.rsqrt(s) * c",
        "c * s ** -0.5",
        "c * ops.reciprocal(ops.sqrt(s))",
        "c * (1 / ops.sqrt(s))",
        "c * ops.sqrt(1 / s)",
        "c * ops.exp(-0.5 * ops.log(s))",
        "c * (s ** -0.25 * s ** -0.25)",
        "c / (1 / ops.rsqrt(s))",
        "c * ops.repeat(ops.rsqrt(s), 6, axis=-1)",
        "c * ops.expand_dims(ops.rsqrt(s[:, :, 0]), -1)",
        "layers.Multiply()([c, ops.rsqrt(s)])",
        "(3 * c) * (ops.rsqrt(s) / 3)",
        "c * (ops.rsqrt(s) * scales) * (1 / scales)",
        "ops.einsum('bij,bi->bij', c, ops.rsqrt(s)[:, :, 0])",
        "ops.einsum('bi,bij->bij', ops.rsqrt(s)[:, :, 0], c)",
        "ops.einsum('bij,bik->bij', c, ops.rsqrt(s))",
        "c * ops.concatenate([ops.rsqrt(s)] * 6, axis=-1)",
        "(0.5 * c) * (ops.rsqrt(s) + ops.rsqrt(s))",
        "ops.normalize(c, epsilon=1e-6)",
    ),
    "unit length over positions": (
        "ops.sum(c / ops.sqrt(s), axis=1)",
        "ops.matmul(ops.transpose(c, (0, 2, 1)), ops.rsqrt(s))[:, :, 0]",
        "layers.Dot(axes=1)([c, ops.rsqrt(s)])[:, :, 0]",
    ),
    "root mean square": (
        "ops.rms_normalization(c, scale=scales, epsilon=1e-6)",
        "c * scales * ops.rsqrt(ops.mean(c * c, axis=-1, keepdims=True) + 1e-6)",
        "c * ((ops.mean(ops.square(c), axis=-1, keepdims=True) + 1e-6) ** -0.5 * scales)",
    ),
    "layer norm": (
        "layers.LayerNormalization(epsilon=1e-3, center=False, scale=False)(c)",
        "(c - m) / ops.sqrt(w)",
        "(c - m) * ops.rsqrt(ops.mean(c * c, axis=-1, keepdims=True) - m * m + 1e-3)",
        "c * ops.rsqrt(w) - m * ops.rsqrt(w)",
    ),
}
ACTIVATIONS = {
    "sigmoid": (
        "ops.sigmoid(x)",
        "1 / (1 + ops.exp(-x))",
        "ops.exp(x) / (1 + ops.exp(x))",
        "0.5 * (ops.tanh(0.5 * x) + 1)",
    ),
    "gate": (
        "v * ops.sigmoid(x)",
        "v * (1 / (1 + ops.exp(-x)))",
        "v / (1 + ops.exp(-x))",
    ),
    "tanh": (
        "ops.tanh(x)",
        "2 * ops.sigmoid(2 * x) - 1",
        "(ops.exp(x) - ops.exp(-x)) / (ops.exp(x) + ops.exp(-x))",
    ),
    "silu": ("ops.silu(x)", "x * ops.sigmoid(x)", "x / (1 + ops.exp(-x))"),
    "gelu": ("ops.gelu(x, approximate=False)", "0.5 * x * (1 + ops.erf(x / 2**0.5))"),
    "approximate gelu": (
        "ops.gelu(x)",
        "0.5 * x * (1 + ops.tanh(0.7978845608 * (x + 0.044715 * x**3)))",
    ),
    "softplus": (
        "ops.softplus(x)",
        "ops.log(1 + ops.exp(x))",
        "ops.log1p(ops.exp(x))",
        "ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.abs(x)))",
        "ops.logaddexp(x, 0.0)",
    ),
    "mish": ("layers.Activation('mish')(x)", "x * ops.tanh(ops.log(1 + ops.exp(x)))"),
    "elu": ("ops.elu(x)", "ops.maximum(x, 0.0) + ops.exp(ops.minimum(x, 0.0)) - 1"),
    "softsign": ("ops.softsign(x)", "x / (1 + ops.abs(x))"),
    "hard silu": ("ops.hard_silu(x)", "x * ops.relu6(x + 3) / 6"),
    "leaky ReLU": ("ops.leaky_relu(x, 0.2)", "ops.maximum(x, 0.2 * x)"),
    "absolute": ("ops.abs(x)", "ops.maximum(x, -x)", "-ops.minimum(x, -x)"),
}
LARGEST = "ops.max(x, axis=-1, keepdims=True)"
EXPONENTIALS = {
    "softmax": (
        "ops.softmax(x)",
        "ops.exp(x) / ops.sum(ops.exp(x), axis=-1, keepdims=True)",
        "ops.exp(x) * (1 / ops.sum(ops.exp(x), axis=-1)[:, None])",
        f"ops.exp(x - {LARGEST}) / ops.sum(ops.exp(x - {LARGEST}), axis=-1, keepdims=True)",
    ),
    "softmax over positions": (
        "ops.softmax(c, axis=1)",
        "ops.exp(c) / ops.sum(ops.exp(c), axis=1, keepdims=True)",
    ),
    "log softmax": (
        "ops.log_softmax(x)",
        "x - ops.log(ops.sum(ops.exp(x), axis=-1, keepdims=True))",
        f"(x - {LARGEST}) - ops.log(ops.sum(ops.exp(x - {LARGEST}), axis=-1, keepdims=True))",
    ),
    "log-sum-exp": (
        "ops.logsumexp(x, axis=-1, keepdims=True)",
        "ops.log(ops.sum(ops.exp(x), axis=-1, keepdims=True))",
        f"{LARGEST} + ops.log(ops.sum(ops.exp(x - {LARGEST}), axis=-1, keepdims=True))",
        f"ops.log(ops.sum(ops.exp(x - {LARGEST}), axis=-1))[:, None] + {LARGEST}",
    ),
}
GROUPS = {"quotients": QUOTIENTS, "activations": ACTIVATIONS, "exponentials": EXPONENTIALS}


def outputs(texts: list[str], tensor: Any) -> list[Any]:
    flat = layers.Flatten()(tensor)
    c = layers.ReLU()(layers.Conv1D(6, 3)(tensor) - 1.2)
    names = {
        "x": layers.Dense(5)(flat),
        "v": layers.Dense(5)(flat),
        "c": c,
        "s": ops.maximum(ops.sum(ops.square(c), axis=-1, keepdims=True), 1e-12),
        "m": ops.mean(c, axis=-1, keepdims=True),
        "w": ops.var(c, axis=-1, keepdims=True) + 1e-3,
        "scales": np.arange(1.0, 7.0),
        "ops": ops,
        "layers": layers,
    }
    return [layers.Identity()(eval(text, names)) for text in texts]


def contributions(texts: list[str], dtype: str) -> dict[str, Array]:
    model = made(lambda tensor: outputs(texts, tensor))
    graph = graph_of(model)
    heads = [random_head(graph, number) for number in range(len(texts))]
    engine = engine_by(graph, heads, rule="genomics", dtype=dtype)
    found = at_once(engine.explain_own)(*inputs_for((24, 4), 2, 3))
    return {
        text: np.asarray(ops.convert_to_numpy(result["contributions"]))
        for text, result in zip(texts, found, strict=True)
    }


@pytest.mark.parametrize(
    ("group", "dtype"),
    [("quotients", "float32"), ("activations", "float64"), ("exponentials", "float64")],
)
def test_spellings_of_one_function_have_one_score(group: str, dtype: str) -> None:
    groups = GROUPS[group]
    scores = contributions([text for texts in groups.values() for text in texts], dtype)
    for first, *others in groups.values():
        for text in others:
            size = np.abs(scores[first]).max()
            assert 1e-2 < size < 1e2, first
            exact = 2e-5 if dtype == "float32" else 1e-7  # constants are spelled with ten digits
            assert largest(scores[text], scores[first]) <= exact * size, text


@pytest.mark.parametrize(
    "text",
    [
        "1 / (1.001 + ops.exp(-x))",
        "ops.sigmoid(ops.clip(x, -5.0, 5.0))",
        "ops.log(1 + ops.exp(ops.minimum(x, 20.0)))",
        "0.5 * x * (1 + ops.tanh(0.8 * (x + 0.044715 * x**3)))",
        "x * ops.sigmoid(1.702 * x)",
    ],
)
def test_what_only_looks_like_an_activation_stays_what_it_is(text: str) -> None:
    """A model predicts what it did: these differ from an activation by 1e-3 or far out only."""
    model = made(lambda tensor: outputs([text], tensor * 8.0))
    graph = graph_of(model)
    x, _ = inputs_for((24, 4), 3, 1)
    (output,) = graph.outputs
    theirs = predicted(model, x)
    ours = computed(graph, x)[output]
    assert largest(ours, theirs) <= 1e-6 * np.abs(theirs).max()  # Keras on JAX rounds to float32


def test_a_function_of_two_values_or_of_places_is_no_activation() -> None:
    builder = GraphBuilder()
    one, other = builder.add_input((3,), "one"), builder.add_input((3,), "other")
    gate = builder.add(elementwise.SIGMOID, one)
    product = builder.add(elementwise.TANH, builder.add(powers.SQUARE, other))
    assert known_activation(builder, gate) is None
    assert known_activation(builder, product) is None
    scaled = builder.add(
        Scale(np.arange(3.0), np.ones(1)), builder.add(elementwise.EXPONENTIAL, one)
    )
    assert known_activation(builder, builder.add(powers.RECIPROCAL, scaled)) is None
