"""Forms of a convolution, and which of them a device computes in which precision.

`CHOICES` is the one place where a measurement changes what is computed: see
docs/decisions/0020. Knows shapes; names no backend.

direct
    The convolution of the framework, with its dilation.
image
    A dilation as a second axis: (B, size, inputs) is read as an image (B, size / dilation,
    dilation, inputs), where the taps are neighbours along the first axis.
columns
    What each tap reads laid next to each other, and one matrix product.
halved
    Half the products, for three taps (`seqlift.device.winograd`); float32 only.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, get_args

from seqlift.device.precision import Precision
from seqlift.device.processor import Processor
from seqlift.errors import InputError

Form = Literal["direct", "image", "columns", "halved"]

FORMS: tuple[Form, ...] = get_args(Form)
VARIABLE = "SEQLIFT_FORM"
"""Of the environment: the form to use wherever it fits, for tests and measurements."""

WIDE = 192
"""Channels from which half the products win a fifth of the time and more on a CPU."""

TILE_TAPS, TILE_OUTPUTS = 3, 4
"""Taps of a kernel of which half the products suffice, and outputs of a tile."""

MOST_COLUMNS = 4
"""How much larger than the arrays before and after it what all taps read may be."""


@dataclass(frozen=True, slots=True)
class Case:
    """A convolution of an array (B, *sizes, channels) by a kernel (*taps, inputs, outputs).

    `allowed` are the forms that backend and precision have, and the caller permits.
    """

    sizes: tuple[int, ...]
    channels: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    allowed: frozenset[Form]

    def width(self) -> int:
        """Count its channels, before or after it, whichever are fewer."""
        return min(self.channels, self.kernel[-1])

    def fits(self, form: Form) -> bool:
        """Tell whether a form computes this convolution at all."""
        if form == "direct":
            return True
        if form not in self.allowed or self.strides != (1,):  # one axis only, too
            return False
        *_, inputs, outputs = self.kernel
        taps, whole = self.kernel[0], self.channels == inputs
        if form == "image":
            return self.dilation[0] > 1
        if form == "columns":
            return whole and taps > 1 and taps * inputs <= MOST_COLUMNS * max(inputs, outputs)
        tiles = whole_tiles(self.sizes[0], self.dilation[0])
        return whole and taps == TILE_TAPS and tiles > 0


def whole_tiles(size: int, dilation: int) -> int:
    """Count the tiles, of `TILE_OUTPUTS` times `dilation` windows each, that fit along `size`."""
    return int((size - (TILE_TAPS - 1) * dilation) // (TILE_OUTPUTS * dilation))


@dataclass(frozen=True, slots=True)
class Choice:
    """A form, and the least number of inputs and of outputs from which it is faster.

    With a `backend` it is a choice for that one only.
    """

    form: Form
    channels: int = 1
    backend: str = ""

    def applies(self, case: Case, backend: str) -> bool:
        """Tell whether to compute a convolution so."""
        if self.backend not in ("", backend) or self.channels > case.width():
            return False
        return case.fits(self.form)


CHOICES: Mapping[tuple[Processor, Precision], tuple[Choice, ...]] = {
    # 1.23 times as fast at 192
    ("cpu", "float32"): (Choice("halved", WIDE, backend="tensorflow"),),
    ("gpu", "float32"): (Choice("halved", WIDE),),  # 64 TFLOP/s for 37.5, on an H200
    ("gpu", "tf32"): (Choice("image", 16),),  # 289 TFLOP/s for 152 with its dilation
    ("gpu", "bfloat16"): (Choice("columns", 16), Choice("image", 16)),  # columns: sums stay float32
}
"""The first that fits is used, and the direct form where none does."""


CHANNELS_LAST: frozenset[Precision] = frozenset()  # none: 129.8 and 130.1 sequences a second
"""Precisions in which a GPU gets arrays with the channels last in memory, from JAX."""

LAYOUT = "SEQLIFT_LAYOUT"
"""Of the environment: ``first`` or ``last``, where the channels are to be, for measurements."""


_FORCED: ContextVar[tuple[Choice, ...] | None] = ContextVar("forced", default=None)


@contextmanager
def forced(*forms: Form) -> Iterator[None]:
    """Have convolutions that are traced inside use the first of `forms` that fits."""
    token = _FORCED.set(tuple(Choice(form) for form in forms))
    try:
        yield
    finally:
        _FORCED.reset(token)


def forced_forms() -> tuple[Choice, ...] | None:
    """Read the forms that are forced, by `forced` or by the environment.

    Raises InputError for a name that is not one of a form.
    """
    within = _FORCED.get()
    names = os.environ.get(VARIABLE, "").replace(",", " ").split()
    if within is not None or not names:  # what a test forces comes before the environment
        return within
    by_name = {str(form): Choice(form) for form in FORMS}
    for name in names:
        if name not in by_name:
            raise InputError(f"{VARIABLE}={name}: not a form; give one of {', '.join(FORMS)}")
    return tuple(by_name[name] for name in names)


def chosen(case: Case, backend: str, kind: Processor, precision: Precision) -> Form:
    """Choose the form of a convolution by a backend, on a kind of device."""
    choices = forced_forms()
    if choices is None:
        choices = CHOICES.get((kind, precision), ())
    return next((one.form for one in choices if one.applies(case, backend)), "direct")


def gpu_channels_last(precision: Precision) -> bool:
    """Tell whether a GPU gets arrays with the channels last in memory."""
    wanted = os.environ.get(LAYOUT, "").strip()
    if wanted not in ("", "first", "last"):
        raise InputError(f"{LAYOUT}={wanted}: not a layout; give first or last")
    return wanted == "last" if wanted else precision in CHANNELS_LAST
