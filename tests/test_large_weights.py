"""Large weights are stored once and handed to compiled code: the same bits, and counted before."""

import gc
import resource
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import engine_by, graph_of, inputs_for, random_head, randomise, relative_residual

from seqlift.attribution.engine import Engine
from seqlift.attribution.heads import WeightedHead
from seqlift.attribution.result import Result
from seqlift.attribution.stored_size import stored_values
from seqlift.device import stored_weights
from seqlift.device.backend import weights_store
from seqlift.device.stored_weights import (
    StoredWeights,
    axes_reversed,
    changed,
    negative,
    positive,
    sizes,
)
from seqlift.errors import DeviceError
from seqlift.explain import batches
from seqlift.lowering.check import check_forward
from seqlift.network.graph import Graph, GraphBuilder
from seqlift.network.primitives.affine import Dense
from seqlift.network.primitives.elementwise import RELU
from seqlift.network.primitives.shape import Reshape
from seqlift.system.free_memory import check_free, free_in_groups, memory_lines

RNG = np.random.default_rng(29)
GB = 2**30


def network(units: int = 24) -> Graph:
    """Return two dense layers with a ReLU between them."""
    graph = GraphBuilder()
    graph.add_input((12, 4), "sequence")
    at = graph.add(Reshape((48,)), 0)
    for size in (48, units):
        weights = RNG.normal(size=(size, units)).astype(np.float32)
        at = graph.add(Dense(weights, None), at)
        at = graph.add(RELU, at) if size == 48 else at
    return graph.finish([at])


def explained(graph: Graph, rule: str, *, large: int, fused: bool) -> tuple[Result, Engine]:
    units = graph.nodes[graph.outputs[0]].shape
    head = WeightedHead(graph.outputs[0], np.ones(units, np.float32))
    store = weights_store(large)
    engine = engine_by(graph, [head], rule=rule, fused=fused, stored=store)
    codes = np.random.default_rng(1).integers(0, 4, (3, 4, 12)).astype(np.uint8)
    (result,) = engine.explain(codes[:, 0], codes[:, 1:])
    return result, engine


@pytest.mark.engine
@pytest.mark.parametrize(
    ("rule", "fused", "arrays"), [("genomics", False, 7), ("gradient", True, 4)]
)
def test_stored_weights_give_the_bits_of_constants(rule: str, fused: bool, arrays: int) -> None:
    """Each array is stored once, whatever asks for it, and as many are counted beforehand."""
    graph = network()
    constants, without = explained(graph, rule, large=10**9, fused=fused)
    result, engine = explained(graph, rule, large=500, fused=fused)
    for name in ("contributions", "hypothetical", "prediction", "residual"):
        assert np.array_equal(getattr(result, name), getattr(constants, name))
    counted = stored_values(graph, engine.needed, engine.rules, large=500)
    assert without.stored.values() == 0
    assert engine.stored.values() == counted == (arrays - 2) * 48 * 24 + 2 * 24 * 24


def test_equal_arrays_are_stored_as_one() -> None:
    made: list[tuple[int, ...]] = []
    stored = StoredWeights(lambda values, _: made.append(values.shape) or values, large=4)
    kernel = RNG.normal(size=(3, 5))
    for values in (kernel, kernel.copy(), kernel.T.copy().T, np.maximum(kernel, -np.inf)):
        stored.array(values, "float32")
    stored.array(kernel.T, "float32")
    stored.array(kernel, "float64")
    assert made == [(3, 5), (5, 3), (3, 5)]
    assert stored.values() == 45


def test_the_device_makes_what_is_derived_from_stored_weights() -> None:
    """Nothing but the weights themselves is brought there, and nothing is derived twice."""
    made: list[tuple[int, ...]] = []

    def make(values: Any, dtype: str) -> Any:
        made.append(values.shape)
        return ops.convert_to_tensor(values, dtype)

    stored, kernel = StoredWeights(make, large=4), RNG.normal(size=(3, 5))
    for changes in [(positive,), (sizes, axes_reversed), (negative, axes_reversed), ()]:
        found = stored.array(kernel, "float64", *changes)
        assert np.array_equal(ops.convert_to_numpy(found), changed(kernel, changes))
        assert stored.array(kernel.copy(), "float64", *changes) is found
    assert made == [(3, 5)]
    assert stored.values() == 4 * 15


def test_the_digest_of_an_array_goes_with_the_array() -> None:
    stored = StoredWeights(lambda values, _: values, large=4)
    for _ in range(20):
        stored.array(RNG.normal(size=(3, 5)), "float32")
    gc.collect()
    assert len(stored._digests) == 0
    assert stored.values() == 20 * 15


@pytest.mark.engine
def test_no_large_weights_are_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a recurrent step included, in the check of a model as when it is explained."""
    given = keras.Input((6, 4))
    model = keras.Model(given, recurrent(given))
    randomise(model)
    constants: list[int] = []

    def convert(values: Any, dtype: Any = None) -> Any:
        constants.append(np.size(values) if isinstance(values, np.ndarray) else 0)
        return ops.convert_to_tensor(values, dtype=dtype)

    alike = SimpleNamespace(**vars(ops) | {"convert_to_tensor": convert})
    monkeypatch.setattr(stored_weights, "ops", alike)
    graph, store = graph_of(model), weights_store(large=200)
    check_forward(graph, model, stored=store)
    checked = store.values()
    engine = engine_by(graph, [random_head(graph)], rule="revealcancel", fused=False, stored=store)
    x, x0 = inputs_for((6, 4), 2, 2)
    (result,) = engine.explain(x, x0)
    assert relative_residual(result) <= 1e-5
    assert constants
    assert max(constants) < 200
    kernels = 20 * 20 + 120 * 30
    assert checked == kernels
    assert store.values() == stored_values(graph, engine.needed, engine.rules, large=200)


def recurrent(given: Any) -> Any:
    """Run a SimpleRNN over the sequence, and put a dense layer on all its states."""
    states = layers.SimpleRNN(20, return_sequences=True)(given)
    hidden = layers.Dense(30, activation="relu")(layers.Flatten()(states))
    return layers.Dense(2)(hidden)


def test_weights_that_the_memory_does_not_hold_are_refused_before_they_are_compiled() -> None:
    engine = engine_by(wide(), [WeightedHead(1, np.ones(1000, np.float32))])
    batches.check_weights(engine)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = memory_lines(Path("/proc/self/status"))["VmSize"]
    resource.setrlimit(resource.RLIMIT_AS, (taken + GB // 2, hard))
    try:
        with pytest.raises(DeviceError, match=r"^the model's large weights, stored as 2,200,000 "):
            batches.check_weights(engine)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def wide() -> Graph:
    graph = GraphBuilder()
    graph.add_input((1100,), "sequence")
    return graph.finish([graph.add(Dense(np.ones((1100, 1000), np.float32), None), 0)])


def test_the_least_that_is_free_decides(tmp_path: Path) -> None:
    """The machine, and each control group on the way to the process's own."""
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    for folder in (proc / "self", groups / "jobs" / "7"):
        folder.mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   2097152 kB\n")
    check_free(2 * GB, "arrays", proc=proc)
    line = r"^arrays take about 2\.1 GB of memory, and 2\.0 GB are free; give the process more "
    with pytest.raises(DeviceError, match=line):
        check_free(2 * GB + GB // 8, "arrays", proc=proc)
    (groups / "memory.max").write_text("max\n")
    for name, number in [("max", 3 * GB), ("current", 2 * GB)]:
        (groups / "jobs" / f"memory.{name}").write_text(f"{number}\n")
    (groups / "jobs" / "memory.stat").write_text(f"anon 5\ninactive_file {GB // 2}\n")
    assert list(free_in_groups("0::/jobs/7\n", groups)) == [GB + GB // 2]
    assert list(free_in_groups("", groups)) == []
