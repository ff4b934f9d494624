"""Walk once over a Keras model and lower it to a graph of primitives.

Sequential, Functional and nested models, layers called several times, layers with several inputs. A
layer without lowering stands in the graph as `Unsupported`, so that all of them can be named at
once.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from numpy.typing import NDArray

from seqlift.errors import ModelError
from seqlift.lowering.compositions.place import Arguments, Lower, Place, Tensor, without_none
from seqlift.lowering.compositions.traced import NOT_TRACED, arguments_of, traced
from seqlift.lowering.input_layout import Copy, Layout, add_copy, add_sequence
from seqlift.lowering.layers.activation import ACTIVATION_LAYERS
from seqlift.lowering.layers.adaptive import ADAPTIVE_LAYERS
from seqlift.lowering.layers.attention import ATTENTION_LAYERS
from seqlift.lowering.layers.locally_connected import LOCAL_LAYERS
from seqlift.lowering.layers.masks import lower_masked_softmax
from seqlift.lowering.layers.merging import MERGING_LAYERS
from seqlift.lowering.layers.normalization import NORMALIZATION_LAYERS
from seqlift.lowering.layers.recurrent import RECURRENT_LAYERS
from seqlift.lowering.layers.resizing import RESIZING_LAYERS
from seqlift.lowering.layers.value import OF_THE_BATCH, VALUE_LAYERS
from seqlift.lowering.layers.window import WINDOW_LAYERS
from seqlift.lowering.layers.wrapper import PLACE_LAYERS, time_distributed
from seqlift.lowering.operations.table import OPERATIONS
from seqlift.models.random_layers import draws_in_training
from seqlift.network.graph import Graph, GraphBuilder
from seqlift.network.primitives.base import Primitive, Shape


def lower_wrapped(layer: Any, place: Place, node: int, *, training: bool = False) -> Any:
    if training:
        raise place.refuse(OF_THE_BATCH)
    return lowered(layer.layer, place, (Tensor(node),), {})


def lower_inner(layer: Any, place: Place, node: int) -> int:
    arguments: Arguments = ((Tensor(node),), {})
    inner = inner_model(layer, arguments, place)
    if inner is not None:
        (result,) = walk(inner, [node], place.builder, f"{place.layer}/")
        return result
    return int(lowered(layer, place, *arguments))


def is_walked(layer: Any) -> bool:
    """Tell whether a layer is a model whose layers are lowered one by one."""
    return isinstance(layer, keras.Sequential) or (
        # a subclass has no graph
        isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth")
    )


LOWERINGS: dict[type, Lower] = (
    ACTIVATION_LAYERS
    | VALUE_LAYERS
    | WINDOW_LAYERS
    | ADAPTIVE_LAYERS
    | RESIZING_LAYERS
    | RECURRENT_LAYERS
    | NORMALIZATION_LAYERS
    | MERGING_LAYERS
    | ATTENTION_LAYERS
    | PLACE_LAYERS
    | {keras.layers.SpectralNormalization: lower_wrapped}
    | {keras.layers.Softmax: lower_masked_softmax}
    | {keras.layers.TimeDistributed: time_distributed(lower_inner)}
)


@dataclass(frozen=True, slots=True)
class Unsupported(Primitive):
    """A layer that cannot be lowered; it knows the shape Keras gives it, and nothing else."""

    problem: str
    output_shape: Shape

    def shape(self, *shapes: Shape) -> Shape:
        return self.output_shape

    def describe(self) -> str:
        return "unsupported"


def lower(
    model: keras.Model,
    input_shape: Shape,
    *,
    sequence: int = 0,
    held: Mapping[int, NDArray[Any]] | None = None,
    copies: Mapping[int, Copy] | None = None,
    layout: Layout | None = None,
) -> Graph:
    """Lower `model` to primitives, for sequences of `input_shape` (without the batch axis).

    `sequence` is the number of the model's input that takes the sequence; `held` are the values of
    inputs that are the same for every row, by number; `copies` take the sequence too. Other inputs
    are fed row by row. With a `layout` the shape is (bases, 4), which the model takes laid out so.
    Raises ModelError, naming every layer that cannot be lowered.
    """
    taken = {sequence, *(copies or {})}
    shapes = [
        input_shape if number in taken else closed_shape(tensor)
        for number, tensor in enumerate(model.inputs)
    ]
    options: dict[str, Any] = {"held": held, "copies": copies, "layout": layout}
    graph = outline(model, shapes, sequence=sequence, **options)
    problems = [
        node.primitive.problem for node in graph.nodes if isinstance(node.primitive, Unsupported)
    ]
    if problems:
        raise ModelError(*dict.fromkeys(problems))
    return graph


def outline(
    model: keras.Model,
    input_shapes: Sequence[Shape],
    *,
    sequence: int = 0,
    held: Mapping[int, NDArray[Any]] | None = None,
    copies: Mapping[int, Copy] | None = None,
    layout: Layout | None = None,
) -> Graph:
    """Lower `model` to primitives, with `Unsupported` where a layer cannot be lowered.

    `input_shapes` has one for each input; `sequence`, `held`, `copies` and `layout` are those of
    `lower`.
    """
    builder = GraphBuilder()
    order = sorted(range(len(model.inputs)), key=lambda number: number != sequence)
    nodes = dict.fromkeys(range(len(model.inputs)), 0)
    for number in order:  # the sequence first
        value, name = (held or {}).get(number), model.inputs[number].name
        if number in (copies or {}):
            bases = input_shapes[sequence][0]
            nodes[number] = add_copy(builder, (copies or {})[number], bases, name)
            continue
        nodes[number] = builder.add_input(input_shapes[number], name, value)
        if layout is not None and number == sequence:
            nodes[number] = add_sequence(builder, layout, input_shapes[number][0])
    return builder.finish(walk(model, list(nodes.values()), builder, ""))


def walk(model: keras.Model, inputs: Sequence[int], builder: GraphBuilder, path: str) -> list[int]:
    """Lower `model` called on the nodes `inputs`, and list the nodes of its outputs.

    `path` is put before the names of its layers.
    """
    if isinstance(model, keras.Sequential):
        (node,) = inputs
        for layer in model.layers:
            (node,) = lower_call(layer, ((Tensor(node),), {}), builder, path, [layer.output])
        return [node]
    nodes = {id(tensor): node for tensor, node in zip(model.inputs, inputs, strict=True)}

    def found(leaf: Any) -> Any:
        return Tensor(nodes[id(leaf)]) if isinstance(leaf, keras.KerasTensor) else leaf

    for operation, keras_arguments, outputs in calls(model):
        arguments = keras.tree.map_structure(found, (keras_arguments.args, keras_arguments.kwargs))
        results = lower_call(operation, arguments, builder, path, outputs)
        nodes.update((id(tensor), node) for tensor, node in zip(outputs, results, strict=True))
    return [nodes[id(tensor)] for tensor in model.outputs]


def calls(model: keras.Model) -> list[tuple[Any, Any, list[Any]]]:
    """List the layer calls of a functional model in the order of computation.

    Each is the layer, the arguments of the call and the tensors it returns. A layer that is called
    several times is there several times.
    """
    depths = sorted(model._nodes_by_depth, reverse=True)  # counted from the outputs
    return [
        (node.operation, node.arguments, list(node.outputs))
        for depth in depths
        for node in model._nodes_by_depth[depth]
        if not node.is_input
    ]


def lower_call(
    layer: Any,
    arguments: Arguments,
    builder: GraphBuilder,
    path: str,
    outputs: Sequence[Any],
) -> Sequence[int]:
    """Lower one call of `layer` to nodes.

    Tensors among the `arguments` are `Tensor`. `outputs` are the tensors it returns in Keras, whose
    shapes stand in for those of a layer without lowering.
    """
    name = f"{path}{layer.name}"
    place = Place(builder, name, type(layer).__name__, walk)
    first = len(builder.nodes)
    if own_code(layer):
        arguments = arguments[0], arguments_of(layer, arguments[1])
    sources = [leaf.node for leaf in keras.tree.flatten(arguments) if isinstance(leaf, Tensor)]
    try:
        inner = inner_model(layer, arguments, place)
        if inner is not None:
            return walk(inner, sources, builder, f"{name}/")
        found = lowered(layer, place, *arguments)
        results = list(found) if isinstance(found, tuple) else [found]
    except ModelError as problem:
        # A stand-in, so that the walk goes on and all layers at fault are named at once.
        results = [
            place.add(Unsupported(str(problem), closed_shape(tensor)), *sources)
            for tensor in outputs
        ]
    builder.record(name, place.layer_class, first=first, output=results[0])
    return results


def inner_model(layer: Any, arguments: Arguments, place: Place) -> keras.Model | None:
    """Find the model in a layer: a nested one, or the operations of a layer of one's own.

    None for all others. Raises ModelError for a nested model that is called with more than tensors.
    """
    if is_walked(layer):
        odd = [key for key in without_none(arguments[1]) if key != "training"]
        if odd:
            raise place.refuse(called_with(odd))
        return layer
    if not own_code(layer) or lowering_of(layer) is not None:
        return None
    model = traced(
        layer.call, arguments, shape=place.shape, name=layer.name, dtype=layer.compute_dtype
    )
    for part, keras_arguments, _ in [] if model is None else calls(model):
        if keras_arguments.kwargs.get("training") and draws_in_training(part):
            raise place.refuse(
                f"calls {part.name!r} ({type(part).__name__}) with training=True in its own code,"
                " which draws random numbers when the model predicts; leave training=True out there"
            )
    return model


def own_code(layer: Any) -> bool:
    own = isinstance(layer, keras.layers.Lambda)  # no model file's Lambda is ever made
    return own or not type(layer).__module__.startswith("keras.")


def lowering_of(layer: Any) -> Lower | None:
    kind = type(layer)
    return LOWERINGS.get(kind) or LOCAL_LAYERS.get(f"{kind.__module__}.{kind.__qualname__}")


def lowered(layer: Any, place: Place, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Lower one call of a layer or operation to its node or nodes, or raise ModelError."""
    operation = OPERATIONS.get(type(layer))
    if operation is not None:
        return operation(layer, place, *args, **kwargs)
    lowering = lowering_of(layer)
    if lowering is None:
        raise place.refuse(lowering_remedy(layer))
    leaves = [leaf for leaf in keras.tree.flatten(args) if leaf is not None]
    known = inspect.signature(lowering).parameters
    # Keras records the argument for many layers that do the same with and without it.
    without = {"training"} - set(known)
    named = {key: value for key, value in without_none(kwargs).items() if key not in without}
    strange = [key for key in named if key not in known]
    if strange or not all(isinstance(leaf, Tensor) for leaf in leaves):
        raise place.refuse(called_with(strange))
    arguments = keras.tree.map_structure(
        lambda leaf: leaf.node if isinstance(leaf, Tensor) else leaf, named
    )
    return lowering(layer, place, *(leaf.node for leaf in leaves), **arguments)


def called_with(arguments: Sequence[str]) -> str:
    what = ", ".join(arguments) or "constants"
    return f"is called with {what}, which has no lowering; leave it out of the call"


def closed_shape(tensor: Any) -> Shape:
    return tuple(1 if extent is None else extent for extent in tensor.shape[1:])


def lowering_remedy(layer: Any) -> str:
    if not own_code(layer):
        return (
            "has no lowering yet; replace it by layers that have one, or explain an earlier output"
        )
    return NOT_TRACED
