"""Where the tests find real inputs and reference numbers, and how the backends are set up."""

import gc
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import pytest

# What a script starts in the background, or nohup, ignores these signals; so would its children.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

gc.disable()  # until all is imported, as that leaves little garbage behind
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("SEQLIFT_CACHE", "off")  # what a test computes is compiled for it

# The arrays here are so small that handing them to threads costs more than it saves.
SINGLE_THREADED = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
for name in SINGLE_THREADED:
    os.environ.setdefault(name, "1")

if os.environ.get("KERAS_BACKEND") == "jax":  # before the first array is made
    import compiling

    compiling.prepare()

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SEQLIFT_SHARED", ROOT.parent / "shared"))

ENGINE = {
    "test_convolution_forms",
    "test_elementwise",
    "test_explainer",
    "test_explainer_arguments",
    "test_explainer_references",
    "test_forms",
    "test_heads",
    "test_independent",
    "test_large_weights",
    "test_layouts",
    "test_lowering",
    "test_normalise",
    "test_normalization",
    "test_operations",
    "test_oracle",
    "test_other_inputs",
    "test_precision",
    "test_primitives",
    "test_products",
    "test_random_nets",
    "test_revealcancel",
    "test_rowwise",
    "test_rules",
    "test_signs",
    "test_spellings",
    "test_twins",
    "test_unsupported",
    "test_window_layers",
    "test_winograd",
    "test_worked_examples",
    "test_wrapper",
}

BACKEND = {
    "test_convolution_forms",
    "test_explainer",
    "test_explainer_references",
    "test_forms",
    "test_large_weights",
    "test_precision",
    "test_primitives",
    "test_products",
    "test_random_nets",
    "test_signs",
    "test_winograd",
}
TABLES = {
    "test_activation_maps",
    "test_bad_inputs",
    "test_bigwig",
    "test_design",
    "test_design_codes",
    "test_elementwise",
    "test_explainer",
    "test_explainer_references",
    "test_forms",
    "test_forward_only",
    "test_gradient_methods",
    "test_head_groups",
    "test_hostile_scores",
    "test_images",
    "test_independent",
    "test_killed_real",
    "test_layouts",
    "test_lowering",
    "test_measures",
    "test_methods",
    "test_operations",
    "test_oracle",
    "test_padding",
    "test_relevance",
    "test_rowwise",
    "test_spellings",
    "test_window_layers",
    "test_winograd",
}
"""Files that hold a law for many cases."""

SHARES = 8
"""Shares of a law's cases: the first is always tested, one of the others when its turn comes."""

TURN = int(os.environ.get("SEQLIFT_TURN", "0"))
"""Which of the other shares is tested with `more`; .ci/run counts commits, so that each has one."""

OWN_DTYPE = re.compile(r"test_elementwise.*\b(tanh|sine|cosine|arctan|sin|cos|arcsinh)\b")
"""Cases of functions that `backend` computes by itself."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what holds on every backend, and what of it depends on one.

    All laws of the engine hold on every backend. What is computed by `keras.ops` is the backend's
    to compute, primitive by primitive; how layers become primitives, and what is made of scores, is
    not.
    """
    for item in items:
        if item.path.stem in ENGINE:
            item.add_marker("engine")
        if item.path.stem == "test_random_nets":
            item.add_marker("nets")
        if item.path.stem in BACKEND or OWN_DTYPE.search(item.nodeid):
            item.add_marker("backend")
    share_cases_out(items)
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)  # the longest first


def share_cases_out(items: list[pytest.Item]) -> None:
    """Mark the cases of each law of `TABLES` by shares; a law always has some of the first."""
    laws: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.path.stem in TABLES and "[" in item.name:
            laws.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for cases in laws.values():
        cases.sort(key=lambda item: crc32(item.nodeid.encode()))  # neighbours are often of a kind
        shares = min(SHARES, len(cases))
        for place, item in enumerate(cases):
            if place % shares:
                in_turn = place % shares == 1 + TURN % (shares - 1)
                item.add_marker("more" if in_turn else "rest")


def pytest_collection_finish() -> None:
    """Leave what importing made out of every later search for garbage: 0.2 s each.

    The youngest objects are searched every 20,000, not every 700: JAX, which TensorFlow imports
    where it is installed, does something of its own each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


@contextmanager
def eager_computation(chosen: bool) -> Iterator[None]:
    """Have TensorFlow compute step by step for a while, or compile; JAX compiles as ever."""
    if os.environ.get("KERAS_BACKEND") == "jax":
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(chosen)
    yield
    tf.config.run_functions_eagerly(before)


@pytest.fixture(scope="module")
def step_by_step() -> Iterator[None]:
    """Compute without compiling, where the law is of what happens to scores, not of their bits.

    That takes a fifth of a second where compiling takes five.
    """
    with eager_computation(True):
        yield


@pytest.fixture
def all_at_once(step_by_step: None) -> Iterator[None]:
    """Compile in one test of a file that computes step by step: one of very many passes."""
    with eager_computation(False):
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of published models and reference numbers, or skip the test."""
    if not (SHARED / "oracle").is_dir():
        pytest.skip("reference numbers are not on this machine; set SEQLIFT_SHARED to their folder")
    return SHARED


@pytest.fixture(scope="session")
def real(shared: Path) -> Path:
    """Return the folder of models, genomes and regions that others published."""
    return shared / "real"


@pytest.fixture(scope="session")
def oracle(shared: Path) -> Path:
    """Return the folder of scores computed by the original implementations."""
    return shared / "oracle"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one small model in each format."""
    import h5py
    import keras
    from keras import layers

    folder = tmp_path_factory.mktemp("saved")
    model = keras.Sequential(
        [
            keras.Input((8, 4)),
            layers.Conv1D(3, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flat"),
            layers.Dense(1, name="score"),
        ],
        name="small",
    )
    for name in ("model.h5", "model.keras", "numbered.weights.h5"):
        (model.save_weights if "weights" in name else model.save)(folder / name)
    (folder / "model.json").write_text(model.to_json())
    with h5py.File(folder / "model.h5") as full, h5py.File(folder / "named.h5", "w") as bare:
        for name in full["model_weights"]:
            full.copy(f"model_weights/{name}", bare)
        bare.attrs["layer_names"] = full["model_weights"].attrs["layer_names"]
    return folder
