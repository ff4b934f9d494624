"""Every form of a convolution computes the same one, as exactly as its precision allows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from conftest import eager_computation
from keras import ops
from nets import Array, numpy

from seqlift.device import convolutions, forms, jax_programs, processor
from seqlift.device.backend import compiled
from seqlift.device.forms import FORMS, Form
from seqlift.errors import InputError
from seqlift.network.primitives.convolution import Convolution

RNG = np.random.default_rng(29)
ON_JAX = keras.backend.backend() == "jax"


class Layer(NamedTuple):
    size: int
    inputs: int
    outputs: int
    taps: int = 3
    dilation: int = 1
    stride: int = 1
    groups: int = 1
    pads: tuple[int, int] = (0, 0)


LAYERS = [
    Layer(31, 8, 8),
    Layer(32, 8, 12, dilation=2),
    Layer(33, 12, 8, dilation=2),
    Layer(61, 8, 8, dilation=4),
    Layer(96, 8, 8, dilation=8),
    Layer(97, 16, 8, dilation=16),
    Layer(131, 8, 16, dilation=32),
    Layer(257, 8, 8, dilation=64),
    Layer(300, 8, 8, dilation=128),
    Layer(777, 8, 8, dilation=256),
    Layer(1100, 8, 8, dilation=512),
    Layer(1025, 8, 8, dilation=512),
    Layer(45, 8, 8, dilation=4, pads=(4, 4)),
    Layer(45, 8, 8, dilation=5, pads=(7, 2)),
    Layer(40, 4, 16, taps=21),
    Layer(50, 8, 8, taps=2, dilation=7),
    Layer(51, 8, 8, taps=5, dilation=3, pads=(6, 6)),
    Layer(40, 8, 12, stride=2),
    Layer(41, 8, 8, dilation=3, groups=4),
    Layer(44, 8, 12, taps=5, stride=3, groups=2, pads=(2, 1)),
]

STATED: dict[str, float] = {
    "float64": 1e-15,
    "float32": 4e-7,
    "float32 halved": 8e-7,
    "tf32": 6e-4,
    "bfloat16": 5e-3,
}
"""Largest root mean square of errors, relative to that of the values (docs/decisions/0020)."""


def convolution(layer: Layer) -> Convolution:
    inputs = layer.inputs // layer.groups
    kernel = RNG.normal(size=(layer.taps, inputs, layer.outputs)) / np.sqrt(layer.taps * inputs)
    return Convolution(kernel, None, (layer.stride,), (layer.dilation,), (layer.pads,), halved=True)


def exactly(layer: Layer, primitive: Convolution, x: Array, m: Array) -> tuple[Array, Array]:
    """Return the convolution and the multipliers of its input, tap by tap in float64."""
    padded = np.pad(x, ((0, 0), layer.pads, (0, 0)))
    count = m.shape[1]
    forward, back = np.zeros(m.shape), np.zeros(padded.shape)
    wide = layer.inputs // layer.groups, layer.outputs // layer.groups
    for tap in range(layer.taps):
        start = tap * layer.dilation
        read = slice(start, start + (count - 1) * layer.stride + 1, layer.stride)
        for group in range(layer.groups):
            before = slice(group * wide[0], (group + 1) * wide[0])
            after = slice(group * wide[1], (group + 1) * wide[1])
            kernel = primitive.kernel[tap, :, after]
            forward[:, :, after] += padded[:, read, before] @ kernel
            back[:, read, before] += m[:, :, after] @ kernel.T
    low, high = layer.pads
    return forward, back[:, low : padded.shape[1] - high]


@contextmanager
def noting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Form]]:
    """Note the form of every convolution."""
    noted: list[Form] = []

    def watched(form: Form, way: Any) -> Any:
        def weigh(*arguments: Any) -> Any:
            noted.append(form)
            return way(*arguments)

        return weigh

    ways = {form: watched(form, way) for form, way in convolutions.WAYS.items()}
    with monkeypatch.context() as patch:
        patch.setattr(convolutions, "WAYS", ways)
        yield noted


def errors(form: Form, precision: Any) -> dict[Layer, float]:
    """Map each layer to its relative error, the larger of there and back; compiled as one."""
    made = [convolution(layer) for layer in LAYERS]
    dtype = "float64" if precision == "float64" else "float32"
    x = [RNG.normal(size=(2, layer.size, layer.inputs)).astype(dtype) for layer in LAYERS]
    m = [
        RNG.normal(size=(2, *one.shape(array.shape[1:]))).astype(dtype)
        for one, array in zip(made, x, strict=True)
    ]

    def there_and_back(*arrays: Any) -> list[Any]:
        halves = zip(made, arrays[: len(x)], arrays[len(x) :], strict=True)
        both = [(one.forward(x), *one.transpose(m, tuple(x.shape[1:]))) for one, x, m in halves]
        return [array for pair in both for array in pair]

    products = precision if precision in ("tf32", "bfloat16") else None
    with forms.forced(form):
        found = list(map(numpy, compiled(there_and_back, products=products)(*x, *m)))
    largest: dict[Layer, float] = {}
    for layer, one, x1, m1 in zip(LAYERS, made, x, m, strict=True):
        pairs = ((found.pop(0), true) for true in exactly(layer, one, x1, m1))
        largest[layer] = max(np.linalg.norm(y - t) / np.linalg.norm(t) for y, t in pairs)
    return largest


FITTING: dict[Form, int] = {"direct": 40, "image": 32, "columns": 31, "halved": 19}
"""Of the 40 convolutions of `LAYERS`, there and back, those that each form computes."""


FIRST = ("float32", "image")
COMPUTED = [
    pytest.param(precision, form, marks=[] if (precision, form) == FIRST else pytest.mark.slow)
    for form in FORMS
    for precision in ("float64", "float32", "tf32", "bfloat16")
    if precision == "float32" or form != "halved"
]
"""Compiling 40 convolutions takes 4 s and more: TensorFlow compiles those of float32, JAX all."""


@pytest.mark.parametrize(("precision", "form"), COMPUTED)
def test_every_form_has_the_numbers_of_float64(
    precision: str, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = STATED.get(f"{precision} {form}", STATED[precision])
    with eager_computation(precision != "float32"), noting(monkeypatch) as noted:
        found = errors(form, precision)
    assert len(noted) == 2 * len(LAYERS) == 40
    assert noted.count(form) == FITTING[form]
    assert {layer: error for layer, error in found.items() if error > stated} == {}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dilation", [1, 6])
def test_a_row_has_the_same_bits_in_any_company(form: Form, dilation: int) -> None:
    primitive = convolution(Layer(43, 16, 16, dilation=dilation))
    rows = RNG.normal(size=(11, 43, 16)).astype(np.float32)
    order = RNG.permutation(11)
    with forms.forced(form):
        whole, moved = (numpy(compiled(primitive.forward)(x)) for x in (rows, rows[order]))
    assert np.array_equal(whole[order], moved)


@pytest.mark.parametrize("form", ["direct", "image", "columns"])
def test_equal_windows_have_equal_values_and_zeros_have_zero(form: Form) -> None:
    """Only half the products lose this: `seqlift.attribution.halving`."""
    primitive = convolution(Layer(47, 16, 16, dilation=4))
    rows = np.repeat(RNG.normal(size=(2, 1, 16)), 47, axis=1).astype(np.float32)
    rows[1, 20:] = 0.0
    with forms.forced(form):
        found = numpy(compiled(primitive.forward)(rows))
    assert np.array_equal(found[0], np.broadcast_to(found[0, :1], found[0].shape))
    assert np.all(found[1, 20:] == 0.0)


WIDE_LAYER = Layer(64, forms.WIDE, forms.WIDE, dilation=2)


@pytest.fixture
def by_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the table choose, where the environment forces a form on all tests."""
    monkeypatch.delenv(forms.VARIABLE, raising=False)


@pytest.mark.usefixtures("by_table")
@pytest.mark.parametrize(
    ("kind", "precision", "expected"),
    [
        ("cpu", "float32", "direct" if ON_JAX else "halved"),
        ("cpu", "tf32", "direct"),
        ("cpu", "float64", "direct"),
        ("gpu", "float64", "direct"),
        *(
            ("gpu", precision, choices[0].form)
            for (kind, precision), choices in forms.CHOICES.items()
            if kind == "gpu"
        ),
    ],
)
def test_the_table_chooses_by_device_and_precision(
    kind: str, precision: Any, expected: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "kind", lambda: kind)
    products = precision if precision in ("tf32", "bfloat16") else None
    dtype = "float64" if precision == "float64" else "float32"
    with noting(monkeypatch) as noted:
        array = ops.convert_to_tensor(RNG.normal(size=(1, 64, forms.WIDE)), dtype)
        compiled(convolution(WIDE_LAYER).forward, products=products)(array)
    assert noted == [expected]


@pytest.mark.usefixtures("by_table")
def test_few_channels_and_other_strides_are_computed_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor, "kind", lambda: "gpu")
    for layer in (Layer(64, 4, 64, dilation=2), Layer(64, 64, 64, stride=2)):
        with noting(monkeypatch) as noted:
            array = RNG.normal(size=(1, 64, layer.inputs)).astype("float32")
            compiled(convolution(layer).forward, products="tf32")(array)
        assert noted == ["direct"]


def test_the_environment_forces_forms_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(forms.VARIABLE, "columns, image")
    with noting(monkeypatch) as noted:
        for layer in (Layer(64, 8, 8, dilation=2), Layer(64, 64, 2, dilation=2, groups=2)):
            array = RNG.normal(size=(1, 64, layer.inputs)).astype("float32")
            compiled(convolution(layer).forward)(array)
    assert noted == ["columns", "image"]
    monkeypatch.setenv(forms.VARIABLE, "columns picture")
    with pytest.raises(InputError, match="SEQLIFT_FORM=picture: not a form; give one of direct, "):
        forms.forced_forms()


@pytest.mark.usefixtures("by_table")
@pytest.mark.skipif(not ON_JAX, reason="TensorFlow gets rounded factors in float32")
def test_on_a_gpu_factors_are_bfloat16_and_sums_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are written: a CPU computes them here."""
    import jax

    monkeypatch.setattr(processor, "kind", lambda: "gpu")
    layer = Layer(97, 32, 32, dilation=16)
    primitive = convolution(layer)
    x = RNG.normal(size=(2, 97, 32)).astype(np.float32)
    forward = compiled(primitive.forward, products="bfloat16")
    text = str(jax.make_jaxpr(forward)(x))
    assert "preferred_element_type=float32" in text
    assert "bf16[2,65,96]" in text
    found = numpy(forward(x))
    true, _ = exactly(layer, primitive, x, np.zeros(found.shape))
    assert found.dtype == np.float32
    assert np.linalg.norm(found - true) <= STATED["bfloat16"] * np.linalg.norm(true)


@pytest.mark.skipif(not ON_JAX, reason="an option that JAX compiles with")
def test_an_option_that_xla_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "kind", lambda: "gpu")
    assert jax_programs.jax_options("tf32") == {}
    monkeypatch.setenv(forms.LAYOUT, "last")
    assert jax_programs.jax_options("tf32") == {jax_programs.NHWC_OPTION: True}
    assert numpy(compiled(lambda x: x + 1.0)(np.ones(2, "float32"))).tolist() == [2.0, 2.0]
    monkeypatch.setattr(jax_programs, "NHWC_OPTION", "xla_gpu_no_such_option")
    assert jax_programs.jax_options("tf32") == {}
    monkeypatch.setenv(forms.LAYOUT, "middle")
    with pytest.raises(InputError, match="SEQLIFT_LAYOUT=middle: not a layout; give first or last"):
        jax_programs.jax_options(None)
