"""JAX made bearable: it compiles every operation for every shape before it computes it once.

Knows JAX and Keras only; nothing here changes what is computed, but for initial weights.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

# The steps of tests are run once or twice: time spent on making them fast is lost.
UNOPTIMISED = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def prepare() -> None:
    """Set JAX up for the tests: float64, on the CPU, compiled in haste. Before its first array."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("XLA_FLAGS", UNOPTIMISED)
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(kept_code()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "highest")  # as `use_device` has it
    draw_weights_with_numpy()


def kept_code() -> Path:
    """Name the folder where compiled code is kept for the next run, and for the other worker.

    Who can write there can run code, so it is the user's alone.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "seqlift-tests" / "jax"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def draw_weights_with_numpy() -> None:
    """Have NumPy draw the initial weights: JAX compiles its generator for every shape of them."""
    from keras import initializers

    generator = np.random.default_rng(0)

    def drawn(_: Any, shape: Any, dtype: Any = None, **__: Any) -> Any:
        return generator.normal(scale=0.5, size=shape).astype(dtype or "float32")

    for kind in ("VarianceScaling", "Orthogonal", "RandomUniform", "RandomNormal"):
        getattr(initializers, kind).__call__ = drawn
