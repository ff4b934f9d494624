"""Scores and the backend depend on nothing that the user has set for Keras elsewhere."""

import importlib.util
import json
import logging
import os
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import ROOT
from nets import randomise, sequences

from seqlift.cli.failures import quiet_imports
from seqlift.device import backend
from seqlift.errors import DeviceError
from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import one_hot
from seqlift.models import keras_environment
from seqlift.models.keras_settings import default_settings
from seqlift.system.quiet import LEVEL, quiet_loading

CONFIG = Path(keras.__file__).parent / "src" / "backend" / "config.py"
"""The part of Keras that reads the user's environment."""

LENGTH = 12


def home_with(folder: Path, **settings: object) -> Path:
    """Make a home folder with a keras.json."""
    (folder / ".keras").mkdir()
    (folder / ".keras" / "keras.json").write_text(json.dumps(settings))
    return folder


def keras_settings() -> dict[str, object]:
    """Read the environment as Keras does when it is imported, in a copy of that part of it."""
    found = runpy.run_path(str(CONFIG))
    names = ("_FLOATX", "_EPSILON", "_IMAGE_DATA_FORMAT", "_BACKEND", "_MAX_STEPS_PER_EPOCH")
    return {name: found[name] for name in names}


DEFAULTS = {
    "_FLOATX": "float32",
    "_EPSILON": 1e-7,
    "_IMAGE_DATA_FORMAT": "channels_last",
    "_BACKEND": "tensorflow",
    "_MAX_STEPS_PER_EPOCH": None,
}


@pytest.mark.parametrize(
    "settings",
    [
        {"backend": "theano"},
        {"backend": "torch", "floatx": "float16"},
        {"epsilon": 1, "image_data_format": "channels_first"},
        {"floatx": "float128", "nnx_enabled": True},
    ],
)
@pytest.mark.parametrize("environment", [{}, {"KERAS_BACKEND": ""}, {"KERAS_BACKEND": " "}])
def test_the_command_reads_no_settings_of_the_user(
    settings: dict[str, object],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(home_with(tmp_path, **settings)))
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "many")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "keras")
    before = dict(os.environ)
    with quiet_imports(0):
        assert keras_settings() == DEFAULTS
    assert dict(os.environ) == before | {"KERAS_BACKEND": "tensorflow"}


@pytest.mark.parametrize("name", keras_environment.UNUSED)
def test_keras_is_imported_without_what_no_command_uses(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(sys, "modules", {"keras": keras})
    with keras_environment.without_settings(), pytest.raises(ImportError):
        importlib.import_module(name)
    assert name not in sys.modules


def test_what_is_imported_already_and_the_backend_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    modules = {"keras": keras, "sklearn": keras}
    monkeypatch.setattr(sys, "modules", modules)
    with keras_environment.without_settings():
        assert modules == {"keras": keras, "sklearn": keras, "matplotlib": None, "pandas": None}
    assert modules == {"keras": keras, "sklearn": keras}


def test_a_home_that_cannot_be_written_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", "/proc/no/such")
    with quiet_imports(0):
        assert keras_settings() == DEFAULTS
    assert [*tmp_path.iterdir()] == []
    assert os.environ["KERAS_HOME"] == "/proc/no/such"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torch", "KERAS_BACKEND=torch: not a backend of seqlift; use tensorflow or jax"),
        ("jax", "KERAS_BACKEND=jax: it is not installed; install jax"),
        ("", "KERAS_BACKEND=tensorflow: it is not installed; install tensorflow"),
    ],
)
def test_a_backend_that_cannot_be_had_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.delitem(sys.modules, "keras")
    with pytest.raises(DeviceError) as caught:
        keras_environment.choose_backend()
    assert str(caught.value) == message


def test_keras_on_another_backend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.keras.backend, "backend", lambda: "torch")
    with pytest.raises(DeviceError, match=r"Keras runs on torch here, .* KERAS_BACKEND=tensorflow"):
        backend.use_device("auto", precision="float32")


def test_a_library_that_cannot_be_imported_is_named() -> None:
    with (
        pytest.raises(DeviceError, match="nothing_of_the_name: cannot be imported"),
        keras_environment.without_settings(),
    ):
        import nothing_of_the_name  # type: ignore[import-not-found]  # noqa: F401


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scores_do_not_depend_on_settings_of_the_session(tmp_path: Path) -> None:
    dna = keras.Input((LENGTH, 4))
    x = keras.ops.normalize(keras.layers.Conv1D(3, 3)(dna), epsilon=None)
    x = keras.ops.average_pool(x, 2, data_format=None)
    twins = [keras.layers.Dense(3)(keras.layers.Flatten()(x)) for _ in range(2)]
    cosine = keras.layers.Dot(1, normalize=True)(twins)
    model = keras.Model(dna, keras.layers.Rescaling([2.0])(cosine))
    randomise(model)
    model.save(tmp_path / "m.keras")
    given = one_hot(sequences(2, LENGTH), np.float32)
    expected = Explainer(tmp_path / "m.keras")(given, np.zeros((LENGTH, 4)))
    with default_settings():
        keras.config.set_floatx("float16")
        keras.config.set_epsilon(0.5)
        keras.config.set_image_data_format("channels_first")
        keras.config.set_dtype_policy("mixed_float16")
        found = Explainer(tmp_path / "m.keras")(given, np.zeros((LENGTH, 4)))
        assert keras.config.epsilon() == 0.5
        assert keras.config.floatx() == "float16"
    assert keras.config.floatx() == "float32"
    np.testing.assert_array_equal(found.contributions, expected.contributions)
    np.testing.assert_array_equal(found.prediction, expected.prediction)


QUIET = """
import os, sys, seqlift
explain = seqlift.Explainer(sys.argv[1], target="tasks:0")
print(explain(["ACGT" * 50], "zeros").contributions.shape)
os.write(2, b"heard")
"""


@pytest.mark.slow
def test_the_library_is_as_quiet_as_the_command() -> None:
    environment = {name: value for name, value in os.environ.items() if name != LEVEL}
    done = subprocess.run(
        [sys.executable, "-c", QUIET, ROOT / "data" / "demo.h5"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("(1, 200, 4)\n", "heard")


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="a warning of TensorFlow")
def test_engines_of_many_shapes_are_no_cause_for_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("tensorflow"), "level", logging.WARNING)
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    for size in range(1, 8):
        backend.compiled(lambda x: x + 1.0)(np.ones(size, np.float32))
    assert caplog.messages == []


def test_a_level_in_the_environment_keeps_what_tensorflow_says(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv(LEVEL, "1")
    with quiet_loading():
        os.write(2, b"heard")
    monkeypatch.delenv(LEVEL)
    with quiet_loading():
        os.write(2, b"not heard")
    assert os.environ[LEVEL] == "3"
    assert capfd.readouterr().err == "heard"
