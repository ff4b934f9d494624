"""How fast the device multiplies, whoever asks: a matrix product, and a network's convolutions.

Knows JAX and shapes; knows nothing of seqlift. Each time is the best of several, the arrays being
on the device and the code compiled beforehand.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax import lax

Array = Any


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The types of factors and of results, and JAX's word for how factors are multiplied.

    An `algorithm` in the place of that word is for matrix products alone, and not on all devices.
    """

    factors: str
    result: str
    precision: str | None = None
    algorithm: str = ""

    def word(self) -> Any:
        """Return what JAX is to be given."""
        return lax.DotAlgorithmPreset[self.algorithm] if self.algorithm else self.precision


ARITHMETIC: dict[str, dict[str, Arithmetic]] = {
    "float32": {
        "float32": Arithmetic("float32", "float32", "highest"),
        "float32, of 3 in tf32": Arithmetic("float32", "float32", algorithm="TF32_TF32_F32_X3"),
        "float32, of 6 in bfloat16": Arithmetic("float32", "float32", algorithm="BF16_BF16_F32_X6"),
    },
    "tf32": {"tf32": Arithmetic("float32", "float32", "tensorfloat32")},
    "bfloat16": {
        "bfloat16, results bfloat16": Arithmetic("bfloat16", "bfloat16"),
        "bfloat16, results float32": Arithmetic("bfloat16", "float32"),
    },
    "float64": {"float64": Arithmetic("float64", "float64", "highest")},
}
"""By precision, the ways to compute it; float64 needs JAX's x64."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A convolution without padding of (batch, positions, channels), to as many channels."""

    batch: int
    positions: int
    channels: int
    taps: int
    dilation: int

    def operations(self) -> int:
        """Return its floating point operations, a multiplication and an addition being two."""
        return 2 * self.batch * self.windows() * self.taps * self.channels**2

    def windows(self) -> int:
        """Return the positions that come out."""
        return self.positions - (self.taps - 1) * self.dilation


def best(function: Callable[..., Array], *arrays: Array, repeats: int) -> float:
    """Return the seconds of the fastest of several calls, after one that compiles."""
    fast = jax.jit(function)
    jax.block_until_ready(fast(*arrays))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(fast(*arrays))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def random(shape: Sequence[int], dtype: str, seed: int) -> Array:
    """Return normal numbers: zeros, of which chips need less power, would be faster."""
    return jax.random.normal(jax.random.key(seed), tuple(shape)).astype(dtype)


def product(way: Arithmetic, size: int, repeats: int) -> list[dict[str, float]]:
    """Return the seconds and the operations of the product of two square matrices, one entry."""

    def multiply(a: Array, b: Array) -> Array:
        return lax.dot(a, b, precision=way.word(), preferred_element_type=way.result)

    arrays = (random((size, size), way.factors, seed) for seed in (1, 2))
    return [{"seconds": best(multiply, *arrays, repeats=repeats), "operations": 2 * size**3}]


def convolution(way: Arithmetic, shape: Shape, repeats: int, *, beside: bool) -> dict[str, float]:
    """Return the seconds and the operations of one convolution, and its dilation.

    With `beside` it is written as a matrix product: what each tap reads is laid side by side. That
    is more to move, but no convolution for which the device's library has to have fast code.
    """

    def convolve(array: Array, kernel: Array) -> Array:
        return lax.conv_general_dilated(
            array,
            kernel,
            window_strides=(1,),
            padding="VALID",
            rhs_dilation=(shape.dilation,),
            dimension_numbers=("NWC", "WIO", "NWC"),
            precision=way.word(),
            preferred_element_type=way.result,
        )

    def multiply(array: Array, kernel: Array) -> Array:
        starts = [tap * shape.dilation for tap in range(shape.taps)]
        read = [array[:, start : start + shape.windows()] for start in starts]
        return lax.dot_general(
            lax.concatenate(read, 2),
            kernel.reshape(-1, shape.channels),
            (((2,), (0,)), ((), ())),
            precision=way.word(),
            preferred_element_type=way.result,
        )

    array = random((shape.batch, shape.positions, shape.channels), way.factors, 1)
    kernel = random((shape.taps, shape.channels, shape.channels), way.factors, 2)
    return {
        "dilation": shape.dilation,
        "seconds": best(multiply if beside else convolve, array, kernel, repeats=repeats),
        "operations": shape.operations(),
    }


def measured(
    precision: str, size: int, shapes: Sequence[Shape], repeats: int
) -> dict[str, dict[str, Any]]:
    """Return, for each way to compute `precision`, its product and its convolutions, or `why`."""
    found: dict[str, dict[str, Any]] = {}
    for name, way in ARITHMETIC.get(precision, {}).items():
        kinds = {"beside": True} if way.algorithm else {"convolutions": False, "beside": True}
        try:
            found[name] = {"product": product(way, size, repeats)} | {
                kind: [convolution(way, shape, repeats, beside=beside) for shape in shapes]
                for kind, beside in kinds.items()
            }
        except (jax.errors.JaxRuntimeError, NotImplementedError, ValueError) as error:
            found[name] = {"why": " ".join(str(error).split())[:100].replace("|", " ")}
    return found
