"""How fast the device multiplies two matrices, whoever asks.

Knows JAX; knows nothing of seqlift. The time is the best of several, the arrays being on the device
and the code compiled beforehand.
"""

import time
from dataclasses import dataclass
from typing import Any

import jax
from jax import lax

Array = Any


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The types of factors and of results, and JAX's word or algorithm for their product."""

    factors: str
    result: str
    precision: str | None = None
    algorithm: str = ""

    def word(self) -> Any:
        """Return the argument for JAX."""
        return lax.DotAlgorithmPreset[self.algorithm] if self.algorithm else self.precision


ARITHMETIC: dict[str, dict[str, Arithmetic]] = {
    "float32": {
        "float32": Arithmetic("float32", "float32", "highest"),
        "float32, of 3 in tf32": Arithmetic("float32", "float32", algorithm="TF32_TF32_F32_X3"),
    },
    "tf32": {"tf32": Arithmetic("float32", "float32", "tensorfloat32")},
    "bfloat16": {"bfloat16, results float32": Arithmetic("bfloat16", "float32")},
    "float64": {"float64": Arithmetic("float64", "float64", "highest")},
}
"""By precision, the ways to compute it; float64 needs JAX's x64."""


def best(fast: Any, *arrays: Array, repeats: int) -> tuple[float, float]:
    """Return the seconds of the first call, which compiles, and of the fastest of several."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        jax.block_until_ready(fast(*arrays))
        seconds.append(time.perf_counter() - start)
    return seconds[0], min(seconds[1:])


def normal(*shape: int, dtype: str, seed: int) -> Array:
    """Draw normal numbers: zeros, of which chips need less power, would be faster."""
    return jax.random.normal(jax.random.key(seed), shape).astype(dtype)


def product(way: Arithmetic, size: int, repeats: int) -> dict[str, Any]:
    """Return the seconds and the operations of the product of two square matrices, or `why`."""

    def multiply(a: Array, b: Array) -> Array:
        return lax.dot(a, b, precision=way.word(), preferred_element_type=way.result)

    arrays = [normal(size, size, dtype=way.factors, seed=seed) for seed in (1, 2)]
    try:
        _, seconds = best(jax.jit(multiply), *arrays, repeats=repeats)
    except (jax.errors.JaxRuntimeError, NotImplementedError, ValueError) as error:
        return {"why": " ".join(str(error).split())[:100].replace("|", " ")}
    return {"seconds": seconds, "operations": 2 * size**3}


def products(precision: str, size: int, repeats: int) -> dict[str, dict[str, Any]]:
    """Return the product of each way to compute `precision`."""
    ways = ARITHMETIC[precision].items()
    return {name: product(way, size, repeats) for name, way in ways}
