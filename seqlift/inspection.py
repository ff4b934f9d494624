"""What a model looks like to seqlift: its targets, and the primitives and rule of each layer.

Knows models and lowering; knows nothing of how a report is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seqlift.attribution.choices import MaxRule, Preset, Rule
from seqlift.attribution.graph import Graph, LayerCall
from seqlift.attribution.lowering.check import check_forward
from seqlift.attribution.lowering.walk import Unsupported, outline, several_inputs
from seqlift.attribution.presets import rules_of
from seqlift.attribution.primitives.base import Input, Linear, Primitive
from seqlift.attribution.primitives.pooling import MaxPool
from seqlift.attribution.primitives.softmax import Softmax
from seqlift.model.load import load
from seqlift.model.outputs import outputs_of
from seqlift.model.target import targets

# A model of any length is shown for one of this many bases.
EXAMPLE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One call of one layer: what it becomes, and how multipliers cross that.

    `shape` is that of its output without the batch axis; `problem` says why the layer cannot be
    scored and what to do, and is empty where it can.
    """

    name: str
    layer_class: str
    shape: tuple[int, ...]
    primitives: tuple[str, ...]
    rule: str
    problem: str


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model file as `seqlift inspect` shows it.

    Input shapes have None where any length is taken. `problems` are what keeps the model from being
    scored, and what to do. `forward_difference` is the largest relative difference between the
    lowered graph and `model.predict`, None where there are problems.
    """

    path: str
    sha256: str
    format: str
    saved_by: str
    inputs: dict[str, tuple[int | None, ...]]
    outputs: dict[str, tuple[int | None, ...]]
    targets: tuple[str, ...]
    parameters: int
    layers: tuple[LayerReport, ...]
    problems: tuple[str, ...]
    forward_difference: float | None


def inspect_model(
    path: str | Path,
    *,
    arch: str | None = None,
    rule: Preset,
    rule_for: Mapping[str, Rule] | None = None,
    max_rule: MaxRule,
) -> ModelReport:
    """Return the report of a model file.

    Raises ModelError where the file cannot be loaded; layers that cannot be scored are reported.
    """
    loaded = load(path, arch=arch)
    model = loaded.model
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    graph = outline(model, [tuple(n or EXAMPLE_LENGTH for n in shape) for shape in shapes])
    layers = layer_reports(graph, rules_of(graph, rule, rule_for), max_rule)
    problems = [layer.problem for layer in layers if layer.problem]
    if len(model.inputs) > 1:
        problems.insert(0, several_inputs(model))
    return ModelReport(
        path=str(path),
        sha256=loaded.sha256,
        format=loaded.format,
        saved_by=loaded.saved_by,
        inputs={tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs},
        outputs={output.name: output.shape for output in outputs_of(model)},
        targets=tuple(targets(model)),
        parameters=model.count_params(),
        layers=layers,
        problems=tuple(dict.fromkeys(problems)),
        forward_difference=None if problems else check_forward(graph, model),
    )


def layer_reports(
    graph: Graph, rules: Mapping[int, Rule], max_rule: MaxRule
) -> tuple[LayerReport, ...]:
    """Return a report for each layer call, in the order of computation."""
    return tuple(report_of(graph, call, rules, max_rule) for call in graph.calls)


def report_of(
    graph: Graph, call: LayerCall, rules: Mapping[int, Rule], max_rule: MaxRule
) -> LayerReport:
    """Return the report of one layer call."""
    primitives = [graph.nodes[i].primitive for i in call.nodes]
    problems = [primitive.problem for primitive in primitives if isinstance(primitive, Unsupported)]
    crossed_by = dict.fromkeys(
        rule_of(primitive, rules.get(i), max_rule)
        for i, primitive in zip(call.nodes, primitives, strict=True)
    )
    if len(crossed_by) > 1:  # what is linear goes without saying beside what is not
        crossed_by.pop("linear", None)
    return LayerReport(
        name=call.layer,
        layer_class=call.layer_class,
        shape=call.shape,
        primitives=tuple(primitive.describe() for primitive in primitives),
        rule=", ".join(crossed_by),
        problem=problems[0] if problems else "",
    )


def rule_of(primitive: Primitive, rule: Rule | None, max_rule: MaxRule) -> str:
    """Return how a multiplier crosses a primitive, in a word or two."""
    if isinstance(primitive, Unsupported):
        return "none"
    if isinstance(primitive, Input):
        return ""
    if isinstance(primitive, Linear) or rule is None:
        return "linear"
    if rule == "gradient":
        return rule
    if isinstance(primitive, MaxPool):
        return f"max ({max_rule})"
    return "rescale (composed)" if isinstance(primitive, Softmax) else rule
