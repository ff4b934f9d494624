"""Report a model as seqlift sees it: its targets, and the primitives and rule of each layer.

For a file that is refused, the layers are shown as the file describes them, and none is built.
Knows models and lowering; knows nothing of how a report is shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqlift.attribution.propagation.passes import Rules
from seqlift.attribution.propagation.rule import Rule
from seqlift.errors import ModelError
from seqlift.explain.copied_inputs import InputValue
from seqlift.explain.engines import as_weighed, method_asked
from seqlift.explain.explainer_settings import ExplainerSettings
from seqlift.explain.extra_inputs import ExtraInputs, no_bases, resolve
from seqlift.explain.model_outputs import model_outputs
from seqlift.explain.target import targets
from seqlift.intervals import CHANNELS
from seqlift.lowering.check import check_forward
from seqlift.lowering.input_layout import Layout, layout_of
from seqlift.lowering.walk import Unsupported, outline
from seqlift.models.keras_settings import default_settings
from seqlift.models.load import DescribedModel, describe, load
from seqlift.models.plans.plan import LayerPlan, NetworkPlan, every_layer
from seqlift.models.refused import RefusedLayersError
from seqlift.network.graph import Graph, LayerCall
from seqlift.network.primitives.base import Constant, Input, Primitive

# A model of any length is shown for one of this many bases.
EXAMPLE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One call of one layer: its primitives, and the rule that propagates multipliers through.

    `shape` is that of its output without the batch axis, None where it is not known; `problem` says
    why the layer cannot be scored and what to do, and is empty where it can.
    """

    name: str
    layer_class: str
    shape: tuple[int | None, ...] | None
    primitives: tuple[str, ...]
    rule: str
    problem: str


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model file as `seqlift inspect` shows it.

    Input shapes have None where any length is taken. `problems` are what keeps the model from being
    scored, and what to do. `forward_difference` is the largest relative difference between the
    lowered graph and `model.predict` of the model as rebuilt from the file, None where there are
    problems. `notes` are those of a `LoadedModel`. Where the file is `refused`,
    the layers are as the file describes them, and the facts of a built model are missing:
    `targets` are empty, `parameters` and shapes None.
    """

    path: str
    sha256: str
    format: str
    saved_by: str
    inputs: dict[str, tuple[int | None, ...]]
    outputs: dict[str, tuple[int | None, ...] | None]
    targets: tuple[str, ...]
    parameters: int | None
    layers: tuple[LayerReport, ...]
    problems: tuple[str, ...]
    forward_difference: float | None
    refused: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@default_settings()
def inspect_model(
    path: str | Path,
    settings: ExplainerSettings | None = None,
    **options: Any,
) -> ModelReport:
    """Describe a model file; settings and options are those of an explainer.

    Raises ModelError where the file's architecture cannot be read, InputError where `inputs` do not
    fit; what keeps the model from being loaded or scored is reported.
    """
    asked = replace(settings or ExplainerSettings(), **options)
    arch = asked.arch
    try:
        loaded = load(
            path, arch=arch, recipes=dict(asked.recipes), custom_objects=asked.custom_objects
        )
    except ModelError as refusal:
        try:
            described = describe(path, arch=arch)
        except ModelError:
            raise refusal from None
        own: dict[str, str] = {}
        if isinstance(refusal, RefusedLayersError):
            own = {name: f"{arch or path}: {line}" for name, line in refusal.layers.items()}
        return refused_report(str(path), described, refusal.problems, own)
    model = loaded.model
    extra_inputs, problems = inputs_decided(model, dict(asked.inputs))
    layout = layout_of(model.inputs[extra_inputs.sequence].shape[1:])
    lower_kwargs: dict[str, Any] = {
        "sequence": extra_inputs.sequence,
        "held": extra_inputs.held,
        "layout": layout,
    }
    lower_kwargs["copies"] = extra_inputs.copies
    graph = outline(model, example_shapes(model, extra_inputs.sequence, layout), **lower_kwargs)
    chosen = method_asked(asked)
    layers = layer_reports(graph, chosen.rules(graph))
    if not problems and layout is None:
        problems.append(no_bases(model, extra_inputs, loaded))
    problems += [layer.problem for layer in layers if layer.problem]
    if not problems:
        graph = as_weighed(graph, asked)
    return ModelReport(
        path=str(path),
        sha256=loaded.sha256,
        format=loaded.format,
        saved_by=loaded.saved_by,
        inputs={tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs},
        outputs={output.name: output.shape for output in model_outputs(model)},
        targets=tuple(targets(model)),
        parameters=model.count_params(),
        layers=layers,
        problems=tuple(dict.fromkeys(problems)),
        forward_difference=None if problems else check_forward(graph, model, **lower_kwargs),
        notes=loaded.notes,
        warnings=extra_inputs.warnings(model),
    )


def refused_report(
    path: str, described: DescribedModel, problems: tuple[str, ...], refused: Mapping[str, str]
) -> ModelReport:
    """Describe a file whose layers are known, but which is not loaded because of `problems`.

    `refused` are the problems of single layers, by name.
    """
    network = described.plan
    top = {plan.name: plan for plan in network.layers}
    first = [ref.layer for ref in network.inputs] or list(top)[:1]
    last = [ref.layer for ref in network.outputs] or list(top)[-1:]
    known = {name: planned_shape(top[name]) for name in first if name in top}
    return ModelReport(
        path=path,
        sha256=described.sha256,
        format=described.format,
        saved_by=described.saved_by,
        inputs={name: shape for name, shape in known.items() if shape is not None},
        outputs=dict.fromkeys(last),
        targets=(),
        parameters=None,
        layers=tuple(
            described_layer(name, plan, (refused.get(plan.name, ""), *problems))
            for name, plan in layer_rows(network)
        ),
        problems=problems,
        forward_difference=None,
        refused=True,
    )


def layer_rows(network: NetworkPlan, within: str = "") -> Iterator[tuple[str, LayerPlan]]:
    """Yield each layer after its name, prefixed by the networks and wrappers it is in."""
    for plan in network.layers:
        if isinstance(plan, NetworkPlan):
            yield from layer_rows(plan, f"{within}{plan.name}/")
            continue
        for layer in every_layer(plan):
            yield within + (layer.name if layer is plan else f"{plan.name}/{layer.name}"), layer


def described_layer(name: str, plan: LayerPlan, problems: tuple[str, ...]) -> LayerReport:
    """Describe a layer that is not built; the first problem that names it is its own."""
    named = tuple(f"layer {plan.name!r}{end}" for end in (" ", ":"))
    own = [problem for problem in problems if any(words in problem for words in named)]
    return LayerReport(
        name=name,
        layer_class=str(plan.class_name),
        shape=planned_shape(plan),
        primitives=("refused",) if own else (),
        rule="none" if own else "",
        problem=own[0] if own else "",
    )


def planned_shape(plan: LayerPlan | NetworkPlan) -> tuple[int | None, ...] | None:
    key = {"InputLayer": "shape", "Reshape": "target_shape"}.get(plan.class_name)
    if key is None or isinstance(plan, NetworkPlan):
        return None
    written = plan.settings.get(key)
    if not isinstance(written, list | tuple):
        return None
    known = all(n is None or (isinstance(n, int) and n >= 0) for n in written)
    return tuple(written) if known else None


def inputs_decided(model: Any, inputs: Mapping[str, InputValue]) -> tuple[ExtraInputs, list[str]]:
    """Resolve the model's inputs, and collect the problems where they are undecided.

    Then the first input that could take a sequence is shown as the one that does.
    """
    try:
        return resolve(model, inputs), []
    except ModelError as problem:
        likely = (i for i, tensor in enumerate(model.inputs) if layout_of(tensor.shape[1:]))
        return ExtraInputs(next(likely, 0)), list(problem.problems)


def example_shapes(model: Any, sequence: int, layout: Layout | None) -> list[tuple[int, ...]]:
    """Choose a shape for each input, open extents closed; the sequence's is (bases, 4)."""
    shapes = [tuple(n or EXAMPLE_LENGTH for n in tensor.shape[1:]) for tensor in model.inputs]
    if layout is not None:
        shapes[sequence] = layout.shape[0] or EXAMPLE_LENGTH, CHANNELS
    return shapes


def layer_reports(graph: Graph, rules: Rules) -> tuple[LayerReport, ...]:
    return tuple(report_of(graph, call, rules) for call in graph.calls)


def report_of(graph: Graph, call: LayerCall, rules: Rules) -> LayerReport:
    primitives = [graph.nodes[i].primitive for i in call.nodes]
    problems = [primitive.problem for primitive in primitives if isinstance(primitive, Unsupported)]
    rules_used = dict.fromkeys(
        rule_of(primitive, rules.get(i))
        for i, primitive in zip(call.nodes, primitives, strict=True)
    )
    if len(rules_used) > 1:  # linear steps need no mention next to a rule
        rules_used.pop("linear", None)
    return LayerReport(
        name=call.layer,
        layer_class=call.layer_class,
        shape=call.shape,
        primitives=tuple(primitive.describe() for primitive in primitives),
        rule=", ".join(rules_used),
        problem=problems[0] if problems else "",
    )


def rule_of(primitive: Primitive, rule: Rule | None) -> str:
    """Name how multipliers propagate through a primitive, in a word or two."""
    if isinstance(primitive, Unsupported):
        return "none"
    if isinstance(primitive, (Input, Constant)):
        return ""
    if rule is None:
        return "linear"
    row = rule.row(primitive)
    return rule.name if rule.at_sequence and row.label != "linear" else row.label or rule.name
