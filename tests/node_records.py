"""Records of functional models with nodes of tf.keras in them, and what they predict."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from seqlift.models import build, records

Record = dict[str, Any]
Node = tuple[str, str, list[Any]]  # name, function, inbound nodes

X = np.random.default_rng(0).normal(size=(3, 8, 4)).astype("float32")


def node_record(name: str, function: str, inbound: list[Any]) -> Record:
    """Return a node as tf.keras 2.15 wrote it (seen in files that it saved)."""
    is_slice = function == "__operators__.getitem"
    class_name = "SlicingOpLambda" if is_slice else "TFOpLambda"
    return {
        "class_name": class_name,
        "module": "keras.src.layers.core.tf_op_layer",
        "registered_name": class_name,
        "config": {"name": name, "trainable": True, "dtype": "float32", "function": function},
        "name": name,
        "inbound_nodes": inbound,
    }


def record_of(nodes: Sequence[Record], outputs: Sequence[str]) -> Record:
    """Return the record of a functional model: an input (8, 4) named x, then `nodes`."""
    given = {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 8, 4], "dtype": "float32", "name": "x"},
        "name": "x",
        "inbound_nodes": [],
    }
    return {
        "class_name": "Functional",
        "config": {
            "name": "model",
            "layers": [given, *nodes],
            "input_layers": [["x", 0, 0]],
            "output_layers": [[name, 0, 0] for name in outputs],
        },
    }


def predicted(record: Record, **options: Any) -> Any:
    model = build.build(records.plan_network(record, generation=2), **options)
    results = keras.tree.flatten(model(X))
    return [keras.ops.convert_to_numpy(result) for result in results]


def end(start: Any, stop: Any) -> Record:
    return {"start": start, "stop": stop, "step": None}


def raw_record(
    name: str, operation: str, tensors: list[str], *, inputs: int = 1, **settings: Any
) -> Record:
    """Return a node as tf.keras 2.3 wrote it (seen in files that it saved)."""
    node = {
        "name": name,
        "op": operation,
        "input": [f"input_{number}" for number in range(inputs)],
        "attr": {"T": {"type": "DT_FLOAT"}, **settings.get("attributes", {})},
    }
    return {
        "class_name": "TensorFlowOpLayer",
        "config": {
            "name": name,
            "trainable": True,
            "dtype": "float32",
            "node_def": node,
            "constants": settings.get("constants", {}),
        },
        "name": name,
        "inbound_nodes": [[[tensor, 0, 0, {}] for tensor in tensors]],
    }
