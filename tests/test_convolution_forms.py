"""XLA is handed no padding for convolutions whose loops would then read outside the array.

`convolution_search.py` finds those forms; a crash would end the tests, so the form is asserted.
"""

import re
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import Array, largest, numpy

import seqlift
from seqlift.device.backend import compiled
from seqlift.device.forms import forced
from seqlift.device.processor import on_cpu
from seqlift.device.xla import compiled_by_xla
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.depthwise import Depthwise
from seqlift.network.primitives.shape import Pad, pad_or_crop

pytestmark = pytest.mark.engine

RNG = np.random.default_rng(23)
PADS = (20, 30)
FORMS: dict[str, tuple[type[Convolution] | type[Depthwise], tuple[int, ...], int]] = {
    "one tap, one channel": (Convolution, (1, 1, 1), 9),
    "two taps, one channel": (Convolution, (2, 1, 1), 9),
    "one tap to two channels": (Convolution, (1, 1, 2), 9),
    "one tap from two channels": (Convolution, (1, 2, 1), 9),
    "more taps than positions": (Convolution, (5, 1, 1), 3),
    "one channel, two filters": (Depthwise, (1, 1, 2), 9),
    "one channel by itself": (Depthwise, (3, 1, 1), 2),
}
"""By what they are: the primitive, its kernel and the number of positions."""


def primitive(form: str) -> tuple[Convolution | Depthwise, tuple[int, int]]:
    kind, kernel, size = FORMS[form]
    return kind(RNG.normal(size=kernel), None, (1,), (1,), (PADS,)), (size, kernel[1])


def convolutions(function: Any, *given: Array) -> list[str]:
    """List the convolutions of a function that XLA compiled, with their padding."""
    return re.findall(r".*\bconvolution\(.*", optimised(function, *given))


def optimised(function: Any, *given: Array) -> str:
    """Have XLA compile a function, and write down what it computes."""
    if keras.backend.backend() == "jax":
        import jax

        return str(jax.jit(function).lower(*given).compile().as_text())
    import tensorflow as tf

    def traced(truth: Any, *arguments: Any) -> Any:
        with compiled_by_xla(truth):
            return function(*arguments)

    whole = tf.function(traced, autograph=False, jit_compile=True)
    tensors = [tf.constant(array) for array in (True, *given)]
    return str(whole.experimental_get_compiler_ir(*tensors)(stage="optimized_hlo"))


def weighed(kernel: Array, array: Array) -> Array:
    """Return the windows of a padded array, each tap in turn."""
    around = np.pad(array, ((0, 0), PADS, (0, 0)))
    taps = len(kernel)
    count = around.shape[1] - taps + 1
    return np.asarray(sum(around[:, k : k + count] @ kernel[k] for k in range(taps)))


def test_no_padding_is_made_part_of_a_convolution_that_xla_writes_as_loops() -> None:
    """The numbers are those of the sums, forwards and backwards."""
    made_of = [primitive(form) for form in FORMS]
    given = [RNG.normal(size=(3, *shape)).astype(np.float32) for _, shape in made_of]
    above = [RNG.normal(size=(3, *one.shape(shape))).astype(np.float32) for one, shape in made_of]

    def there_and_back(given: list[Any], above: list[Any]) -> list[Any]:
        forward = [one.forward(x) for (one, _), x in zip(made_of, given, strict=True)]
        back = [one.transpose(m, s)[0] for (one, s), m in zip(made_of, above, strict=True)]
        return forward + back

    def flat(*arrays: Any) -> list[Any]:
        return there_and_back(list(arrays[: len(given)]), list(arrays[len(given) :]))

    found = [numpy(array) for array in compiled(flat)(*given, *above)]
    for (one, _), x, y in zip(made_of, given, found, strict=False):
        assert largest(y, weighed(one.kernel, x)) <= 1e-6
    for (one, _), m, x, y in zip(made_of, above, given, found[len(given) :], strict=True):
        (changed,) = (weighed(one.kernel, x) * m).reshape(3, -1).sum(axis=1)[None]
        assert largest((x * y).reshape(3, -1).sum(axis=1), changed) <= 1e-5
    if not on_cpu():
        return  # a GPU has convolutions of its own, and no loops
    lines = convolutions(flat, *given, *above)
    assert lines
    assert not [line for line in lines if "pad=" in line]


def test_an_array_that_is_cropped_away_leaves_the_padding() -> None:
    array = ops.convert_to_tensor(RNG.normal(size=(2, 3, 1)))
    for pads, size in [((-5, 6), 4), ((4, -3), 4), ((-3, 0), 0), ((-2, 1), 2)]:
        found = numpy(pad_or_crop(array, (pads, (0, 0)), value=7.0))
        around = np.pad(numpy(array), ((0, 0), (9, 9), (0, 0)), constant_values=7.0)
        assert found.shape == (2, size, 1)
        if size:
            assert np.array_equal(found, around[:, 9 - pads[0] : 9 - pads[0] + size])
    assert numpy(Pad(((-3, 1), (0, 0))).forward(array)).shape == (2, 1, 1)


def test_cropping_is_not_made_the_padding_of_a_convolution_of_one_channel() -> None:
    """A batch of this network read before its arrays, which ended the process."""
    sequence = layers.Input((60, 4))
    found = layers.Conv1D(1, 3, activation="relu")(sequence)
    shown = layers.Cropping1D(20)(layers.Conv1D(1, 1)(found))
    net = keras.Model(sequence, layers.Dense(1)(layers.Flatten()(layers.ReLU()(shown))))
    engine = seqlift.Explainer(net, device="cpu", rule="rescale").engine((60, 4))
    codes = RNG.integers(0, 4, (9, 3, 60)).astype(np.uint8)
    with forced("direct"):
        lines = convolutions(engine.explain_own, codes[:, 0], codes[:, 1:])
    assert any("size=3" in line for line in lines)
    assert not [line for line in lines if "size=1 pad=" in line]
