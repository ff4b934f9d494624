"""The types of options: how their text is read, and the message where it cannot be."""

import math
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from seqlift.attribution import registry


class Device(click.ParamType[str]):
    """``auto``, ``cpu``, ``gpu`` or ``gpu:INDEX``."""

    name = "device"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take the request unchanged, or fail."""
        if not re.fullmatch("auto|cpu|gpu(:[0-9]+)?", str(value)):
            self.fail(f"{value!r} is not auto, cpu, gpu or gpu:INDEX", param, ctx)
        return str(value)


class BatchSize(click.ParamType[int | None]):
    """``auto``, which is None, or a number from 1."""

    name = "batch size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Read the number, or fail."""
        return None if value == "auto" else click.IntRange(min=1).convert(value, param, ctx)


class Registered(click.ParamType[str]):
    """The name of a rule or of a method: seqlift's, or one that the user's own file registers."""

    def __init__(self, name: str, known: Callable[[], Iterable[str]]) -> None:
        self.name, self.known = name, known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take the name, or fail; a file that is still to be run may register any."""
        names = list(self.known())
        if value not in names and not has_own_file(ctx):
            self.fail(f"{value!r} is not one of {', '.join(names)}.", param, ctx)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete a name."""
        return [CompletionItem(name) for name in self.known() if name.startswith(incomplete)]


def has_own_file(ctx: click.Context | None) -> bool:
    """Tell whether a file of the user's will be run, which may register any name."""
    return ctx is not None and isinstance(ctx.params.get("custom_objects"), str)


class LayerRule(click.ParamType[tuple[str, str]]):
    """A layer's name, an equals sign and a rule."""

    name = "layer=rule"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split layer and rule, or fail."""
        layer, _, rule = str(value).rpartition("=")
        if not layer or (rule not in registry.single_rules() and not has_own_file(ctx)):
            known = ", ".join(registry.single_rules())
            self.fail(f"{value!r} is not LAYER=RULE with one of {known}", param, ctx)
        return layer, rule


class Named(click.ParamType[tuple[str, str]]):
    """A name, an equals sign and what follows it."""

    name = "name=value"

    def __init__(self, form: str) -> None:
        """Take the form that a message shows, such as ``NAME=VALUE``."""
        self.form = form

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split name and value, or fail."""
        name, _, text = str(value).partition("=")
        if not name or not text:
            self.fail(f"{value!r} is not {self.form}", param, ctx)
        return name, text


class Shard(click.ParamType[tuple[int, int]]):
    """``3-of-8``: which of how many equal shares, counted from 1."""

    name = "shard"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Split number and count, or fail."""
        found = re.fullmatch("([0-9]{1,9})-of-([1-9][0-9]{0,8})", str(value), re.ASCII)
        if not found:
            self.fail(f"{value!r} is not NUMBER-of-COUNT, such as 3-of-8", param, ctx)
        number, count = int(found[1]), int(found[2])
        if not 1 <= number <= count:
            self.fail(f"{value!r}: shards are numbered from 1 to {count}", param, ctx)
        return number, count


def each_once(
    _context: click.Context, parameter: click.Parameter, pairs: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """Pass pairs of a name and a value on, or fail where a name has two values."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise click.BadParameter(f"{name!r} has two values; leave one out", param=parameter)
    return pairs


def use_backend(_context: click.Context, parameter: click.Parameter, name: str) -> None:
    """Have Keras compute with the library of this name, or fail where another is loaded already."""
    if name == "auto":
        return
    keras = sys.modules.get("keras")
    if keras is not None and keras.config.backend() != name:
        raise click.BadParameter(
            f"Keras computes with {keras.config.backend()} in this program already; start another",
            param=parameter,
        )
    os.environ["KERAS_BACKEND"] = name


class Tolerance(click.ParamType[float]):
    """A finite number above 0."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number, or fail."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0.0 < number < math.inf:
            self.fail(f"{value!r} is not a finite number above 0", param, ctx)
        return number


class Fractions(click.ParamType[tuple[float, float]]):
    """``0.4-0.6``: the least and the largest of two fractions."""

    name = "fractions"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """Split the two, or fail."""
        low, _, high = str(value).partition("-")
        try:
            return float(low), float(high)
        except ValueError:
            self.fail(f"{value!r} is not LOW-HIGH, such as 0.4-0.6", param, ctx)
