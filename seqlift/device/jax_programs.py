"""Programs that JAX compiles: the options of XLA, and large arrays of weights as arguments.

Only the modules of this folder name a backend.
"""

import logging
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from threading import Lock
from typing import Any

import numpy as np

from seqlift.device import forms, processor
from seqlift.device.precision import Products
from seqlift.system import kept_code

log = logging.getLogger(__name__)

NHWC_OPTION = "xla_gpu_force_conv_nhwc"
"""XLA's option that has convolutions of float32 read channels last, as those of bfloat16 are."""


KEPT_CODE_SETTINGS = {
    "jax_persistent_cache_enable_xla_caches": "xla_gpu_per_fusion_autotune_cache_dir",
    "jax_persistent_cache_min_entry_size_bytes": -1,  # however small
    "jax_persistent_cache_min_compile_time_secs": 0,  # however quickly compiled
}
"""Settings of JAX that have all compiled code kept, and what was found to be fast on a GPU."""


def keep_compiled_code() -> None:
    """Have JAX keep compiled code in the user's folder, unless it has a folder already.

    JAX finds it again by the program, its options and the device.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is not None:  # the user's own choice
        return
    place = kept_code.folder_for(f"jax {jax.__version__} jaxlib {version('jaxlib')}")
    if place is None:
        return
    for name, value in KEPT_CODE_SETTINGS.items():
        jax.config.update(name, value)
    jax.config.update("jax_compilation_cache_dir", str(place))


def jitted_by_jax(
    traced: Callable[..., Any], products: Products | None, least: int | None
) -> Callable[..., Any]:
    """Compile a function on its first call, with arrays of `least` values as arguments."""
    import jax

    options = jax_options(products)
    if least is None:
        compiled_whole: Callable[..., Any] = jax.jit(traced, compiler_options=options)
        return compiled_whole
    return _with_large_arguments(traced, least, options)


def jax_options(products: Products | None) -> dict[str, bool]:
    """Choose options of XLA that JAX compiles with."""
    if processor.on_cpu() or not forms.gpu_channels_last(products or "float32"):
        return {}
    options = {NHWC_OPTION: True}
    return options if _known_to_xla(NHWC_OPTION) else {}


@cache
def _known_to_xla(option: str) -> bool:
    import jax

    try:
        jax.jit(lambda x: x, compiler_options={option: True})(0.0)
    except jax.errors.JaxRuntimeError as error:
        log.warning("compiled without %s: %s", option, error)
        return False
    return True


def _with_large_arguments(
    traced: Callable[..., Any], least: int, options: dict[str, bool]
) -> Callable[..., Any]:
    """Compile a function for JAX with the arrays of `least` values it reads as arguments."""
    import jax

    programs: dict[Any, Callable[..., Any]] = {}
    compiling = Lock()

    def compiled_for(arguments: tuple[Any, ...]) -> Callable[..., Any]:
        # JAX makes constants of arrays that a function closes over; its trace lists them.
        closed, result = jax.make_jaxpr(traced, return_shape=True)(*arguments)
        structure, consts = jax.tree.structure(result), closed.consts
        large = [np.size(const) >= least for const in consts]
        handed = [const for const, is_large in zip(consts, large, strict=True) if is_large]
        small = [const for const, is_large in zip(consts, large, strict=True) if not is_large]

        def whole(handed: list[Any], *leaves: Any) -> list[Any]:
            both = {True: iter(handed), False: iter(small)}
            return list(jax.core.eval_jaxpr(closed.jaxpr, [next(both[i]) for i in large], *leaves))

        jitted = jax.jit(whole, compiler_options=options)
        return lambda *leaves: jax.tree.unflatten(structure, jitted(handed, *leaves))

    def call(*arguments: Any) -> Any:
        leaves, structure = jax.tree.flatten(arguments)
        key = structure, tuple((np.shape(leaf), str(leaf.dtype)) for leaf in leaves)
        with compiling:  # two batches side by side would each trace and compile the same program
            if key not in programs:
                programs[key] = compiled_for(arguments)
        return programs[key](*leaves)

    return call
