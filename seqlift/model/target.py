"""Which scalar of a model's outputs a run explains.

Knows the names and shapes of outputs; knows nothing of rules, nor of how a target is computed.

A request is one of
    NAME                the output of that name, if it has one unit
    NAME:INDEX          one unit of an output, counted from 0
    NUMBER:INDEX        the same by the output's place, counted from 0
    INDEX               one unit of the only output
    counts, profile, profile-complete
                        of a model with a profile output and a count output (BPNet)
    all                 every unit of every vector output; counts and profile of a BPNet
Where an output's last layer is only an activation, the name of the layer before it is another name
of the output. An output's own name goes before a preset, and before a number.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import keras

from seqlift.errors import ModelError
from seqlift.model.outputs import Output, outputs_of, positional, profile_and_counts

Kind = Literal["unit", "counts", "profile", "profile-complete"]

PRESETS: tuple[Kind, ...] = ("counts", "profile", "profile-complete")

LISTED_UNITS = 20
"""Units of an output that are listed one by one; more are shown as a range."""


@dataclass(frozen=True, slots=True)
class Target:
    """One scalar to explain.

    `output` is an index into `model.outputs`; `index` a unit of its last axis, None for the sum of
    all units; `name` is what files and messages call it.
    """

    name: str
    output: int
    index: int | None
    kind: Kind


def targets(model: keras.Model) -> list[str]:
    """Return every request a model answers, long runs of units as "NAME:0 to NAME:918"."""
    outputs = outputs_of(model)
    hidden = positional(outputs)
    presets = [preset for preset in PRESETS if _preset(preset, outputs) is not None]
    units = [line for o in outputs if o is not hidden for line in _unit_lines(o, outputs)]
    return [*presets, *(line for line in units if line not in presets)]


def parse(requests: Sequence[str], model: keras.Model) -> tuple[Target, ...]:
    """Return the targets that `requests` ask of a model, in their order.

    No request means the only unit of the only output. What the model does not have, or what is
    asked twice, raises `ModelError` with a line for each.
    """
    outputs = outputs_of(model)
    if not requests:
        return (_default(outputs, model),)
    found: dict[tuple[int, int | None, Kind], str] = {}
    chosen: list[Target] = []
    problems: list[str] = []
    for request in requests:
        try:
            for target in _requested(request, outputs):
                key = target.output, target.index, target.kind
                if key in found:
                    raise ModelError(
                        f"target {request!r}: already asked for as {found[key]!r}; leave one out"
                    )
                found[key] = request
                chosen.append(target)
        except ModelError as problem:
            problems += problem.problems
    if problems:
        raise ModelError(*problems)
    return tuple(chosen)


def _unit_lines(output: Output, outputs: Sequence[Output]) -> list[str]:
    """Return what one asks the units of an output by, a range where they are many."""
    units, name = output.units, _own_name(output, outputs)
    if units is None:
        return []
    if units > LISTED_UNITS:
        return [f"{name}:0 to {name}:{units - 1}"]
    return [_unit(output, name, index).name for index in range(units)]


def _own_name(output: Output, outputs: Sequence[Output]) -> str:
    """Return the name of an output, its number where several have that name."""
    return output.name if len(_named(output.name, outputs)) == 1 else str(output.number)


def _default(outputs: Sequence[Output], model: keras.Model) -> Target:
    if len(outputs) == 1 and outputs[0].units == 1:
        return Target(outputs[0].name, 0, None, "unit")
    offered = targets(model)
    if not offered:
        raise ModelError(
            f"the model's outputs ({_shapes(outputs)}) have no unit to explain; "
            "end it with a Dense layer"
        )
    raise ModelError(f"the model has several targets; choose from: {', '.join(offered)}")


def _shapes(outputs: Sequence[Output]) -> str:
    return ", ".join(f"{output.name} {output.shape}" for output in outputs)


def _requested(request: str, outputs: Sequence[Output]) -> list[Target]:
    """Return the targets of one request."""
    if request == "all" and not _named("all", outputs):
        return _all(outputs)
    if request in PRESETS:
        preset = _preset(request, outputs)
        if preset is not None:
            return [preset]
        if not _named(request, outputs):
            raise ModelError(
                f"target {request!r}: the model has no profile and count outputs "
                f"({_shapes(outputs)}); ask for one of its units"
            )
    return [_unit_of(request, outputs)]


def _all(outputs: Sequence[Output]) -> list[Target]:
    if positional(outputs) is not None:
        presets = (_preset(preset, outputs) for preset in ("counts", "profile"))
        return [preset for preset in presets if preset is not None]
    found = [
        _unit(output, _own_name(output, outputs), index)
        for output in outputs
        for index in range(output.units or 0)
    ]
    if not found:
        raise ModelError(
            f"target 'all': no output is a vector of units ({_shapes(outputs)}); "
            "end the model with a Dense layer"
        )
    return found


def _unit(output: Output, name: str, index: int) -> Target:
    if output.units == 1:
        numbered = name == str(output.number) and name not in output.names
        return Target(f"{name}:0" if numbered else name, output.number, None, "unit")
    return Target(f"{name}:{index}", output.number, index, "unit")


def _unit_of(request: str, outputs: Sequence[Output]) -> Target:
    """Return the target of NAME, NAME:INDEX, NUMBER:INDEX or INDEX."""
    name, colon, index = request.rpartition(":")
    if _named(request, outputs):
        name, index = request, ""
    elif not colon:
        if not (len(outputs) == 1 and re.fullmatch(r"\d+", request)):
            raise ModelError(_unknown(request, request, outputs))
        name, index = outputs[0].name, request
    elif not re.fullmatch(r"\d+", index):
        raise ModelError(f"target {request!r}: {index!r} is not a whole number; say NAME:INDEX")
    candidates = _named(name, outputs) or _numbered(name, outputs)
    if not candidates:
        raise ModelError(_unknown(request, name, outputs))
    if len(candidates) > 1:
        numbers = " or ".join(f"{output.number}:INDEX" for output in candidates)
        raise ModelError(f"target {request!r}: several outputs have this name; say {numbers}")
    output = candidates[0]
    shown = name if name in output.names else _own_name(output, outputs)
    return _unit(output, shown, _checked_index(request, index, output, outputs))


def _checked_index(request: str, index: str, output: Output, outputs: Sequence[Output]) -> int:
    """Return the unit asked for, which an output of one unit need not be asked for."""
    if output.units is None:
        raise ModelError(
            f"target {request!r}: output {output.name!r} has the shape {output.shape}, not a "
            "vector of units; ask for 'counts' or 'profile' if the model has them"
        )
    if not index and output.units > 1:
        raise ModelError(
            f"target {request!r}: output {output.name!r} has {output.units} units; "
            f"say which: {', '.join(_unit_lines(output, outputs))}"
        )
    if int(index or 0) >= output.units:
        last = output.units - 1
        units = f"the units 0 to {last}" if last else "the unit 0 only"
        raise ModelError(f"target {request!r}: output {output.name!r} has {units}; ask for one")
    return int(index or 0)


def _named(name: str, outputs: Sequence[Output]) -> list[Output]:
    """Return the outputs of that name, own names before those of layers before an activation."""
    own = [output for output in outputs if output.name == name]
    return own or [output for output in outputs if name in output.names]


def _numbered(name: str, outputs: Sequence[Output]) -> list[Output]:
    return [output for output in outputs if str(output.number) == name]


def _unknown(request: str, name: str, outputs: Sequence[Output]) -> str:
    names = [name for output in outputs for name in output.names]
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    return f"target {request!r}: the model has no output {name!r}; {remedy}"


def _preset(request: str, outputs: Sequence[Output]) -> Target | None:
    """Return the target of a preset, None if the model has no output for it.

    An output with the preset's own name is taken for it, whatever the others are; for a profile it
    needs positions.
    """
    profile, counts = profile_and_counts(outputs)
    kind = next(kind for kind in get_args(Kind) if kind == request)
    named = _named(request, outputs)
    chosen = counts if kind == "counts" else profile
    if len(named) == 1 and named[0].name == request and (kind == "counts" or named[0].size > 1):
        chosen = named[0]
    return None if chosen is None else Target(request, chosen.number, None, kind)
