"""Resolve a target: the scalar of a model's outputs that a run explains.

Knows the names and shapes of outputs; knows nothing of rules, nor of how a target is computed.

A request is one of
    NAME                the output of that name, if it has one unit
    NAME:INDEX          one unit of an output, counted from 0
    NAME:POSITION:TRACK one value of an output with positions
    NUMBER:...          the same by the output's place, counted from 0
    INDEX, POSITION:TRACK
                        the same of the only output
    counts, profile, profile-complete
                        of a model with a profile output and a count output (BPNet)
    counts:TASK, profile:TASK, profile-complete:TASK
                        of a model with several of them, TASK being in their names
    all                 every unit of every vector output; counts and profile of a BPNet
Each INDEX, POSITION and TRACK is a number or a range A-B, from A up to, and not including, B, and
what is explained is the sum of the values in the ranges (`seqlift.explain.spans`).
Where an output's last layer is only an activation, the name of the layer before it is another name
of the output. An output's own name goes before a preset, and before a number.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import keras

from seqlift.errors import ModelError
from seqlift.explain.model_outputs import (
    Output,
    model_outputs,
    outputs_named,
    outputs_numbered,
    own_name,
    positional,
    profile_and_counts,
    shapes,
)
from seqlift.explain.spans import Span, form, is_field, output_range, span_text, spans_of
from seqlift.explain.tasks import heads_by_task

Kind = Literal["unit", "counts", "profile", "profile-complete"]

TARGET_PRESETS: tuple[Kind, ...] = ("counts", "profile", "profile-complete")

LISTED_UNITS = 20
"""Units of an output that are listed one by one; more are shown as a range."""


@dataclass(frozen=True, slots=True)
class Target:
    """One scalar to explain.

    `output` is an index into `model.outputs`; `index` a unit of its last axis, None for the sum of
    all units; `spans` has instead the places along each axis whose values are summed; `name` is
    what files and messages call it.
    """

    name: str
    output: int
    index: int | None
    kind: Kind
    spans: tuple[Span, ...] = ()


def targets(model: keras.Model) -> list[str]:
    """List every target of a model, long runs of units as "NAME:0 to NAME:918"."""
    outputs = model_outputs(model)
    hidden = positional(outputs)
    presets: list[str] = [
        preset for preset in TARGET_PRESETS if _preset(preset, outputs) is not None
    ]
    presets += [target.name for target in _of_tasks(TARGET_PRESETS, outputs)]
    units = [
        line
        for output in outputs
        for line in _unit_lines(output, outputs, most=0 if output is hidden else LISTED_UNITS)
    ]
    return [*presets, *(line for line in units if line not in presets)]


def parse_targets(requests: Sequence[str], model: keras.Model) -> tuple[Target, ...]:
    """Resolve requested target names against a model, in their order.

    No request means the only unit of the only output. A request that the model does not have, or
    that is made twice, raises `ModelError` with a line for each.
    """
    outputs = model_outputs(model)
    if not requests:
        return (_default(outputs, model),)
    found: dict[Target, str] = {}
    chosen: list[Target] = []
    problems: list[str] = []
    for request in requests:
        try:
            for target in _requested(request, outputs):
                key = replace(target, name="")
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


def _unit_lines(
    output: Output, outputs: Sequence[Output], *, most: int = LISTED_UNITS
) -> list[str]:
    units, name = output.units, own_name(output, outputs)
    if units is None:
        return [output_range(output, name)] if output.size else []
    if units > max(most, 1):
        return [f"{name}:0 to {name}:{units - 1}"]
    return [_unit(output, name, index).name for index in range(units)]


def _default(outputs: Sequence[Output], model: keras.Model) -> Target:
    if len(outputs) == 1 and outputs[0].size == 1:
        return _unit_of(outputs[0].name, outputs)
    offered = targets(model)
    if not offered:
        raise ModelError(
            f"the model's outputs ({shapes(outputs)}) have no unit to explain; "
            "end it with a Dense layer"
        )
    raise ModelError(
        f"the model has several targets; choose with --target from: {', '.join(offered)}"
    )


def _requested(request: str, outputs: Sequence[Output]) -> list[Target]:
    if request == "all" and not outputs_named("all", outputs):
        return _all(outputs)
    kind, colon, task = request.partition(":")
    if colon and kind in TARGET_PRESETS and not outputs_named(request, outputs):
        target = _of_task(kind, task, outputs)
        if target is not None:
            return [target]
    if request in TARGET_PRESETS:
        preset = _preset(request, outputs)
        if preset is not None:
            return [preset]
        if not outputs_named(request, outputs):
            raise ModelError(_no_preset(request, outputs))
    return [_unit_of(request, outputs)]


def _of_tasks(kinds: Sequence[Kind], outputs: Sequence[Output]) -> list[Target]:
    """List the profiles and counts of every task, nothing where there are not several tasks."""
    heads = heads_by_task(outputs)
    if not heads.several:
        return []
    return [
        Target(f"{kind}:{task}", output.number, None, kind)
        for kind in kinds
        for task, output in heads.of(kind).items()
    ]


def _of_task(kind: str, task: str, outputs: Sequence[Output]) -> Target | None:
    preset = next(one for one in TARGET_PRESETS if one == kind)
    output = heads_by_task(outputs).of(kind).get(task)
    if output is None:
        named = [one for one in outputs_named(task, outputs) if one.name not in TARGET_PRESETS]
        fit = [one for one in named if (one.units if kind == "counts" else one.is_profile)]
        if len(named) == 1 and not fit:
            raise ModelError(_no_preset(f"{kind}:{task}", named))
        output = fit[0] if len(fit) == 1 else None
    return None if output is None else Target(f"{kind}:{task}", output.number, None, preset)


def _no_preset(request: str, outputs: Sequence[Output]) -> str:
    kind = request.partition(":")[0]
    offered = [one.name for one in _of_tasks(TARGET_PRESETS, outputs) if one.kind == kind]
    if offered:
        return f"target {request!r}: the model has several; choose from: {', '.join(offered)}"
    likely = [o for o in outputs if len(o.shape) == 2 or "profile" in o.name.lower()]
    ends = [o for o in likely if kind != "counts" and not o.has_logits]
    why = "".join(f"; {o.name!r} ends in {o.ending}, so it has no logits" for o in ends)
    return (
        f"target {request!r}: the model has no profile and count outputs "
        f"({shapes(outputs)}){why}; ask for one of its units"
    )


def _all(outputs: Sequence[Output]) -> list[Target]:
    if positional(outputs) is not None:
        presets = (_preset(preset, outputs) for preset in ("counts", "profile"))
        return [preset for preset in presets if preset is not None]
    by_task = _of_tasks(("counts", "profile"), outputs)
    if by_task:
        return by_task
    found = [
        _unit(output, own_name(output, outputs), index)
        for output in outputs
        for index in range(output.units or 0)
    ]
    if not found:
        raise ModelError(
            f"target 'all': no output is a vector of units ({shapes(outputs)}); ask for"
            f" {_unit_lines(outputs[0], outputs)[0]}"
        )
    return found


def _unit(output: Output, name: str, index: int) -> Target:
    if output.units == 1:
        numbered = name == str(output.number) and name not in output.names
        return Target(f"{name}:0" if numbered else name, output.number, None, "unit")
    return Target(f"{name}:{index}", output.number, index, "unit")


def _unit_of(request: str, outputs: Sequence[Output]) -> Target:
    """Resolve NAME, or a name or number with a field for each axis."""
    name, fields = _divided(request, outputs)
    candidates = outputs_named(name, outputs) or (outputs_numbered(name, outputs) if fields else [])
    if not candidates:
        raise ModelError(_unknown(request, name, outputs))
    if len(candidates) > 1:
        numbers = " or ".join(f"{output.number}:INDEX" for output in candidates)
        raise ModelError(f"target {request!r}: several outputs have this name; say {numbers}")
    output = candidates[0]
    own = name if name in output.names else own_name(output, outputs)
    if output.units is None and output.size == 1:
        fields = fields or ["0"] * len(output.shape)
    if not fields:
        return _unit(output, own, _only_unit(request, output, outputs))
    vector = replace(output, shape=output.shape or (1,))  # a number for each sequence is one unit
    spans = spans_of(request, fields, vector)
    if output.units and spans[0][1] == spans[0][0] + 1:
        return _unit(output, own, spans[0][0])
    return Target(f"{own}:{span_text(spans)}", output.number, None, "unit", spans)


def _divided(request: str, outputs: Sequence[Output]) -> tuple[str, list[str]]:
    """Divide a request into the name of an output, or its number, and the fields after it."""
    parts = request.split(":")
    cuts = [(":".join(parts[:cut]), parts[cut:]) for cut in range(len(parts), 0, -1)]
    for name, fields in cuts:
        if outputs_named(name, outputs):
            return name, fields
    numbered = outputs_numbered(parts[0], outputs) if len(parts) > 1 else []
    only = outputs[0] if len(outputs) == 1 and all(map(is_field, parts)) else None
    if numbered and (only is None or len(only.shape) != len(parts)):
        return parts[0], parts[1:]
    if only is not None:
        return only.name, parts
    named = [name for name, fields in cuts[1:] if all(map(is_field, fields))]
    return (named or [request.rpartition(":")[0] or request])[-1], []


def _only_unit(request: str, output: Output, outputs: Sequence[Output]) -> int:
    """Find the unit of an output that has one; raise ModelError that lists the choice otherwise."""
    if output.units is None:
        preset = _preset("profile", outputs)
        as_profile = preset is not None and preset.output == output.number
        profile = ", or ask for 'profile'" if as_profile else ""
        raise ModelError(
            f"target {request!r}: output {output.name!r} has the shape {output.shape}; say"
            f" {form(output)}, each a number or a range A-B, which is summed{profile}"
        )
    if output.units > 1:
        raise ModelError(
            f"target {request!r}: output {output.name!r} has {output.units} units; "
            f"say which: {', '.join(_unit_lines(output, outputs))}"
        )
    return 0


def _unknown(request: str, name: str, outputs: Sequence[Output]) -> str:
    names = [name for output in outputs for name in output.names]
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    return f"target {request!r}: the model has no output {name!r}; {remedy}"


def _preset(request: str, outputs: Sequence[Output]) -> Target | None:
    """Find the target of a preset; None if the model has no output for it.

    An output with the preset's own name is taken for it, whatever the others are; for a profile it
    needs positions.
    """
    profile, counts = profile_and_counts(outputs)
    kind = next(kind for kind in get_args(Kind) if kind == request)
    named = outputs_named(request, outputs)
    chosen = counts if kind == "counts" else profile
    fits = kind == "counts" or (len(named) == 1 and named[0].size > 1 and named[0].has_logits)
    if len(named) == 1 and named[0].name == request and fits:
        chosen = named[0]
    return None if chosen is None else Target(request, chosen.number, None, kind)
