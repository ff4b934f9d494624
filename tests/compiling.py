"""JAX made bearable: it compiles every operation for every shape before it computes it once.

Knows JAX and Keras only; nothing here changes what is computed, but for initial weights.
"""

import os
from typing import Any

import numpy as np

# The steps of tests are run once or twice: time spent on making them fast is lost.
UNOPTIMISED = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def prepare() -> None:
    """Set JAX up for the tests: float64, on the CPU, compiled in haste. Before its first array."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("XLA_FLAGS", UNOPTIMISED)
    import jax

    jax.config.update("jax_enable_x64", True)
    draw_weights_with_numpy()


def draw_weights_with_numpy() -> None:
    """Have NumPy draw the initial weights: JAX compiles its generator for every shape of them."""
    from keras import initializers

    generator = np.random.default_rng(0)

    def drawn(_: Any, shape: Any, dtype: Any = None, **__: Any) -> Any:
        return generator.normal(scale=0.5, size=shape).astype(dtype or "float32")

    for kind in ("VarianceScaling", "Orthogonal", "RandomUniform", "RandomNormal"):
        getattr(initializers, kind).__call__ = drawn
