"""Large networks are built in time that grows with them; what no file can hold is not allocated."""

import inspect
import json
import random
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import pytest

from seqlift.errors import ModelError
from seqlift.models import build, records
from seqlift.models.load import load
from seqlift.models.plans import order
from seqlift.models.plans import plan_checks as soundness
from seqlift.models.plans.plan import Call, LayerPlan, NetworkPlan, TensorRef

INPUT = {"name": "x", "batch_shape": [None, 6, 4], "dtype": "float32"}


def chain(length: int) -> list[dict[str, Any]]:
    """Return the records of an input and of activations, one after the other."""
    named = [{"name": f"relu_{n}", "activation": "relu"} for n in range(length)]
    return [
        {"class_name": "InputLayer", "config": INPUT},
        *({"class_name": "Activation", "config": config} for config in named),
    ]


def functional(length: int, *, shuffled: bool = False) -> dict[str, Any]:
    """Return the record of a functional chain, its layers in the file in any order."""
    layers, previous = chain(length), ""
    for layer in layers:
        layer["name"] = layer["config"]["name"]
        layer["inbound_nodes"] = [[[previous, 0, 0, {}]]] if previous else []
        previous = layer["name"]
    if shuffled:
        random.Random(0).shuffle(layers)
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[previous, 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}


def test_layers_of_a_chain_are_called_once_or_twice_each(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    original = keras.layers.Activation.call

    def counted(self: Any, *arguments: Any) -> Any:
        calls.append(self.name)
        return original(self, *arguments)

    monkeypatch.setattr(keras.layers.Activation, "call", counted)
    record = {"class_name": "Sequential", "config": {"name": "m", "layers": chain(30)}}
    model = build.build(records.plan_network(record, generation=2))
    assert len(model.layers) == 30
    assert len(calls) <= 60


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_chain_is_followed_beyond_the_limit_of_recursion(shuffled: bool) -> None:
    plan = records.plan_network(functional(250, shuffled=shuffled), generation=2)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 200)
    try:
        model = build.build(plan)
    finally:
        sys.setrecursionlimit(before)
    assert len(model.layers) == 251


def layer(name: str, *before: tuple[str, int]) -> LayerPlan:
    calls = tuple(Call((TensorRef(other, number, 0),)) for other, number in before)
    return LayerPlan(name, "Activation" if before else "InputLayer", {}, calls=calls)


def network(*layers: Any) -> NetworkPlan:
    return NetworkPlan("m", "Functional", tuple(layers))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([layer("x"), layer("a", ("x", 0)), layer("b", ("a", 0))], [("a", 0), ("b", 0)]),
        ([layer("b", ("a", 0)), layer("a", ("x", 0)), layer("x")], [("a", 0), ("b", 0)]),
        (
            [layer("x"), layer("a", ("x", 0), ("b", 0)), layer("b", ("a", 0))],
            [("a", 0), ("b", 0), ("a", 1)],
        ),
    ],
)
def test_calls_come_after_what_they_need(
    layers: Sequence[LayerPlan], expected: list[tuple[str, int]]
) -> None:
    found = [(name, number) for name, number, _ in order.calls_in_order(network(*layers))]
    assert found == expected


def test_calls_that_wait_for_each_other_are_named() -> None:
    knot = network(layer("x"), layer("a", ("b", 0)), layer("b", ("a", 0)))
    with pytest.raises(ModelError, match="the layers a, b wait for layers that are not in"):
        list(order.calls_in_order(knot))


def test_a_network_of_too_many_layers_is_refused() -> None:
    most = [layer(f"layer_{n}", ("x", 0)) for n in range(soundness.MOST_LAYERS)]
    soundness.check_size(network(*most[1:]))
    with pytest.raises(ModelError, match="has more than 4000 layers; rebuild it with fewer"):
        soundness.check_size(network(*most))


def test_networks_nested_too_deeply_are_refused() -> None:
    record = {"class_name": "Sequential", "config": {"name": "m", "layers": chain(1)}}
    for level in range(soundness.DEEPEST_NETWORK + 1):
        config = {"name": f"n{level}", "layers": [{"class_name": "InputLayer", "config": INPUT}]}
        config["layers"].append(record)  # type: ignore[attr-defined]
        record = {"class_name": "Sequential", "config": config}
    with pytest.raises(ModelError, match="networks and wrappers nested more than 30 deep"):
        records.plan_network(record, generation=2)


def test_weights_that_a_file_cannot_hold_are_not_allocated(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "huge.keras"
    with zipfile.ZipFile(saved / "model.keras") as small, zipfile.ZipFile(path, "w") as huge:
        for name in small.namelist():
            text = small.read(name)
            if name == "config.json":
                record = json.loads(text)
                record["config"]["layers"][-1]["config"]["units"] = 8_000_000
                text = json.dumps(record).encode()
            huge.writestr(name, text)
    with pytest.raises(ModelError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert problem.startswith(
        f"{path}: layer 'score' (Dense) cannot be built: its weights of the shape (18, 8000000) "
        "would have 144000000 values, far more than the file holds; "
    )
