"""A Keras model, walked once and lowered to a graph of primitives.

Here is the walk: Sequential, Functional and nested models, layers called several times, layers with
several inputs. A layer nobody knows how to lower stands in the graph as `Unsupported`, so that all
of them can be named at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from seqlift.attribution.graph import Graph, GraphBuilder
from seqlift.attribution.lowering.activation import ACTIVATION_LAYERS
from seqlift.attribution.lowering.place import Lower, Place
from seqlift.attribution.lowering.value import VALUE_LAYERS
from seqlift.attribution.lowering.window import WINDOW_LAYERS
from seqlift.attribution.primitives.base import Primitive, Shape
from seqlift.errors import ModelError

LOWERINGS: dict[type, Lower] = ACTIVATION_LAYERS | VALUE_LAYERS | WINDOW_LAYERS


@dataclass(frozen=True, slots=True)
class Unsupported(Primitive):
    """A layer that cannot be lowered; it knows the shape Keras gives it, and nothing else."""

    problem: str
    output_shape: Shape

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape Keras works out."""
        return self.output_shape

    def describe(self) -> str:
        """Return ``unsupported``."""
        return "unsupported"


def lower(model: keras.Model, input_shape: Shape) -> Graph:
    """Return `model` as primitives, for inputs of `input_shape` (without the batch axis).

    Raises ModelError, naming every layer that cannot be lowered.
    """
    if len(model.inputs) != 1:
        raise ModelError(several_inputs(model))
    graph = outline(model, [input_shape])
    problems = [
        node.primitive.problem for node in graph.nodes if isinstance(node.primitive, Unsupported)
    ]
    if problems:
        raise ModelError(*dict.fromkeys(problems))
    return graph


def outline(model: keras.Model, input_shapes: Sequence[Shape]) -> Graph:
    """Return `model` as primitives, with `Unsupported` where a layer cannot be lowered.

    `input_shapes` has one for each input; a graph can be explained where there is one.
    """
    builder = GraphBuilder()
    inputs = [
        builder.add_input(shape, tensor.name)
        for shape, tensor in zip(input_shapes, model.inputs, strict=True)
    ]
    return builder.finish(walk(model, inputs, builder, ""))


def several_inputs(model: keras.Model) -> str:
    """Return why a model of several inputs cannot be scored, and what to do."""
    names = ", ".join(tensor.name for tensor in model.inputs)
    return (
        f"model {model.name}: it has {len(model.inputs)} inputs ({names}), and only models with one"
        " can be scored; build a model of the sequence alone with the others held constant"
    )


def walk(model: keras.Model, inputs: Sequence[int], builder: GraphBuilder, path: str) -> list[int]:
    """Return the nodes of the outputs of `model` called on the nodes `inputs`.

    `path` is put before the names of its layers.
    """
    if isinstance(model, keras.Sequential):
        (node,) = inputs
        for layer in model.layers:
            (node,) = lower_call(layer, [node], builder, path, [layer.output])
        return [node]
    nodes = {id(tensor): node for tensor, node in zip(model.inputs, inputs, strict=True)}
    for operation, arguments, outputs in calls(model):
        sources = [nodes[id(tensor)] for tensor in arguments]
        results = lower_call(operation, sources, builder, path, outputs)
        nodes.update((id(tensor), node) for tensor, node in zip(outputs, results, strict=True))
    return [nodes[id(tensor)] for tensor in model.outputs]


def calls(model: keras.Model) -> list[tuple[Any, list[Any], list[Any]]]:
    """Return the layer calls of a functional model in the order of computation.

    Each is the layer, the tensors it reads and the tensors it returns. A layer that is called
    several times is there several times.
    """
    depths = sorted(model._nodes_by_depth, reverse=True)
    return [
        (node.operation, list(node.arguments.keras_tensors), list(node.outputs))
        for depth in depths
        for node in model._nodes_by_depth[depth]
        if not node.is_input
    ]


def lower_call(
    layer: Any, sources: list[int], builder: GraphBuilder, path: str, outputs: Sequence[Any]
) -> list[int]:
    """Return the nodes that `layer`, called on the nodes `sources`, becomes.

    `outputs` are the tensors it returns in Keras, whose shapes a layer without lowering is given.
    """
    name = f"{path}{layer.name}"
    if isinstance(layer, keras.Sequential) or (
        isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth")
    ):
        return walk(layer, sources, builder, f"{name}/")
    place = Place(builder, name, type(layer).__name__)
    first = len(builder.nodes)
    try:
        lowering = LOWERINGS.get(type(layer))
        if lowering is None:
            raise place.refuse(remedy(layer))
        results = [lowering(layer, place, *sources)]
    except ModelError as problem:
        results = [
            place.add(Unsupported(str(problem), closed_shape(tensor)), *sources)
            for tensor in outputs
        ]
    builder.record(name, place.layer_class, first=first, output=results[0])
    return results


def closed_shape(tensor: Any) -> Shape:
    """Return the shape of a Keras tensor without the batch axis, 1 where it is left open."""
    return tuple(1 if extent is None else extent for extent in tensor.shape[1:])


def remedy(layer: Any) -> str:
    """Return why `layer` cannot be scored and what to do, to follow its name."""
    if type(layer).__module__.startswith("keras."):
        return (
            "has no lowering yet; replace it by layers that have one, or explain an earlier output"
        )
    return "is not a Keras layer; rebuild the model from Keras layers"
