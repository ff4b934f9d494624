"""Search for convolutions that XLA computes wrongly on a CPU, or ends the process with.

    python tests/convolution_search.py --shapes 2000 [--backend jax] [--raw]

Each shape is drawn from the seed and its number, compiled as a whole, and computed twice: with its
input just after and just before memory that cannot be read, so that reading outside the array ends
the process. Results are compared with float64 NumPy. Shapes are computed in processes of their own,
many in each; after a crash a new process goes on with the next shape. By default the primitives of
seqlift are tried, forwards and backwards; --raw gives XLA the padding itself, negative amounts
included, to show what it cannot compute. The exit status is 1 where a shape crashes or differs.
"""

import argparse
import ctypes
import logging
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pads = tuple[tuple[int, int], ...]

PAGE = 4096
WALL = 256 * PAGE
READ_AND_WRITE = 3
PRIVATE_ANONYMOUS = 0x22
TOLERANCE = {"float32": 3e-6, "float64": 1e-13}
"""Largest error, relative to the sum of the absolute products."""

KINDS = ("convolution", "grouped", "depthwise", "separable", "transposed")
PATIENCE = 120.0
"""Seconds after which a shape counts as one that hangs."""


@dataclass(frozen=True)
class Shape:
    """One convolution: what is drawn, and in which direction it is computed."""

    kind: str
    back: bool
    dtype: str
    batch: int
    sizes: tuple[int, ...]
    inputs: int
    outputs: int
    groups: int
    taps: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads

    def counts(self) -> tuple[int, ...]:
        """Count the windows along each axis."""
        axes = zip(self.sizes, self.taps, self.strides, self.dilation, self.pads, strict=True)
        return tuple(
            (size + low + high - (taps - 1) * step - 1) // stride + 1
            for size, taps, stride, step, (low, high) in axes
        )


def draw(seed: int, number: int) -> Shape:
    """Draw a shape that has at least one window along each axis."""
    rng = np.random.default_rng((seed, number))
    while True:
        shape = draw_any(rng)
        if min(shape.counts()) > 0 and all(
            size + min(low, 0) + min(high, 0) > 0
            for size, (low, high) in zip(shape.sizes, shape.pads, strict=True)
        ):
            return shape


def draw_any(rng: np.random.Generator) -> Shape:
    """Draw a shape, which may have no window."""
    kind = str(rng.choice(KINDS))
    axes = 1 if rng.random() < 0.8 else 2
    groups = int(rng.integers(2, 4)) if kind == "grouped" else 1
    channels = (1, 1, 1, 1, 2, 3) if rng.random() < 0.6 else (1, 4, 5, 8, 16, 17, 33, 64)
    inputs, outputs = (groups * int(rng.choice(channels)) for _ in range(2))
    if kind == "depthwise":
        outputs = inputs * int(rng.integers(1, 4))
    longest = 60 if axes == 2 else int(rng.choice([3, 30, 300, 1500]))
    wide = int(rng.choice([0, 0, 3, 40, 600]))
    stride = int(rng.choice([1, 1, 2, 3, 5]))
    strides = (stride,) * axes if kind == "depthwise" else drawn(rng, axes, [1, 1, 2, 3, 5])
    apart = max(strides) > 1  # Keras has no layer with both
    return Shape(
        kind=kind,
        back=bool(rng.random() < 0.6),
        dtype="float64" if rng.random() < 0.25 else "float32",
        batch=int(rng.integers(1, 10)) if rng.random() < 0.9 else 160,
        sizes=tuple(int(rng.integers(1, longest + 1)) for _ in range(axes)),
        inputs=inputs,
        outputs=outputs,
        groups=groups,
        taps=tuple(int(rng.choice([1, 1, 2, 3, 4, 5, 7, 9])) for _ in range(axes)),
        strides=strides,
        dilation=(1,) * axes if apart else drawn(rng, axes, [1, 1, 2, 4, 9]),
        pads=tuple(
            (int(rng.integers(-wide // 2, wide + 1)), int(rng.integers(-wide // 2, wide + 1)))
            for _ in range(axes)
        ),
    )


def drawn(rng: np.random.Generator, axes: int, among: list[int]) -> tuple[int, ...]:
    """Draw a number for each axis."""
    return tuple(int(rng.choice(among)) for _ in range(axes))


def guarded(array: Array, *, at_end: bool) -> Array:
    """Copy an array to memory that begins, or ends, where reading ends the process.

    What is read less than 64 bytes after the end may not be noticed: arrays begin at whole lines.
    """
    system = ctypes.CDLL(None)
    system.mmap.restype = ctypes.c_void_p
    system.mmap.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 4, ctypes.c_long]
    system.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    body = -(-array.nbytes // PAGE) * PAGE
    start = system.mmap(None, body + 2 * WALL, 0, PRIVATE_ANONYMOUS, 2**32 - 1, 0) + WALL
    if system.mprotect(start, body, READ_AND_WRITE):
        raise OSError("memory cannot be guarded")
    first = (body - array.nbytes) // 64 * 64 if at_end else 0
    buffer = (ctypes.c_char * array.nbytes).from_address(start + first)
    copy = np.frombuffer(buffer, array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def tensor_of(array: Array) -> Any:
    """Pass an array to the framework without copying it."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.dlpack.from_dlpack(array)
    import tensorflow as tf

    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def padded(array: Array, pads: Pads) -> Array:
    """Put zeros around the axes between the first and the last; negative amounts crop."""
    kept = tuple(
        slice(max(-low, 0), size - max(-high, 0))
        for size, (low, high) in zip(array.shape[1:-1], pads, strict=True)
    )
    around = [(max(low, 0), max(high, 0)) for low, high in pads]
    return np.pad(array[(slice(None), *kept)], ((0, 0), *around, (0, 0)))


def windows(shape: Shape, tap: tuple[int, ...]) -> tuple[slice, ...]:
    """Say which values of a padded array one tap weighs."""
    axes = zip(tap, shape.strides, shape.dilation, shape.counts(), strict=True)
    return tuple(slice(k * d, k * d + (count - 1) * s + 1, s) for k, s, d, count in axes)


def expected(shape: Shape, array: Array, kernel: Array) -> Array:
    """Compute the convolution in float64, one tap after the other."""
    around = padded(array, shape.pads)
    total = np.zeros((len(array), *shape.counts(), kernel.shape[-1]))
    for tap in np.ndindex(*shape.taps):
        values = around[(slice(None), *windows(shape, tap))]
        total += by_groups(shape, values, kernel[tap])
    return total


def by_groups(shape: Shape, values: Array, weights: Array) -> Array:
    """Multiply the channels of each group with its weights."""
    parts = np.split(values, shape.groups, axis=-1)
    columns = np.split(weights, shape.groups, axis=-1)
    return np.concatenate([a @ b for a, b in zip(parts, columns, strict=True)], axis=-1)


def expected_back(shape: Shape, array: Array, kernel: Array) -> Array:
    """Compute the transpose of the convolution in float64."""
    around = np.zeros(
        (len(array), *(n + low + high for n, (low, high) in zip(shape.sizes, shape.pads,
         strict=True)), shape.inputs)
    )  # fmt: skip
    for tap in np.ndindex(*shape.taps):
        parts = np.split(array, shape.groups, axis=-1)
        columns = np.split(kernel[tap], shape.groups, axis=-1)
        back = np.concatenate([a @ b.T for a, b in zip(parts, columns, strict=True)], axis=-1)
        around[(slice(None), *windows(shape, tap))] += back
    return padded(around, tuple((-low, -high) for low, high in shape.pads))


def whole_kernel(shape: Shape, kernel: Array) -> Array:
    """Write the kernel of a depthwise convolution as one of groups with one channel each."""
    return kernel.reshape(*shape.taps, 1, -1)


def problem(shape: Shape, rng: np.random.Generator) -> tuple[Any, Array, Array, Array]:
    """Make the function, its input, the right output and the sums of absolute products."""
    from dataclasses import replace

    from seqlift.network.primitives.convolution import Convolution, TransposedConvolution
    from seqlift.network.primitives.depthwise import Depthwise

    way = (shape.strides, shape.dilation, shape.pads)
    depthwise = shape.kind in ("depthwise", "separable")
    if depthwise:
        inner = shape.outputs // shape.inputs if shape.kind == "depthwise" else 1
        kernel = rng.normal(size=(*shape.taps, shape.inputs, inner))
        primitive: Any = Depthwise(kernel, None, *way)
        shape = replace(shape, groups=shape.inputs, outputs=shape.inputs * inner)
        full = whole_kernel(shape, kernel)
    else:
        full = rng.normal(size=(*shape.taps, shape.inputs // shape.groups, shape.outputs))
        primitive = Convolution(full, None, *way)
    back = shape.back
    forward = primitive.forward
    if shape.kind == "transposed":
        turned = TransposedConvolution(full, None, *way, shape.sizes)
        output = (*shape.sizes, shape.inputs)
        forward = turned.forward if back else lambda x: turned.transpose(x, output)[0]
    elif back:
        source = (*shape.sizes, shape.inputs)
        forward = partial(one_back, primitive, source)
    size = (*shape.counts(), shape.outputs) if back else (*shape.sizes, shape.inputs)
    array = rng.normal(size=(shape.batch, *size))
    right = expected_back if back else expected
    return forward, array, right(shape, array, full), right(shape, abs(array), abs(full))


def one_back(primitive: Any, source: tuple[int, ...], multiplier: Any) -> Any:
    """Bring multipliers back to the one input of a primitive."""
    return primitive.transpose(multiplier, source)[0]


def raw_problem(shape: Shape, rng: np.random.Generator) -> tuple[Any, Array, Array, Array]:
    """Make the same for XLA's own convolution, which does the padding."""
    kernel = rng.normal(size=(*shape.taps, shape.inputs // shape.groups, shape.outputs))
    array = rng.normal(size=(shape.batch, *shape.sizes, shape.inputs))
    function = partial(raw_convolution, shape, kernel.astype(shape.dtype))
    return function, array, expected(shape, array, kernel), expected(shape, abs(array), abs(kernel))


def raw_convolution(shape: Shape, kernel: Array, array: Any) -> Any:
    """Ask XLA itself for a convolution with padding, by JAX or by TensorFlow."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        letters = "HW"[: len(shape.taps)]
        return jax.lax.conv_general_dilated(
            array, kernel, shape.strides, shape.pads, rhs_dilation=shape.dilation,
            dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
            feature_group_count=shape.groups, precision="highest",
        )  # fmt: skip
    from tensorflow.compiler.tf2xla.python import xla
    from tensorflow.compiler.xla import xla_data_pb2

    axes = list(range(len(shape.taps)))
    numbers = xla_data_pb2.ConvolutionDimensionNumbers(
        input_spatial_dimensions=[axis + 1 for axis in axes], input_feature_dimension=len(axes) + 1,
        kernel_spatial_dimensions=axes, kernel_input_feature_dimension=len(axes),
        kernel_output_feature_dimension=len(axes) + 1,
        output_spatial_dimensions=[axis + 1 for axis in axes],
        output_feature_dimension=len(axes) + 1,
    )  # fmt: skip
    ones = (1,) * len(axes)
    return xla.conv(
        array, kernel, shape.strides, shape.pads, ones, shape.dilation, numbers,
        feature_group_count=shape.groups,
    )  # fmt: skip


def compute(seed: int, numbers: range, *, raw: bool) -> None:
    """Compute shapes one after the other, with a line before and after each."""
    from seqlift.device.backend import compiled, use_device

    logging.getLogger("tensorflow").setLevel("ERROR")  # every shape is compiled anew
    use_device("cpu", precision="float64")
    for number in numbers:
        shape = draw(seed, number)
        print("shape", number, flush=True)
        rng = np.random.default_rng((seed, number, 1))
        function, array, right, size = (raw_problem if raw else problem)(shape, rng)
        fast = compiled(function)
        error = 0.0
        for at_end in (False, True):
            source = guarded(array.astype(shape.dtype), at_end=at_end)
            found = np.asarray(fast(tensor_of(source)))
            wrong = abs(found - right) / np.maximum(size, 1e-300)
            error = max(error, float(np.where(size > 0, wrong, abs(found)).max()))
            if found.shape != right.shape:
                error = float("inf")
        print("done", number, error, flush=True)


def search(chosen: argparse.Namespace) -> int:
    """Have every shape computed, print what fails, and count."""
    counted: Counter[str] = Counter()
    first, end = chosen.first, chosen.first + chosen.shapes
    while first < end:
        last = min(first + 400, end)  # compiled code stays in a process's memory
        first = one_process(chosen, first, last, counted)
        print(f"{first - chosen.first} of {chosen.shapes}: {dict(counted)}", file=sys.stderr)
    print(f"seed {chosen.seed}, {chosen.backend}, {chosen.shapes} shapes: {dict(counted)}")
    return int(counted.total() != counted["right"])


def one_process(chosen: argparse.Namespace, first: int, last: int, counted: Counter[str]) -> int:
    """Compute shapes until one crashes; return the number of the next shape."""
    command = [sys.executable, __file__, "--first", str(first), "--shapes", str(last - first)]
    command += ["--seed", str(chosen.seed), "--in-process", *(["--raw"] if chosen.raw else [])]
    quiet = {
        "KERAS_BACKEND": chosen.backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    with subprocess.Popen(
        ["timeout", str(PATIENCE * (last - first)), *command],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if chosen.quiet else None,
        text=True, env=os.environ | quiet,
    ) as process:  # fmt: skip
        number = first - 1
        done = number
        for line in process.stdout or ():
            word, at, *error = line.split()
            number = int(at)
            if word == "done":
                done = number
                shape = draw(chosen.seed, number)
                outcome = "right" if float(error[0]) <= TOLERANCE[shape.dtype] else "wrong"
                counted[outcome] += 1
                if outcome == "wrong":
                    print(f"wrong by {error[0]}: {number} {shape}", flush=True)
    if process.returncode == 0:
        return last
    if number < first:
        raise RuntimeError(f"no shape was computed: exit status {process.returncode}")
    if number > done:
        counted["crashed"] += 1
        print(f"exit status {process.returncode}: {number} {draw(chosen.seed, number)}", flush=True)
    return number + 1


def main() -> int:
    """Search, or compute the shapes of one process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first shape (0)")
    parser.add_argument("--seed", type=int, default=1, help="of all shapes (1)")
    parser.add_argument("--backend", default="tensorflow", help="or jax (tensorflow)")
    parser.add_argument("--raw", action="store_true", help="try XLA's own padding instead")
    parser.add_argument("--quiet", action="store_true", help="drop what the frameworks print")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.in_process:
        numbers = range(chosen.first, chosen.first + chosen.shapes)
        compute(chosen.seed, numbers, raw=chosen.raw)
        return 0
    return search(chosen)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
