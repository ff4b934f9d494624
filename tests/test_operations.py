"""Operations of `keras.ops`: the same values as in Keras, scores that sum up, refusals by name."""

from typing import Any

import keras
import layer_table_operations as table
import numpy as np
import pytest
from keras import layers, ops
from nets import (
    Array,
    Body,
    computed,
    eager,
    engine_by,
    gradients,
    graph_of,
    inputs_for,
    largest,
    made,
    pairs,
    predicted,
    random_head,
    relative_residual,
)

from seqlift.attribution.heads import Head
from seqlift.attribution.propagation.softmax_quotients import through_log_sum_exp
from seqlift.attribution.result import Result
from seqlift.device.backend import at_once
from seqlift.errors import ModelError
from seqlift.lowering.operations.refusal import REFUSALS
from seqlift.lowering.operations.table import OPERATIONS
from seqlift.models import safety
from seqlift.network.graph import Graph
from seqlift.network.primitives.logarithm import LogSumExp

GROUPS = {
    name: getattr(table, name)
    for name in (
        "ARITHMETIC",
        "FUNCTIONS",
        "REDUCTIONS",
        "ARRANGEMENTS",
        "SELECTIONS",
        "CONTRACTIONS",
        "NETWORK",
    )
}
FAIL_ON_JAX = {  # in Keras itself: JAX repeats by arrays only, and pools over listed axes only
    "ops.repeat(x, [1, 0, 2, 1, 1, 3], axis=2)",
    "ops.average_pool(x, 2, padding='same')",
}
SEQUENCE = (24, 4)

# Keras works out the shape of a tensordot over listed axes by the truth of NotImplemented.
pytestmark = pytest.mark.filterwarnings("ignore:NotImplemented should not:DeprecationWarning")


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


def outputs_of(expressions: tuple[str, ...]) -> Body:
    """Return one output for each expression."""

    def body(tensor: Any) -> list[Any]:
        names = table.operands(tensor)
        return [layers.Identity()(table.evaluated(text, names)) for text in expressions]

    return body


def explained(graph: Graph, heads: list[Head], x: Array, x0: Array, **options: Any) -> list[Result]:
    """Return the scores of several heads, as `eager` does."""
    engine = engine_by(graph, heads, **options)
    outputs = engine.by_head(at_once(engine.explain_own)(x, x0))
    return [Result(**{name: numpy(value) for name, value in found.items()}) for found in outputs]


@pytest.mark.parametrize("group", GROUPS)
def test_every_operation_computes_what_keras_does_and_completes(group: str) -> None:
    """One model a group: forward and residual in both precisions, and the gradient."""
    expressions = GROUPS[group]
    if keras.backend.backend() == "jax":
        expressions = [text for text in expressions if text not in FAIL_ON_JAX]
    model = made(outputs_of(expressions), SEQUENCE)
    graph = graph_of(model)
    heads: list[Head] = [random_head(graph, number) for number in range(len(expressions))]
    x, x0 = inputs_for(SEQUENCE, 3, 4)
    expected = predicted(model, x)
    for dtype, computes, completes in (("float64", 1e-12, 1e-10), ("float32", 1e-5, 1e-5)):
        values = computed(graph, x.astype(dtype))
        results = explained(graph, heads, x, x0, rule="rescale", dtype=dtype)
        for text, theirs, head, result in zip(expressions, expected, heads, results, strict=True):
            rounded = 5e-7 if keras.backend.backend() == "jax" else 1e-7
            exact = max(computes, rounded if text in table.ROUNDED else 0.0)
            error = largest(values[head.node], theirs)
            assert error <= exact * np.abs(theirs).max(), text
            assert np.abs(result.difference).max() > 1e-3, text
            assert relative_residual(result) <= completes, text
    smooth = np.random.default_rng(9).normal(size=x.shape)
    ours = explained(graph, heads, smooth, x0, rule="gradient", dtype="float64")
    total = sum(result.multipliers for result in ours)
    weights = [head.weights for head in heads]
    (theirs,) = gradients(lambda tensor: weighed(model(tensor), weights), 1.0, smooth)
    exact = 1e-6 if set(expressions) & table.ROUNDED else 1e-12
    assert largest(total, theirs) <= exact * np.abs(theirs).max()


def weighed(outputs: list[Any], weights: list[Array]) -> Any:
    """Return the sum of all outputs times their weights."""
    terms = (ops.sum(output * own) for output, own in zip(outputs, weights, strict=True))
    return sum(terms)


def test_the_table_of_expressions_has_every_operation_that_is_lowered() -> None:
    given = keras.Input(SEQUENCE)
    model = keras.Model(given, outputs_of(table.OPERATIONS)(given))
    seen = {type(operation) for operation in model.operations}
    unseen = set(OPERATIONS) - set(REFUSALS) - seen
    assert {kind.__name__ for kind in unseen} == {"Abs", "StopGradient"}


def test_every_operation_a_file_may_bring_is_lowered_or_refused_with_a_reason() -> None:
    assert {kind.__name__ for kind in OPERATIONS} >= safety.SAFE_OPERATIONS


def test_what_holds_gradients_back_in_training_lets_scores_through() -> None:
    def body(tensor: Any) -> Any:
        hidden = layers.Dense(3, activation="tanh")(layers.Flatten()(tensor))
        return layers.Dense(1)(ops.stop_gradient(hidden) * hidden)

    x, x0 = pairs(3, 4)
    graph = graph_of(made(body))
    result = eager(graph, random_head(graph), x, x0, dtype="float64")
    assert np.abs(result.difference).max() > 1e-3
    assert relative_residual(result) <= 1e-10


def on_hidden(expression: str) -> Body:
    """Return one expression of the operands."""
    return lambda tensor: table.evaluated(expression, table.operands(tensor))


MIXES = "which mixes the rows of a batch"
JUMPS = (
    "compares values that depend on the input: its result jumps, and nothing says which part of a"
    " change made it jump; use relu, sigmoid or maximum instead, and no Masking before a layer that"
    " uses the mask"
)
STEPS = "has steps without a slope; leave it out, or use a smooth function instead"
PRODUCT = (
    "multiplies along the batch axis, which mixes its rows; sum over other axes, and keep the batch"
    " axis first"
)

REFUSED = {
    "ops.mean(x, axis=0)": f"(Mean) works along axis 0, {MIXES}; give one from 1 to 2",
    "ops.sum(x)": f"(Sum) works along all axes, {MIXES}; give it the axes from 1 on",
    "ops.take(x, [0], axis=0)": f"(Take) works along axis 0, {MIXES}; give one from 1 to 2",
    "ops.flip(x)": f"(Flip) works along all axes, {MIXES}; give it the axes from 1 on",
    "ops.transpose(x)": f"(Transpose) moves the batch axis, {MIXES}; leave it first",
    "ops.reshape(x, (-1, 108))": (
        f"(Reshape) reshapes (batch, 9, 6) to (-1, 108), {MIXES}; make the new shape's first axis"
        " -1 and the others as many values as a row has"
    ),
    "x[1:, :]": (
        "(GetItem) selects along the batch axis, which mixes its rows; begin the index by :"
    ),
    "x + v": (
        "(Add) joins tensors of shapes (batch, 9, 6), (batch, 6), where the batch axis of one meets"
        " another axis of the other; expand their axes to the same number"
    ),
    "v + table": (
        f"(Add) joins a constant of shape (9, 6) to a tensor of 2 axes, {MIXES}; make the"
        " constant's first axis 1"
    ),
    "ops.matmul(v, q)": f"(Matmul) {PRODUCT}",
    "ops.einsum('bij,bij->ij', x, y)": f"(Einsum) {PRODUCT}",
    "ops.tensordot(x, q, axes=[[1], [2]])": f"(Tensordot) {PRODUCT}",
    "ops.einsum('bii->bi', x @ q)": (
        "(Einsum) takes a diagonal, which has no lowering; multiply by an identity matrix"
    ),
    "ops.greater(x, 0)": f"(Greater) {JUMPS}",
    "ops.where(table > 1, x, 0) / 0.0": (
        "(TrueDivide) divides by a constant that is zero; make it another number"
    ),
    "ops.argmax(x, axis=1)": (
        "(Argmax) gives places, not values, so that nothing of a change passes through it; use the"
        " values themselves (max, softmax)"
    ),
    "ops.sort(x, axis=1)": (
        "(Sort) moves values by their order, which changes with the input; use max, or pooling,"
        " instead"
    ),
    "ops.round(x)": f"(Round) {STEPS}",
    "ops.sign(x)": f"(Sign) {STEPS}",
    "x // 2": f"(FloorDivide) {STEPS}",
    "ops.cast(x, 'int32')": (
        "(Cast) makes int32 of numbers, in steps that have no slope; leave it out"
    ),
    "x ** y": (
        "(Power) has an exponent that depends on the input, which has no rule; hold it fixed"
    ),
    "x ** table": ("(Power) has an exponent of several numbers, which has no rule; use one number"),
    "(-2.0) ** x": "(Power) raises -2 to a power that depends on the input; use exp",
    "ops.prod(x, axis=(1, 2)) * ops.prod(ops.tile(x, (1, 2, 1)), axis=(1, 2))": (
        "(Prod) multiplies 108 values, more than 64; use the exponential of a sum of logarithms"
    ),
    "ops.normalize(x, order=1)": "(Normalize) normalises by the norm of order 1; use order 2",
    "ops.broadcast_to(x[:, :1], (1, 9, 6))": (
        "(BroadcastTo) gives the batch axis an extent of its own, which holds for one number of"
        " rows only; use repeat or tile along another axis"
    ),
}


@pytest.mark.parametrize("expression", REFUSED)
def test_an_operation_that_cannot_be_right_is_refused_by_name(expression: str) -> None:
    with pytest.raises(ModelError) as caught:
        graph_of(made(on_hidden(expression)))
    assert [line.partition(" (")[2] for line in caught.value.problems] == [
        REFUSED[expression].lstrip("(")
    ]


def chosen_by_itself(tensor: Any) -> Any:
    hidden = layers.Dense(3)(tensor)
    return ops.where(ops.greater(hidden, 0.0), hidden, 0.0)


def test_a_choice_by_the_input_is_refused_with_the_comparison() -> None:
    with pytest.raises(ModelError) as caught:
        graph_of(made(chosen_by_itself))
    compared, chosen = caught.value.problems
    assert compared.endswith(JUMPS)
    assert chosen.endswith(
        "takes values by a condition that depends on the input: nothing says which part of a change"
        " the condition made; use relu, maximum or a gate (sigmoid times value) instead"
    )


def test_a_log_sum_exp_of_far_values_stays_in_range_and_completes() -> None:
    x = np.array([[[900.0, -900.0, 899.5]], [[-1e4, 0.0, 1e-9]]])  # (N, 1, 3)
    x0 = np.array([[[-900.0, 899.0, 3.0]], [[0.0, 0.0, 0.0]]])
    function = LogSumExp(0)
    y, y0 = (numpy(function.forward(ops.convert_to_tensor(side[:, 0]))) for side in (x, x0))
    cross = through_log_sum_exp(ops.convert_to_tensor(x), ops.convert_to_tensor(x0), 2)
    multiplier = numpy(cross(ops.ones((2, 1), dtype="float64")))
    assert np.isfinite(multiplier).all()
    total = (multiplier * (x - x0)[:, 0]).sum(axis=-1, keepdims=True)
    assert largest(total, y - y0) <= 1e-12 * np.abs(y - y0).max()
