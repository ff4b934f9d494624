"""Which backend computes, and what a user hears about GPUs."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from seqlift.cli import main
from seqlift.cli.options import backend
from seqlift.system import gpus


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of devices that has a GPU."""
    (tmp_path / "nvidia0").touch()
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(gpus, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def answering(monkeypatch: pytest.MonkeyPatch, tensorflow: int, jax: int, *, plugin: bool) -> None:
    """Have the backends answer with so many GPUs, in the place of starting them."""
    printing = "import json; print('noise'); print(json.dumps([[{!r}, {}]] * {}))"
    answers = {
        gpus.ASK_TENSORFLOW: printing.format("T", None, tensorflow),
        gpus.ASK_JAX: printing.format("J", 8 * 10**9, jax),
    }
    real = gpus.answer_of
    monkeypatch.setattr(gpus, "answer_of", lambda question: real(answers[question]))
    monkeypatch.setattr(gpus, "jax_plugin", lambda: plugin)


@pytest.mark.parametrize(
    ("tensorflow", "jax", "plugin", "chosen"),
    [
        (1, 1, True, "tensorflow"),
        (0, 1, True, "jax"),
        (0, 0, True, "tensorflow"),
        (0, 1, False, "tensorflow"),
    ],
)
def test_jax_is_chosen_where_only_jax_sees_a_gpu(
    card: Path,
    monkeypatch: pytest.MonkeyPatch,
    tensorflow: int,
    jax: int,
    plugin: bool,
    chosen: str,
) -> None:
    answering(monkeypatch, tensorflow, jax, plugin=plugin)
    assert gpus.default_backend() == chosen


def test_no_framework_is_started_where_there_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "DEVICES", tmp_path)
    monkeypatch.setattr(gpus, "answer_of", None)
    assert gpus.default_backend() == "tensorflow"
    (tmp_path / "nvidia0").touch()
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert gpus.default_backend() == "tensorflow"


def test_devices_lists_gpus_and_what_auto_takes(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    answering(monkeypatch, 0, 1, plugin=True)
    shown = CliRunner().invoke(main, ["devices"]).output.splitlines()
    assert shown[0].startswith("tensorflow 2.")
    assert shown[1] == (
        "  no GPU: it finds no CUDA libraries; install tensorflow[and-cuda], or compute with JAX"
    )
    assert shown[3:] == ["  J, 8.0 GB", "auto: jax"]
    found = json.loads(CliRunner().invoke(main, ["devices", "--json"]).output)
    assert found["auto"] == "jax"
    assert found["backends"][1]["gpus"] == [["J", 8000000000]]


def test_devices_says_why_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.backend_devices("tensorflow").reason == (
        "this machine shows no NVIDIA GPU (/dev/nvidia*)"
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpus.backend_devices("tensorflow").reason == "CUDA_VISIBLE_DEVICES=-1 hides every GPU"
    monkeypatch.setattr(gpus, "is_installed", lambda _name: False)
    assert gpus.backend_devices("jax").reason == "not installed"


def test_a_backend_that_does_not_start_is_no_end(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "ASK_TENSORFLOW", "raise SystemExit('no such driver')")
    assert gpus.backend_devices("tensorflow").reason == "it does not start: no such driver"


@click.command()
@backend
def chosen_command() -> None:
    """Take the option, and do nothing."""


def test_backend_is_what_keras_will_be_imported_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    assert CliRunner().invoke(chosen_command, ["--backend", "auto"]).exit_code == 0
    assert os.environ["KERAS_BACKEND"] == "jax"
    assert CliRunner().invoke(chosen_command, ["--backend", "tensorflow"]).exit_code == 0
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    loaded = SimpleNamespace(config=SimpleNamespace(backend=lambda: "tensorflow"))
    monkeypatch.setitem(sys.modules, "keras", loaded)
    done = CliRunner().invoke(chosen_command, ["--backend", "jax"])
    assert done.exit_code == 2
    assert "Keras computes with tensorflow in this program already" in done.output
