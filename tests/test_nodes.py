"""Laws of the nodes that tf.keras 2.0 to 2.15 wrote: they compute what TensorFlow does."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from nets import computed, graph_of
from node_records import Node, Record, X, end, node_record, predicted, raw_record, record_of

from seqlift.errors import ModelError
from seqlift.models import build, records

MANY_PLACES = [place % 8 for place in range(150)]
MATRIX = np.random.default_rng(1).normal(size=(4, 30))
BAND = np.random.default_rng(2).normal(size=(8, 30))
"""More numbers than an expression has parts."""

NODES: list[tuple[list[Node], Callable[[], Any]]] = [
    (
        [("a", "math.reduce_logsumexp", [["x", 0, 0, {"axis": 1}]])],
        lambda: np.log(np.exp(X).sum(1)),
    ),
    (
        [
            (
                "a",
                "__operators__.getitem",
                [["x", 0, 0, {"slice_spec": [end(None, None), end(2, -2)]}]],
            )
        ],
        lambda: X[:, 2:-2],
    ),
    (
        [
            (
                "a",
                "__operators__.getitem",
                [["x", 0, 0, {"slice_spec": [{"class_name": "__ellipsis__"}, 1]}]],
            )
        ],
        lambda: X[..., 1],
    ),
    (
        [("a", "__operators__.getitem", [["x", 0, 0, {"slice_spec": [end(None, None), 0, None]}]])],
        lambda: X[:, 0, None],
    ),
    ([("a", "math.multiply", [["x", 0, 0, {"y": 2.0, "name": None}]])], lambda: X * 2),
    (
        [
            ("a", "math.tanh", [["x", 0, 0, {"name": None}]]),
            ("b", "math.multiply", [["x", 0, 0, {"y": ["a", 0, 0], "name": None}]]),
        ],
        lambda: X * np.tanh(X),
    ),
    (
        [("a", "__operators__.add", [["_CONSTANT_VALUE", -1, 1.5, {"y": ["x", 0, 0]}]])],
        lambda: 1.5 + X,
    ),
    ([("a", "math.subtract", [["_CONSTANT_VALUE", -1, 1, {"y": ["x", 0, 0]}]])], lambda: 1 - X),
    ([("a", "__operators__.rtruediv", [["x", 0, 0, {"x": 2.0}]])], lambda: 2 / X),
    (
        [
            ("a", "math.exp", [["x", 0, 0, {}]]),
            ("b", "math.subtract", [["a", 0, 0, {"y": ["x", 0, 0], "name": None}]]),
        ],
        lambda: np.exp(X) - X,
    ),
    (
        [
            ("a", "math.exp", [["x", 0, 0, {}]]),
            ("b", "concat", [[["a", 0, 0, {"axis": -1}], ["x", 0, 0, {"axis": -1}]]]),
        ],
        lambda: np.concatenate([np.exp(X), X], -1),
    ),
    (
        [
            ("a", "compat.v1.shape", [["x", 0, 0, {"name": None, "out_type": "int32"}]]),
            ("b", "__operators__.getitem", [["a", 0, 0, {"slice_spec": 0}]]),
            ("c", "reshape", [["x", 0, 0, {"shape": [["b", 0, 0], 32]}]]),
        ],
        lambda: X.reshape(3, 32),
    ),
    (
        [
            ("a", "split", [["x", 0, 0, {"num_or_size_splits": 2, "axis": 1}]]),
            ("b", "math.maximum", [["a", 0, 0, {"y": ["a", 0, 1], "name": None}]]),
        ],
        lambda: np.maximum(X[:, :4], X[:, 4:]),
    ),
    (
        [
            ("a", "math.greater", [["x", 0, 0, {"y": 0, "name": None}]]),
            ("b", "where", [["a", 0, 0, {"x": ["x", 0, 0], "y": 0.0}]]),
        ],
        lambda: np.maximum(X, 0),
    ),
    (
        [
            (
                "a",
                "compat.v1.transpose",
                [["x", 0, 0, {"perm": [0, 2, 1], "name": "transpose", "conjugate": False}]],
            ),
            ("b", "linalg.matmul", [["a", 0, 0, {"b": ["a", 0, 0], "transpose_b": True}]]),
        ],
        lambda: X.transpose(0, 2, 1) @ X,
    ),
    ([("a", "cast", [["x", 0, 0, {"dtype": "float32"}]])], lambda: X),
    (
        [
            (
                "a",
                "compat.v1.gather",
                [
                    [
                        "x",
                        0,
                        0,
                        {
                            "indices": [3, 2, 1, 0],
                            "validate_indices": None,
                            "name": None,
                            "axis": -1,
                            "batch_dims": 0,
                        },
                    ]
                ],
            )
        ],
        lambda: X[..., ::-1],
    ),
    (
        [("a", "gather", [["x", 0, 0, {"indices": MANY_PLACES, "axis": 1, "batch_dims": 0}]])],
        lambda: X[:, MANY_PLACES],
    ),
    (
        [("a", "math.cumsum", [["x", 0, 0, {"axis": 1, "exclusive": False, "reverse": False}]])],
        lambda: X.cumsum(1),
    ),
    (
        [
            (
                "a",
                "linalg.matmul",
                [["x", 0, 0, {"b": MATRIX.tolist(), "adjoint_a": False, "transpose_b": False}]],
            ),
            ("b", "__operators__.add", [["a", 0, 0, {"y": BAND.tolist(), "name": None}]]),
        ],
        lambda: X @ MATRIX + BAND,
    ),
    (
        [("a", "math.multiply", [["x", 0, 0, {"y": [1.0, 2.0, 3.0, 4.0]}]])],
        lambda: X * [1, 2, 3, 4],
    ),
    (
        [("a", "__operators__.add", [["x", 0, 0, {"y": [[0.1, 0.2, 0.3, 0.4]]}]])],
        lambda: X + np.array([0.1, 0.2, 0.3, 0.4], "float32"),
    ),
]


@pytest.mark.parametrize(("nodes", "expected"), NODES)
def test_nodes_of_tf_keras_compute_what_tensorflow_does(
    nodes: list[Node], expected: Callable[[], Any]
) -> None:
    *_, last = nodes
    (found,) = predicted(record_of([node_record(*node) for node in nodes], [last[0]]))
    np.testing.assert_allclose(found, expected(), rtol=2e-6, atol=1e-6)


LOWERED = [case for case in NODES if "where" not in {function for _, function, _ in case[0]}]
"""A comparison of values that depend on the input is refused."""


@pytest.mark.parametrize(("nodes", "expected"), LOWERED)
def test_nodes_of_tf_keras_are_lowered_to_the_same(
    nodes: list[Node], expected: Callable[[], Any]
) -> None:
    record = record_of([node_record(*node) for node in nodes], [nodes[-1][0]])
    (found,) = computed(
        graph_of(build.build(records.plan_network(record, generation=2))), X
    ).values()
    np.testing.assert_allclose(found, expected(), rtol=2e-6, atol=1e-6)


def sliced(start: list[int], stop: list[int], **masks: str) -> Record:
    return raw_record(
        "a",
        "StridedSlice",
        ["x"],
        inputs=4,
        constants={"1": start, "2": stop, "3": [1] * len(start)},
        attributes={f"{name}_mask": {"i": bits} for name, bits in masks.items()},
    )


LOGSUMEXP = [
    raw_record(
        "max",
        "Max",
        ["x"],
        inputs=2,
        constants={"1": 1},
        attributes={"keep_dims": {"b": True}},
    ),
    raw_record("finite", "IsFinite", ["max"]),
    raw_record("zeros", "ZerosLike", ["max"]),
    raw_record("chosen", "Select", ["finite", "max", "zeros"], inputs=3),
    raw_record("stopped", "StopGradient", ["chosen"]),
    raw_record("less", "Sub", ["x", "stopped"], inputs=2),
    raw_record("exp", "Exp", ["less"]),
    raw_record(
        "sum",
        "Sum",
        ["exp"],
        inputs=2,
        constants={"1": 1},
        attributes={"keep_dims": {"b": False}},
    ),
    raw_record("log", "Log", ["sum"]),
    raw_record("shape", "Shape", ["log"]),
    raw_record("flat", "Reshape", ["stopped", "shape"], inputs=2),
    raw_record("end", "Add", ["log", "flat"], inputs=2),
]
"""What tf.keras 2.3 makes of ``tf.reduce_logsumexp(x, axis=1)``."""

RAW_NODES: list[tuple[list[Record], Callable[[], Any]]] = [
    (LOGSUMEXP, lambda: np.log(np.exp(X).sum(1))),
    ([sliced([0, 2], [0, -2], begin="1", end="1")], lambda: X[:, 2:-2]),
    ([sliced([0, 1], [0, 2], ellipsis="1", shrink_axis="2")], lambda: X[..., 1]),
    (
        [sliced([0, 0, 0], [0, 1, 0], begin="1", end="1", shrink_axis="2", new_axis="4")],
        lambda: X[:, 0, None],
    ),
    ([raw_record("a", "RealDiv", ["x"], inputs=2, constants={"0": 1.0})], lambda: 1 / X),
    (
        [raw_record("a", "LeakyRelu", ["x"], attributes={"alpha": {"f": 0.5}})],
        lambda: np.where(X > 0, X, X / 2),
    ),
    (
        [raw_record("a", "ConcatV2", ["x", "x"], inputs=3, constants={"2": -1})],
        lambda: np.concatenate([X, X], -1),
    ),
    (
        [raw_record("a", "Pack", ["x", "x"], inputs=2, attributes={"axis": {"i": "1"}})],
        lambda: np.stack([X, X], 1),
    ),
]


@pytest.mark.parametrize(("nodes", "expected"), RAW_NODES)
def test_raw_nodes_of_early_tf_keras_compute_what_tensorflow_does(
    nodes: list[Record], expected: Callable[[], Any]
) -> None:
    (found,) = predicted(record_of(nodes, [nodes[-1]["name"]]))
    np.testing.assert_allclose(found, expected(), rtol=2e-6, atol=1e-6)


RAW_REFUSED = [
    (raw_record("a", "PyFunc", ["x"]), "it is the operation PyFunc, which has no recipe"),
    (raw_record("a", "Add", ["x"], inputs=2), "it has another number of inputs than its node"),
    (
        raw_record("a", "LeakyRelu", ["x"], attributes={"alpha": {"s": "x"}}),
        "it has an attribute that cannot be read",
    ),
]


@pytest.mark.parametrize(("node", "found"), RAW_REFUSED)
def test_a_raw_node_without_recipe_is_refused(node: Record, found: str) -> None:
    with pytest.raises(ModelError) as caught:
        predicted(record_of([node], ["a"]))
    (problem,) = caught.value.problems
    assert problem == (
        "layer 'a' is a TensorFlowOpLayer: a raw TensorFlow graph node, which is never run; "
        f"{found}: give --recipe 'a=EXPRESSION'"
    )


def test_a_node_becomes_a_model_of_its_name_made_of_operations() -> None:
    node = node_record("tf.math.exp", "math.exp", [["x", 0, 0, {}]])
    model = build.build(records.plan_network(record_of([node], ["tf.math.exp"]), generation=2))
    inner = model.get_layer("tf.math.exp")
    assert isinstance(inner, keras.Model)
    assert [type(operation).__name__ for operation in inner.operations] == ["InputLayer", "Exp"]


def test_calls_that_differ_in_many_numbers_only_are_told_apart() -> None:
    """One layer that is called twice: its second call does not repeat the first."""
    calls = [[["x", 0, 0, {"b": (MATRIX + n).tolist()}]] for n in range(2)]
    record = record_of([node_record("a", "linalg.matmul", calls)], ["a"])
    record["config"]["output_layers"] = [["a", 0, 0], ["a", 1, 0]]
    for n, found in enumerate(predicted(record)):
        np.testing.assert_allclose(found, X @ (MATRIX + n), rtol=1e-5, atol=1e-5)


REFUSED_ARGUMENTS = [
    ("gather", {"indices": [[0], [1], [2]], "axis": 1, "batch_dims": 1}, "with batch_dims=1"),
    ("math.cumsum", {"axis": 1, "reverse": True}, "with reverse=True"),
    ("linalg.matmul", {"b": MATRIX.T.tolist(), "adjoint_b": True}, "with adjoint_b=True"),
    ("linalg.matmul", {"b": np.ones((3, 4, 10)).tolist()}, "works across the sequences"),
    ("__operators__.add", {"y": np.ones((3, 80, 4)).tolist()}, "works across the sequences"),
]


@pytest.mark.parametrize(("function", "arguments", "reason"), REFUSED_ARGUMENTS)
def test_arguments_without_meaning_are_refused_and_not_dropped(
    function: str, arguments: Record, reason: str
) -> None:
    record = record_of([node_record("a", function, [[["x", 0, 0, arguments]]])], ["a"])
    with pytest.raises(ModelError, match=reason):
        predicted(record)
