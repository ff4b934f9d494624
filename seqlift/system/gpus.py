"""The GPUs of this machine, and which of TensorFlow and JAX can compute on them.

Each is asked in a process of its own, as a framework that has seen a GPU takes its memory. Imports
neither of them.
"""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEVICES = Path("/dev")
PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
"""Packages that let JAX compute on an NVIDIA GPU."""

ASK_TENSORFLOW = """
import json, tensorflow as tf
found = [tf.config.experimental.get_device_details(one).get("device_name") or one.name
         for one in tf.config.list_physical_devices("GPU")]
print(json.dumps([[name, None] for name in found]))
"""

ASK_JAX = """
import json, jax
found = [one for one in jax.devices() if one.platform != "cpu"]
memory = [(one.memory_stats() or {}).get("bytes_limit") for one in found]
print(json.dumps([[one.device_kind, size] for one, size in zip(found, memory)]))
"""

SECONDS = 120
"""The longest that a framework may take to start."""


@dataclass(frozen=True, slots=True)
class BackendDevices:
    """The GPUs that one backend sees.

    Attributes
    ----------
    version
        Of its package; empty where it is not installed.
    gpus
        Their names, and the bytes of memory that it may take of each, None where it does not tell.
    reason
        Why there is none; empty where there is one.
    """

    name: str
    version: str
    gpus: tuple[tuple[str, int | None], ...]
    reason: str


def default_backend() -> str:
    """Choose TensorFlow, or JAX where this machine has a GPU that only JAX can compute on."""
    if not nvidia_devices() or not is_installed("jax") or not jax_plugin():
        return "tensorflow"
    return chosen_backend(all_devices())


def chosen_backend(found: tuple[BackendDevices, BackendDevices]) -> str:
    """Choose a backend as `default_backend` does, from answers that are there."""
    tensorflow, jax = found
    return "jax" if jax.gpus and not tensorflow.gpus else "tensorflow"


def all_devices() -> tuple[BackendDevices, BackendDevices]:
    """Ask TensorFlow and JAX for their GPUs."""
    return backend_devices("tensorflow"), backend_devices("jax")


def backend_devices(name: str) -> BackendDevices:
    """Ask `name`, tensorflow or jax, for its GPUs."""
    if not is_installed(name):
        return BackendDevices(name, "", (), "not installed")
    version = importlib.metadata.version(name)
    if not nvidia_devices():
        return BackendDevices(name, version, (), no_gpu_reason())
    try:
        gpus = answer_of(ASK_TENSORFLOW if name == "tensorflow" else ASK_JAX)
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        return BackendDevices(name, version, (), f"it does not start: {last_line(problem)}")
    return BackendDevices(name, version, gpus, "" if gpus else missing_libraries(name))


def answer_of(question: str) -> tuple[tuple[str, int | None], ...]:
    """Run Python code that prints the GPUs as JSON on its last line."""
    done = subprocess.run(  # noqa: S603  # this very interpreter, and code of this module
        [sys.executable, "-c", question],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
        env=os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    found: list[Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return tuple((str(name), size) for name, size in found)


def last_line(problem: Exception) -> str:
    text = getattr(problem, "stderr", None) or str(problem)
    return text.strip().splitlines()[-1] if text.strip() else type(problem).__name__


def nvidia_devices() -> tuple[str, ...]:
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return ()
    found = [*DEVICES.glob("nvidia[0-9]*"), *DEVICES.glob("dxg")]
    return tuple(sorted(str(path) for path in found))


def no_gpu_reason() -> str:
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']} hides every GPU"
    return "this machine shows no NVIDIA GPU (/dev/nvidia*)"


def missing_libraries(name: str) -> str:
    """Say what a backend lacks that sees no GPU where there is one."""
    if name == "jax":
        plugin = "its CUDA libraries find no GPU" if jax_plugin() else "it has no CUDA libraries"
        return f"{plugin}; install jax[cuda12]"
    return "it finds no CUDA libraries; install tensorflow[and-cuda], or compute with JAX"


def jax_plugin() -> bool:
    return any(is_installed(plugin) for plugin in PLUGINS)


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
