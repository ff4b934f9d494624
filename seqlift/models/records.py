"""Plan networks from the architecture records (JSON) of model files.

Reads the two ways Keras has written a network, lists of inbound nodes until Keras 2.15 and call
arguments since Keras 3, into one. Knows nothing of files and weights, and builds no layer: a class
name stays a name, so nothing in a file can run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seqlift.errors import ModelError
from seqlift.models import keras1, legacy, safety
from seqlift.models.plans import plan_checks
from seqlift.models.plans.plan import Call, LayerPlan, NetworkPlan, TensorRef, map_refs, refs

INNER_LAYERS = ("layer", "backward_layer", "cell", "cells")
"""Settings of wrappers (TimeDistributed, Bidirectional, RNN) that hold layers."""


def plan_network(record: Any, *, generation: int) -> NetworkPlan:
    """Plan the network that `record`, parsed JSON, describes.

    `generation` is the major version of the Keras that wrote it (1, which is Keras 0 too, 2 or 3).
    A record that does not describe a Sequential or Functional model raises `ModelError`.
    """
    try:
        # then read as one of Keras 2
        modern = record if generation > 1 else keras1.modernised(record)
        element = _element(modern, max(generation, 2))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as problem:
        raise ModelError(
            f"the architecture is damaged ({type(problem).__name__}: {problem}); "
            "save the model again with model.save()"
        ) from problem
    if isinstance(element, NetworkPlan):
        plan_checks.check_size(element)
        plan_checks.check_words(element)
        plan_checks.check_names(element)
    else:
        raise ModelError(
            f"the model is of the class {element.class_name!r}, whose code is not in the file; "
            f"{safety.REBUILD_NETWORK}"
        )
    return element


def _element(record: Mapping[str, Any], generation: int) -> LayerPlan | NetworkPlan:
    """Plan a layer, or a network when the record has the layers of one."""
    config = record["config"]
    class_name = record["class_name"]
    if class_name == "Sequential":
        return _sequential(record, generation)
    if class_name in legacy.FUNCTIONAL_CLASSES and "layers" in config:
        return _functional(record, generation)
    if legacy.is_subclass(record):
        network = _functional if "input_layers" in config else _sequential
        names = {"subclass": class_name, "registered_name": record.get("registered_name")}
        return replace(network(record, generation), **names)
    return _layer(record, generation)


def _layer(record: Mapping[str, Any], generation: int) -> LayerPlan:
    written = dict(record["config"])
    class_name = record["class_name"]
    module = record.get("module")
    name = legacy.layer_name(record.get("name") or written.get("name") or class_name)
    inner = {
        key: _wrapped_plans(written.pop(key), generation, name=f"{name}.{key}")
        for key in list(written)
        if (key in INNER_LAYERS and legacy.holds_layers(written[key]))
        or (key.endswith("activation") and legacy.is_layer(written[key]))
    }
    as_written = class_name, dict(written)
    operation = legacy.is_operation(class_name, module, settings=written, generation=generation)
    if module is None and class_name not in safety.SAFE_OPERATIONS:
        operation = False  # some layers do not write `trainable` either, such as SpatialDropout1D
    if not operation:
        class_name, written = legacy.modern(class_name, written, generation=generation)
    written.pop("name", None)
    return LayerPlan(
        name=name,
        class_name=class_name,
        settings=written,
        inner=inner,
        module=module,
        registered_name=record.get("registered_name"),
        operation=operation,
        written=as_written,
    )


def _wrapped_plans(value: Any, generation: int, *, name: str) -> Any:
    if isinstance(value, list):
        return tuple(_wrapped_plans(item, generation, name=name) for item in value)
    if value is None:
        return ()
    config = value["config"]
    written = config.get("name") if isinstance(config, Mapping) else None
    return _element({**value, "name": written or name}, generation)


def _sequential(record: Mapping[str, Any], generation: int) -> NetworkPlan:
    """Plan a chain that starts with an InputLayer wherever the file has the input's shape."""
    config = record["config"]
    written = {"layers": config} if isinstance(config, list) else config  # Keras 2.0 and 2.1
    layers = tuple(
        _element(_with_name(layer, f"sequential_{place}"), generation)
        for place, layer in enumerate(written["layers"], start=1)
    )
    if not layers:
        raise ValueError("a Sequential model without layers")
    first = layers[0]
    if not (isinstance(first, LayerPlan) and first.class_name == "InputLayer"):  # until Keras 2.3
        shape = _input_shape(written["layers"][0]) or written.get("build_input_shape")
        if shape:
            settings = {"batch_shape": shape}
            _, settings = legacy.modern("InputLayer", settings, generation=generation)
            layers = (LayerPlan(f"{first.name}_input", "InputLayer", settings), *layers)
    return NetworkPlan(
        name=legacy.layer_name(record.get("name") or written.get("name") or "sequential"),
        class_name="Sequential",
        layers=layers,
        trainable=written.get("trainable") is not False,
    )


def _with_name(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return {"name": name, **record} if isinstance(record["config"], list) else record


def _input_shape(record: Mapping[str, Any]) -> list[int | None] | None:
    """Find the batch shape that a layer, or the first layer of a network, declares."""
    config = record["config"]
    layers = config if isinstance(config, list) else config.get("layers")
    if layers:
        return _input_shape(layers[0])
    shape: list[int | None] | None = config.get("batch_input_shape") or config.get("batch_shape")
    return shape


def _functional(record: Mapping[str, Any], generation: int) -> NetworkPlan:
    config = record["config"]
    layers, wrote_calls = [], False
    for layer in config["layers"]:
        nodes = layer.get("inbound_nodes", [])
        wrote_calls |= any(isinstance(node, Mapping) and "args" in node for node in nodes)
        element = _element({**layer, "name": layer.get("name")}, generation)
        layers.append(replace(element, calls=tuple(_call(node) for node in nodes)))
    plan = NetworkPlan(
        name=legacy.layer_name(record.get("name") or config.get("name") or "functional"),
        class_name="Functional",
        layers=tuple(layers),
        inputs=tuple(refs(_written_refs(config["input_layers"]))),
        outputs=tuple(refs(_written_refs(config["output_layers"]))),
        trainable=config.get("trainable") is not False,
    )
    plan_checks.check_ends(plan)
    return _renumbered(plan, wrote_calls=wrote_calls)


def _renumbered(plan: NetworkPlan, *, wrote_calls: bool) -> NetworkPlan:
    """Count the calls of nested networks from 0."""
    nested = {p.name: p for p in plan.layers if isinstance(p, NetworkPlan)}
    used = [r for p in plan.layers for c in p.calls for r in refs([c.args, c.kwargs])]
    inside, outside = {}, {}
    for name, network in nested.items():
        highest = max((r.call for r in (*used, *plan.outputs) if r.layer == name), default=0)
        # Keras counts the making of a nested network as call 0, and Keras 2 writes that one or not:
        # every call it writes is used, so the highest number decides.
        skipped = int(highest >= len(network.calls))
        inside[name] = 0 if wrote_calls else skipped
        # Keras 3 counts calls of a Functional from 1 in the outputs, and from 0 everywhere else.
        outside[name] = int(network.class_name == "Functional") if wrote_calls else skipped

    def lowered(first: Mapping[str, int]) -> Callable[[TensorRef], TensorRef]:
        return lambda ref: replace(ref, call=max(ref.call - first.get(ref.layer, 0), 0))

    change, names = lowered(inside), {p.name for p in plan.layers}

    def renumbered(call: Call) -> Call:
        kwargs = _without_derived_masks(call.kwargs, names)
        return Call(map_refs(call.args, change), map_refs(kwargs, change))

    layers = tuple(replace(p, calls=tuple(map(renumbered, p.calls))) for p in plan.layers)
    return replace(plan, layers=layers, outputs=map_refs(plan.outputs, lowered(outside)))


def _without_derived_masks(kwargs: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {
        key: value
        for key, value in kwargs.items()
        # A mask of a Masking layer refers to a tensor that no layer gives: Keras makes it anew.
        if not (key.endswith("mask") and any(ref.layer not in names for ref in refs(value)))
    }


def _call(node: Any) -> Call:
    """Read one call of a layer from a Keras 2 (list) or Keras 3 (mapping) inbound node."""
    if isinstance(node, Mapping) and "args" in node:
        kwargs = {key: _argument(value) for key, value in node.get("kwargs", {}).items()}
        return Call(tuple(_argument(value) for value in node["args"]), kwargs)
    tensor_refs = [node] if _is_ref(node) or _is_constant(node) else node
    args = (_written_refs(tensor_refs),)
    if isinstance(tensor_refs, list) and len(tensor_refs) == 1:
        args = (args[0][0],)
    written = [*_written_arguments(tensor_refs)]
    if any(arguments != written[0] for arguments in written):
        raise ValueError(f"one call with the arguments {' and '.join(map(str, written))}")
    kwargs = {key: _written_refs(value) for key, value in written[0].items()} if written else {}
    return Call(args, kwargs)


def _written_arguments(tensor_refs: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the arguments by name that stand behind each tensor of a Keras 2 node: those of all."""
    if _is_ref(tensor_refs) or _is_constant(tensor_refs):
        if len(tensor_refs) > 3 and tensor_refs[3]:
            yield tensor_refs[3]
    elif isinstance(tensor_refs, list | tuple):
        for item in tensor_refs:
            yield from _written_arguments(item)
    elif isinstance(tensor_refs, Mapping):
        for item in tensor_refs.values():
            yield from _written_arguments(item)


def _is_ref(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(isinstance(number, int) for number in value[1:3])
    )


def _is_constant(value: Any) -> bool:
    # tf.keras writes the 1 of a call such as `1 / x` so, where others have a tensor
    return isinstance(value, list | tuple) and bool(value) and value[0] == "_CONSTANT_VALUE"


def _written_refs(value: Any) -> Any:
    """Replace each ``[layer, call, tensor]`` by a `TensorRef`."""
    if _is_constant(value):
        return value[2]
    if _is_ref(value):
        return TensorRef(legacy.layer_name(value[0]), value[1], value[2])
    if isinstance(value, list | tuple):
        return [_written_refs(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _written_refs(item) for key, item in value.items()}
    return value


def _argument(value: Any) -> Any:
    """Read a call argument of a Keras 3 file; an object of any other kind is refused."""
    if isinstance(value, list | tuple):
        return [_argument(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: _argument(item) for key, item in value.items()}
    kind: str = value["class_name"]
    config: Any = value.get("config")
    if kind == "__keras_tensor__":
        return _written_refs(config["keras_history"])
    if kind == "__slice__":
        return slice(*(_argument(config[end]) for end in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return Ellipsis
    if kind in ("__numpy__", "__tensor__"):
        return np.asarray(config["value"], dtype=np.dtype(str(config["dtype"])))
    raise ValueError(f"an argument of the class {kind!r}")
