"""Check, on every load, that a lowered graph computes the predictions of its Keras model."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from seqlift.device.backend import at_once, compiled, weights_store
from seqlift.device.forms import forced
from seqlift.device.stored_weights import StoredWeights
from seqlift.errors import DeviceError, ModelError
from seqlift.lowering.input_layout import Copy, Layout, example_inputs, row_nodes
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Array
from seqlift.network.recurrence import Recurrence
from seqlift.system.refusals import is_full_memory

# A float32 forward pass reproduces Keras's own to a few 1e-7; a wrong layer is off by far more.
FORWARD_TOLERANCE = 1e-5

EMPHASIS = re.compile("\x1b\\[[0-9;]*m")
GRAPH_PLACES = re.compile(r"\{\{function_node [^}]*\}\} | \[Op:\w+\]")
"""Words of TensorFlow for the node of an error met step by step."""

DETECTED = "Detected at node "
FOREWORDS = ("Graph execution error", "Exception encountered when calling", DETECTED)
"""Starts of lines before the reason in a framework's error."""


def check_forward(
    graph: Graph,
    model: keras.Model,
    *,
    sequence: int = 0,
    held: Mapping[int, NDArray[Any]] | None = None,
    copies: Mapping[int, Copy] | None = None,
    layout: Layout | None = None,
    seed: int = 0,
    stored: StoredWeights | None = None,
) -> float:
    """Compute the largest relative difference between the graph and the model itself.

    Both predict four random one-hot sequences, the model in its own layout; `sequence`, `held`,
    `copies` and `layout` are those that the graph was lowered with. Inputs that are fed row by row
    get random numbers. The difference is relative to the largest output. `stored` keeps large
    weights, if they are to stay. Raises ModelError above
    1e-5: a layer that is lowered wrongly can never produce a track. So does a model whose own
    predictions are not finite, or that the framework cannot compute on this device.
    """
    *sizes, channels = graph.nodes[0].shape
    codes = np.random.default_rng(seed).integers(0, channels, (4, *sizes))
    one_hot = np.eye(channels, dtype=np.float32)[codes]
    taken = one_hot if layout is None else layout.laid_out(one_hot)
    known = dict(held or {}) | {number: copy.of(one_hot) for number, copy in (copies or {}).items()}
    inputs = example_inputs(
        [tuple(tensor.shape[1:]) for tensor in model.inputs],
        taken,
        sequence=sequence,
        held=known,
        seed=seed,
    )
    recurrent = any(isinstance(node.primitive, Recurrence) for node in graph.nodes)
    # Step by step a scan takes ten times as long; making one loop of it takes longer than one call.
    once = partial(compiled, fused=False) if recurrent else at_once
    once = partial(once, stored=weights_store() if stored is None else stored)
    expected = predictions(model, inputs, once)
    if not all(np.isfinite(output).all() for output in expected):
        raise ModelError(
            f"model {model.name}: its predictions for random sequences are not finite; check its"
            " weights"
        )
    fed = [n for n in range(len(inputs)) if n != sequence and n not in known]
    others = {
        node: keras.ops.convert_to_tensor(inputs[number])
        for node, number in zip(row_nodes(graph), fed, strict=True)
    }

    def forward(fed: Array, others: dict[int, Array]) -> dict[int, Array]:
        with forced("direct"):  # computed once: another form would take longer to compile
            return graph.forward(fed, graph.outputs, others)

    values = once(forward)(keras.ops.convert_to_tensor(one_hot), others)
    ours = (np.asarray(keras.ops.convert_to_numpy(values[node])) for node in graph.outputs)
    worst = float(np.max([*map(relative_difference, ours, expected)]))  # NaN, if there is one
    if not worst <= FORWARD_TOLERANCE:  # so that NaN does not pass
        raise ModelError(
            f"model {model.name}: its lowered graph differs from model.predict by {worst:.1e}"
            f" (relative, at most {FORWARD_TOLERANCE:.0e} is accepted), so its scores would be"
            " wrong; please report the layers that `seqlift inspect` lists"
        )
    return worst


def predictions(
    model: keras.Model, inputs: list[NDArray[np.float32]], once: Callable[..., Any]
) -> list[NDArray[Any]]:
    """Compute every output of a model from all its inputs in order, however it nests either.

    `model.predict` computes the same, but first spends half a second on making a function of a
    single call; `once` is how a function that is called once is best computed.
    """
    structure = getattr(model, "_inputs_struct", None)  # a Sequential model has none
    if structure is None:
        (fed,) = inputs
    else:
        fed = keras.tree.pack_sequence_as(structure, inputs)
    try:
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, fed)
        # Not `model.predict`, which spends half a second on making a function of a single call.
        outputs = once(partial(model, training=False))(tensors)
    except MemoryError:  # the machine's, not a fault of the model
        raise
    except Exception as problem:  # backends raise classes of their own
        reason = reason_of(problem)
        if is_full_memory(problem):
            raise DeviceError(
                f"model {model.name}: the device's memory does not hold four sequences; give"
                " another --device"
            ) from problem
        raise ModelError(
            f"model {model.name}: {keras.backend.backend()} cannot compute its predictions on this"
            f" device: {reason}; give another --device, or rebuild the model without that layer"
        ) from problem
    return [np.asarray(keras.ops.convert_to_numpy(x)) for x in keras.tree.flatten(outputs)]


def reason_of(problem: Exception) -> str:
    """Find the one line of a framework's error that gives the reason, and the node it names."""
    lines = GRAPH_PLACES.sub("", EMPHASIS.sub("", str(problem))).splitlines()
    node = next((line.split()[3] for line in lines if line.startswith(DETECTED)), "")
    reasons = (
        line.strip() for line in lines if line[:1].strip() and not line.startswith(FOREWORDS)
    )
    # The reason comes after the lines about where the node was made, which are indented.
    reason = next(reasons, type(problem).__name__).rstrip(".")
    return f"{reason} (at {node})" if node else reason


def relative_difference(ours: Array, expected: Array) -> float:
    if ours.shape != expected.shape:
        return float("inf")
    # Of the whole output: a value of 0 may be off by a rounding of the others.
    scale = float(np.max(np.abs(expected), initial=0.0))
    return float(np.max(np.abs(ours - expected), initial=0.0)) / (scale or 1.0)
