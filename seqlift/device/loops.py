"""Loops inside compiled functions: one piece of code that runs once for each row of some arrays.

Only the modules of this folder name a backend.
"""

from collections.abc import Callable
from typing import Any

import keras

Array = Any


def mapped(function: Callable[..., Any], *arrays: Array) -> Any:
    """Compute `function` of each row of `arrays`, one after another, and stack what it gives.

    The first row is traced once more before the loop: `function` may keep what it computes of
    nothing but its surroundings, and then has it from there in the loop. The compiler drops the
    rest of that trace.
    """
    first = function(*(array[0] for array in arrays))
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.map(lambda rows: function(*rows), arrays)
    import tensorflow as tf

    if tf.executing_eagerly():  # a loop of TensorFlow would rewrite all code in it first
        further = [function(*(array[i] for array in arrays)) for i in range(1, len(arrays[0]))]
        return keras.tree.map_structure(lambda *rows: tf.stack(rows), first, *further)
    return tf.map_fn(
        lambda rows: function(*rows),
        arrays,
        fn_output_signature=keras.tree.map_structure(tf.TensorSpec.from_tensor, first),
        parallel_iterations=1,  # of a graph that is not compiled as a whole: more take more memory
    )
