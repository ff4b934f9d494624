"""Small models with random weights, in float64, and what the tests of the engine ask of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import keras
import numpy as np
from keras import layers
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE
from numpy.typing import NDArray

from seqlift.attribution.engine import Engine
from seqlift.attribution.heads import Head, WeightedHead
from seqlift.attribution.registry import chosen_method
from seqlift.attribution.result import Result
from seqlift.device.backend import at_once, to_numpy
from seqlift.inputs.onehot import one_hot
from seqlift.lowering.walk import lower
from seqlift.network.graph import Graph

Array = NDArray[Any]
Body = Callable[[Any], Any]  # from a Keras tensor to one, or a list of them


def made(body: Body, shape: tuple[int | None, ...] = (24, 4), *, seed: int = 0) -> keras.Model:
    """Return the model that `body` makes of an input, computing in float64, weights random.

    Biases and moving means are not zero and scales take both signs, so that a lowering that loses
    one of them is found out.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        given = keras.Input(shape, dtype="float64")
        model = keras.Model(given, body(given))
    finally:
        keras.config.set_dtype_policy(policy)
    randomise(model, seed=seed)
    return model


def randomise(model: keras.Model, *, seed: int = 0) -> None:
    """Draw every weight anew, large enough for both sides of every nonlinearity to be visited."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        values = rng.normal(size=variable.shape)
        if variable.path.endswith("moving_variance"):
            values = values**2 + 0.1
        elif variable.path.endswith("kernel"):
            values *= 1.5 / np.sqrt(np.prod(variable.shape[:-1]))
        variable.assign(values)


def chain(stack: Callable[[], Sequence[layers.Layer]]) -> Body:
    """Return the body that makes layers and calls them one after another."""

    def body(tensor: Any) -> Any:
        for layer in stack():
            tensor = layer(tensor)
        return tensor

    return body


def sequences(number: int, length: int = 24, *, seed: int = 0) -> Array:
    """Return random codes (number, length)."""
    return np.random.default_rng(seed).integers(0, 4, (number, length)).astype(np.uint8)


def shuffles(codes: Array, number: int, *, seed: int = 1) -> Array:
    """Return each sequence's bases in other orders: codes (N, number, L)."""
    repeated = np.repeat(codes[:, None], number, axis=1)
    return np.random.default_rng(seed).permuted(repeated, axis=2)


def pairs(number: int, references: int, length: int = 24) -> tuple[Array, Array]:
    """Return one-hot sequences (N, L, 4) and shuffled references (N, R, L, 4), float64."""
    codes = sequences(number, length)
    return one_hot(codes, np.float64), one_hot(shuffles(codes, references), np.float64)


def inputs_for(shape: Sequence[int], number: int, references: int) -> tuple[Array, Array]:
    """Return sequences and references for a model input of any shape, one-hot along its end."""
    *sizes, channels = shape
    rng = np.random.default_rng(7)
    codes = rng.integers(0, channels, (number, references + 1, *sizes))
    whole = np.eye(channels)[codes]
    return whole[:, 0], whole[:, 1:]


def graph_of(model: keras.Model) -> Graph:
    """Return a model of fixed length, lowered."""
    return lower(model, tuple(model.inputs[0].shape[1:]))


def random_head(graph: Graph, output: int = 0) -> WeightedHead:
    """Return a random weighted sum of all values of an output."""
    node = graph.outputs[output]
    shape = graph.nodes[node].shape
    return WeightedHead(node, np.random.default_rng(3).normal(size=shape))


def at_inference(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have a model work as it predicts, where some layers augment unless asked not to."""
    return partial(function, training=False) if isinstance(function, keras.Model) else function


def predicted(model: Callable[[Any], Any], inputs: Any) -> Any:
    """Predict `inputs` by Keras itself: arrays, as the model's outputs are nested."""
    with unrounded():
        outputs = at_once(at_inference(model))(keras.ops.convert_to_tensor(inputs))
    return keras.tree.map_structure(numpy, outputs)


def computed(graph: Graph, inputs: Any, wanted: Sequence[int] | None = None) -> dict[int, Array]:
    """Return the activations of the `wanted` nodes of a graph, by default those of its outputs."""
    nodes = tuple(graph.outputs if wanted is None else wanted)

    def forward(given: Any) -> dict[int, Any]:
        values = graph.forward(given, nodes)
        return {node: values[node] for node in nodes}

    found = at_once(forward)(keras.ops.convert_to_tensor(inputs))
    return {node: numpy(value) for node, value in found.items()}


def numpy(array: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(array))


@contextmanager
def unrounded() -> Iterator[None]:
    """Have Keras compute float64 in float64: many of its functions round it to float32 on JAX.

    Only what a model is compared with is computed here, nothing of the engine.
    """
    with mock.patch.dict(BIT64_TO_BIT32_DTYPE, float64="float64"):
        yield


def gradients(function: Callable[..., Any], weights: Any, *arrays: Array) -> list[Array]:
    """Return the framework's own gradients of the sum of `weights` times ``function(*arrays)``."""

    function = at_inference(function)

    def total(*tensors: Any) -> Any:
        return keras.ops.sum(function(*tensors) * weights)

    if keras.backend.backend() == "jax":
        import jax

        slopes = jax.jit(jax.grad(total, argnums=tuple(range(len(arrays)))))
        with unrounded():
            found = slopes(*map(jax.numpy.asarray, arrays))
    else:
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = total(*tensors)
        found = tape.gradient(value, tensors)
    return [numpy(gradient) for gradient in found]


def engine_by(
    graph: Graph, heads: Sequence[Head], rule: str = "genomics", **options: Any
) -> Engine:
    """Make the engine of the method or the rule of DeepLIFT called `rule`."""
    names = {"rule_for", "max_rule", "steps"} & set(options)
    named = {name: options.pop(name) for name in names}
    return Engine(graph, heads, chosen_method("deeplift", {}, rule=rule, **named), **options)


def eager(graph: Graph, head: Head, sequences: Array, references: Array, **options: Any) -> Result:
    """Return the scores of one head, computed step by step, on JAX all at once."""
    engine = engine_by(graph, [head], **({"rule": "rescale"} | options))
    if engine.method.passes > 1:
        return engine.explain(sequences, references)[0]
    (output,) = at_once(engine.explain_own)(sequences, references)
    return Result(**to_numpy(output))


def valued(
    graph: Graph, head: Head, sequences: Array, references: Array, **options: Any
) -> tuple[Array, Result]:
    """Return the values of the head's node for `sequences`, and `eager` scores: from one pass."""
    engine = engine_by(graph, [head], **({"rule": "rescale"} | options))

    def passed(sequences: Any, references: Any) -> Any:
        x = keras.ops.expand_dims(engine.expand(sequences, batch_axes=1), 1)
        x0 = engine.expand(references, batch_axes=2)
        both = engine.pass_pairs(keras.ops.concatenate([x, x0], axis=1), {})
        first = {i: values[:, :1] for i, values in both.items()}
        (output,) = engine.explain_pairs(x, x0, first, {i: v[:, 1:] for i, v in both.items()})
        return first[head.node][:, 0], output

    values, output = at_once(passed)(sequences, references)
    return numpy(values), Result(**to_numpy(output))


def relative_residual(result: Result) -> float:
    """Return the largest residual relative to the predictions it is the rounding error of.

    The scale is the largest of |prediction|, |reference prediction| and |difference| of the
    sequence, as in the score file.
    """
    sizes = (result.prediction[:, None], result.reference_prediction, result.difference)
    scale = np.max([np.abs(size).max(axis=1) for size in sizes], axis=0)
    return float((np.abs(result.residual).max(axis=1) / scale).max())


def largest(ours: Array, expected: Array) -> float:
    """Return the largest difference between arrays, which must have one shape."""
    ours, expected = np.asarray(ours), np.asarray(expected)
    assert ours.shape == expected.shape
    return float(np.abs(ours - expected).max())
