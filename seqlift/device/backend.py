"""Compilation, devices and precision of a backend, which only the modules of this folder name.

TensorFlow is the default; JAX is used when ``KERAS_BACKEND=jax``.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from seqlift.device.jax_programs import jitted_by_jax, keep_compiled_code
from seqlift.device.precision import Products
from seqlift.device.processor import jax_device, on_cpu
from seqlift.device.products import rounded_to, tensor_cores
from seqlift.device.stored_weights import LARGE, StoredWeights, storing
from seqlift.device.xla import compiled_by_xla, opaque_true
from seqlift.errors import DeviceError, DeviceMemoryError
from seqlift.system.refusals import is_full_memory

Array = Any

CPU_BATCH = 256 * 2**20  # more no longer fits the caches: see `batch_memory`
GPU_BATCH = 4 * 2**30  # half of a small GPU, where its size is not reported
OUT_OF_MEMORY = "the device's memory is full; give a smaller --batch-size or fewer --references"


def compiled(
    function: Callable[..., Any],
    *,
    fused: bool = True,
    products: Products | None = None,
    stored: StoredWeights | None = None,
) -> Callable[..., Any]:
    """Compile `function` for arrays of fixed shapes, once per set of shapes.

    `fused` has XLA make one loop of neighbouring operations on each value: about half the time, for
    a compilation that takes a second or two longer. JAX does nothing else. `products` is the
    precision that factors are rounded to; `stored` keeps large arrays of weights, which are then
    arguments of each call (`seqlift.device.stored_weights`). Calls raise DeviceMemoryError on a
    full memory.
    """

    def traced(*arguments: Any) -> Any:
        with rounded_to(products), storing(stored):
            return function(*arguments)

    if keras.backend.backend() == "jax":
        import jax

        full: tuple[type[Exception], ...] = (jax.errors.JaxRuntimeError,)
        jitted = jitted_by_jax(traced, products, None if stored is None else stored.large)

        def fast(*arguments: Any) -> Any:
            return jax.block_until_ready(jitted(*arguments))  # a full memory raises here

    else:
        import tensorflow as tf

        full = (tf.errors.ResourceExhaustedError, tf.errors.InternalError)

        def traced_for_xla(condition: Any, *arguments: Any) -> Any:
            with compiled_by_xla(condition):
                return traced(*arguments)

        steps = tf.function(traced, autograph=False)
        whole = tf.function(traced_for_xla, autograph=False, jit_compile=True)
        for one in (steps, whole):  # each engine has its own: no cause for a warning at the fifth
            one._omit_frequent_tracing_warning = True

        def fast(*arguments: Any) -> Any:
            return whole(opaque_true(), *arguments) if fused else steps(*arguments)

    def call(*arguments: Any) -> Any:
        try:
            with tensor_cores(products):
                return fast(*arguments)
        except full as error:
            # Both kinds of exception have other causes, which half a batch does not mend.
            if not is_full_memory(error):
                raise
            raise DeviceMemoryError(OUT_OF_MEMORY) from error

    return call


def weights_store(large: int = LARGE) -> StoredWeights:
    """Make an empty store for arrays of weights of at least `large` values."""
    return StoredWeights(_on_device, large=large, untraced=_untraced)


def _on_device(values: Any, dtype: str) -> Array:
    with _untraced():
        return keras.ops.convert_to_tensor(values, dtype)


def _untraced() -> Any:
    if keras.backend.backend() == "jax":
        import jax

        return jax.ensure_compile_time_eval()
    import tensorflow as tf

    return tf.init_scope()  # outside of the function being traced, which would make it a constant


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compute `function` of tensors as one loop, also where the code around it runs in steps.

    Inside a function that is `compiled` as a whole it is a part like any other.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    one_loop: Callable[..., Any] = tf.function(function, autograph=False, jit_compile=True)
    return one_loop


def at_once(
    function: Callable[..., Any], stored: StoredWeights | None = None
) -> Callable[..., Any]:
    """Choose the form of `function` in which a single call takes the least time.

    TensorFlow runs step by step at once; JAX would compile each of the steps by itself. `stored`
    keeps large arrays of weights, as in `compiled`.
    """
    if keras.backend.backend() == "jax":
        return compiled(function, stored=stored)

    def step_by_step(*arguments: Any) -> Any:
        with storing(stored):
            return function(*arguments)

    return step_by_step


def tanh(x: Array) -> Array:
    return _in_own_dtype("tanh", x)


def sin(x: Array) -> Array:
    return _in_own_dtype("sin", x)


def cos(x: Array) -> Array:
    return _in_own_dtype("cos", x)


def arctan(x: Array) -> Array:
    return _in_own_dtype("arctan", x)


def arcsinh(x: Array) -> Array:
    return _in_own_dtype("arcsinh", x)


def _in_own_dtype(name: str, x: Array) -> Array:
    if keras.backend.backend() == "jax":
        import jax

        return getattr(jax.numpy, name)(x)  # `keras.ops` would compute float64 in float32
    return getattr(keras.ops, name)(x)


def batch_memory() -> int:
    """Choose how many bytes the arrays of all batches under way should take.

    On a CPU that is those of some thirty pairs of a small network: more gains nothing, as more no
    longer fit its caches. A GPU is the faster the more it has to do at once; half its memory is
    left to the framework. TensorFlow does not report the size.
    """
    if on_cpu():
        return CPU_BATCH
    if keras.backend.backend() == "jax":
        stats = jax_device().memory_stats()  # None where a device does not report it
        return stats["bytes_limit"] // 2 if stats else CPU_BATCH
    return GPU_BATCH


def most_lanes() -> int:
    """Choose how many batches to compute at once: two on a CPU.

    A GPU is full with one. More than two, on more cores, were not tried.
    """
    return 2 if on_cpu() else 1


def to_numpy(tree: Any) -> Any:
    return {name: np.asarray(keras.ops.convert_to_numpy(value)) for name, value in tree.items()}


def backend_version() -> str:
    if keras.backend.backend() == "jax":
        import jax

        return f"jax {jax.__version__}"
    import tensorflow as tf

    return f"tensorflow {tf.__version__}"


def use_device(request: str, *, precision: str) -> str:
    """Choose the device, fix the precision, and name the device.

    `request` is ``auto``, ``cpu``, ``gpu`` or ``gpu:INDEX``. float32 means float32: the rounding of
    products to 10 bits that GPUs do by default (TF32) is switched off until it is asked for. Raises
    DeviceError when a GPU was asked for and cannot be used, or where Keras runs on neither
    TensorFlow nor JAX.
    """
    if keras.backend.backend() not in ("tensorflow", "jax"):
        raise DeviceError(
            f"Keras runs on {keras.backend.backend()} here, which seqlift does not; set"
            " KERAS_BACKEND=tensorflow before Keras is imported"
        )
    kind, _, index = request.partition(":")
    if keras.backend.backend() == "jax":
        return _use_jax(kind, int(index or 0), precision)
    return _use_tensorflow(kind, int(index or 0))


def _use_tensorflow(kind: str, index: int) -> str:
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)  # on by default on a GPU
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "gpu" and index >= len(gpus):
        raise DeviceError(_no_gpu(index, len(gpus), built=tf.test.is_built_with_cuda()))
    chosen = [] if kind == "cpu" else gpus[index : index + 1]
    if chosen != tf.config.get_visible_devices("GPU"):
        tf.config.set_visible_devices(chosen, "GPU")
    if not chosen:
        return "CPU"
    return str(tf.config.experimental.get_device_details(chosen[0]).get("device_name", "GPU"))


def _use_jax(kind: str, index: int, precision: str) -> str:
    import jax

    keep_compiled_code()
    jax.config.update("jax_default_matmul_precision", "highest")  # else TF32 or bfloat16, by device
    if precision == "float64":  # never switched off: arrays of float64 may be about
        jax.config.update("jax_enable_x64", True)
    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    if kind == "gpu" and index >= len(gpus):
        raise DeviceError(_no_gpu(index, len(gpus), built=jax.default_backend() == "gpu"))
    chosen = jax.devices("cpu")[0] if kind == "cpu" or not gpus else gpus[index]
    jax.config.update("jax_default_device", chosen)
    return "CPU" if chosen.platform == "cpu" else str(chosen.device_kind)


def _no_gpu(index: int, found: int, *, built: bool) -> str:
    if found:
        return f"--device gpu:{index}: there are {found} GPUs, numbered from 0; give a lower number"
    cause = (
        "the driver or the CUDA libraries were not found (run with -vv to see which)"
        if built
        else "this build of the backend has no GPU support"
    )
    return f"--device gpu: no GPU can be used: {cause}; install jax[cuda12] or give --device cpu"
