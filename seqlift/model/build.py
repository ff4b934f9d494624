"""Keras layers and models from plans.

Makes only classes on the allow-list of `seqlift.model.safety`, by name, from numbers and words.
Knows nothing of files; the weights it leaves are zeros.
"""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeGuard

import keras

from seqlift.errors import ModelError
from seqlift.model import legacy, locally, safety
from seqlift.model.custom import CustomObjects, with_own
from seqlift.model.plan import Call, LayerPlan, NetworkPlan, every_layer, map_refs, refs
from seqlift.model.rebuilt import Rebuilt
from seqlift.model.recipes import resolved

NO_INPUT_SHAPE = (
    "the model does not say the shape of its input; build it with keras.Input((length, 4)) as the "
    "first layer and save it again"
)

OPERATION_MODULES = ("nn", "numpy", "math", "core")
"""Modules of `keras.src.ops` that hold the operations of the allow-list."""


ANYWAY = {"groups": 1, "trainable": True, "data_format": "channels_last"}
"""Settings that layers without them may carry, saying what such layers do anyway."""


def build(
    network: NetworkPlan,
    *,
    recipes: Mapping[str, str] | None = None,
    objects: CustomObjects | None = None,
) -> keras.Model:
    """Return the model that a plan describes, its weights zero, all computed in float32.

    `recipes` are the user's words, by layer name, for what a Lambda computes; `objects` the user's
    own classes. A layer that may not be built, or that the installed Keras does not know, raises
    `ModelError` with a line for each.
    """
    network = resolved(with_own(network, objects) if objects else network, recipes or {})
    problems = [*safety.refusals(network)]
    if not problems:
        problems = [line for plan in every_layer(network) for line in _unknown_settings(plan)]
    if not problems and not network.outputs and not _is_input(network.layers[0]):
        problems = [NO_INPUT_SHAPE]
    if problems:
        raise ModelError(*problems)
    return _network(network)


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1), what `hard_sigmoid` meant until Keras 3."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def _is_input(plan: LayerPlan | NetworkPlan) -> TypeGuard[LayerPlan]:
    return isinstance(plan, LayerPlan) and plan.class_name == "InputLayer"


def _class_of(plan: LayerPlan) -> Any:
    """Return the class of a layer or operation on the allow-list, None if this Keras lacks it."""
    if plan.own_class is not None:
        return plan.own_class
    if not plan.operation:
        home = locally if plan.class_name.startswith("LocallyConnected") else keras.layers
        return getattr(home, plan.class_name, None)
    for module in OPERATION_MODULES:
        found = getattr(getattr(keras.src.ops, module), plan.class_name, None)
        if found is not None:
            return found
    return None


def _accepted(cls: Any) -> set[str]:
    """Return the names of the settings that a class takes, those it hands on to its bases too."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters
        names |= {name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD}
        hands_on = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        if base is keras.layers.Layer or not hands_on:
            break
    return names - {"self"}


def _unknown_settings(plan: LayerPlan) -> list[str]:
    """Return a line for each setting that the installed Keras would have to leave out.

    Leaving out what is None or False is harmless: that is how the absence of a feature is written.
    """
    place = f"layer {plan.name!r} ({plan.class_name})"
    if plan.expressions:
        return []
    cls = _class_of(plan)
    if cls is None:
        return [f"{place} is not in Keras {keras.__version__}; install a newer Keras"]
    accepted = _accepted(cls)
    if plan.own_class is not None:
        return [
            f"{place} has the setting {key}={value!r}, which its class in the custom objects does "
            "not take; add it to __init__"
            for key, value in plan.settings.items()
            if key not in accepted and value is not None and ANYWAY.get(key) != value
        ]
    return [
        f"{place} has the setting {key}={value!r}, unknown to Keras {keras.__version__}; "
        "install the Keras that saved the model, or a newer one"
        for key, value in plan.settings.items()
        if key not in accepted and value is not None and value is not False
        if ANYWAY.get(key) != value
    ]


def _arguments(plan: LayerPlan, cls: Any) -> dict[str, Any]:
    """Return what to call a layer's class with; initial weights are zeros, to be replaced."""
    accepted, own = _accepted(cls), inspect.signature(cls.__init__).parameters
    arguments: dict[str, Any] = {key: "zeros" for key in own if key.endswith("_initializer")}
    if "data_format" in own:
        arguments["data_format"] = "channels_last"  # not the choice in the user's keras.json
    if "dtype" in accepted and not plan.operation:
        arguments["dtype"] = "float32"
    arguments |= {key: value for key, value in plan.settings.items() if key in accepted}
    for key, value in arguments.items():
        if value == legacy.KERAS_2_HARD_SIGMOID:
            arguments[key] = hard_sigmoid_of_keras_2
    arguments |= {key: _made(inner) for key, inner in plan.inner.items() if inner != ()}
    return arguments | {"name": plan.name}


def _made(plan: Any) -> Any:
    if isinstance(plan, tuple):
        return [_made(item) for item in plan]
    if isinstance(plan, LayerPlan) and plan.expressions:
        return Rebuilt(plan)
    return _network(plan) if isinstance(plan, NetworkPlan) else _layer(plan)


def _layer(plan: LayerPlan) -> Any:
    cls = _class_of(plan)
    try:
        if plan.own_class is not None:
            return _own_layer(plan, cls)
        return cls(**_arguments(plan, cls))
    except ModelError:
        raise
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise _failure(plan, problem) from problem


def _own_layer(plan: LayerPlan, cls: Any) -> Any:
    """Return a layer of the user's class, whose constructor may not take a name."""
    arguments = _arguments(plan, cls)
    if "name" not in _accepted(cls):
        del arguments["name"]
    layer = cls.from_config(arguments) if "from_config" in vars(cls) else cls(**arguments)
    layer.name = plan.name
    return layer


def _failure(plan: LayerPlan | NetworkPlan, problem: Exception) -> ModelError:
    """Return the error for a layer that Keras refuses, with the first line of its reason."""
    if isinstance(problem, ModelError):  # it names the layer and the remedy itself
        return problem
    reason = next((line for line in str(problem).splitlines() if line.strip()), repr(problem))
    is_own = isinstance(plan, LayerPlan) and plan.own_class is not None
    remedy = "the file is damaged or of an unknown Keras: save the model again"
    return ModelError(
        f"layer {plan.name!r} ({plan.class_name}) cannot be built: {reason.strip().rstrip('.')}; "
        + ("mend its class in the custom objects" if is_own else remedy)
    )


def _input(plan: LayerPlan) -> Any:
    """Return an input tensor for any number of sequences."""
    try:
        return keras.Input(
            shape=plan.settings["shape"],
            dtype=plan.settings.get("dtype", "float32"),
            name=plan.name,
        )
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise _failure(plan, problem) from problem


def _network(plan: NetworkPlan) -> keras.Model:
    model = _functional(plan) if plan.outputs else _sequential(plan)
    if not plan.trainable:
        model.trainable = False
    return model


def _sequential(plan: NetworkPlan) -> keras.Model:
    model, last = keras.Sequential(name=plan.name), None
    for layer in plan.layers:
        element = _input(layer) if _is_input(layer) else _made(layer)
        try:
            if isinstance(element, Rebuilt):
                element = element.single(last)
            model.add(element)
            last = element if _is_input(layer) else (model.outputs[0] if model.built else None)
        except Exception as problem:  # Keras and its backends raise classes of their own
            raise _failure(layer, problem) from problem
    return model


def _functional(plan: NetworkPlan) -> keras.Model:
    """Return a model whose inputs and outputs are flat lists, or single tensors."""
    tensors = _tensors(plan)
    try:
        inputs = [tensors[ref.layer, ref.call][ref.tensor] for ref in plan.inputs]
        outputs = [tensors[ref.layer, ref.call][ref.tensor] for ref in plan.outputs]
    except (KeyError, IndexError) as problem:
        raise ModelError(
            f"the network {plan.name!r} has an input or output {problem} that no layer gives; "
            "the file is damaged: save the model again"
        ) from problem
    return keras.Model(_unpacked(inputs), _unpacked(outputs), name=plan.name)


def _unpacked(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _tensors(plan: NetworkPlan) -> Mapping[tuple[str, int], list[Any]]:
    """Return the output tensors of every call of every layer, made in an order that is possible.

    Layers are taken in the file's order, calls of a layer in theirs, again and again until none is
    left, as Keras does: a layer used twice may need another in between.
    """
    layers: dict[str, Any] = {}
    tensors: dict[tuple[str, int], list[Any]] = {}
    for layer in plan.layers:
        if _is_input(layer):
            tensors[layer.name, 0] = [_input(layer)]
        else:
            layers[layer.name] = _made(layer)
    waiting = {p.name: list(enumerate(p.calls)) for p in plan.layers if p.calls}
    plans = {p.name: p for p in plan.layers}
    while waiting:
        progress = False
        for name, calls in list(waiting.items()):
            while calls and _is_ready(calls[0][1], tensors):
                number, call = calls.pop(0)
                made = layers[name]
                if isinstance(made, Rebuilt):
                    made = partial(made.outputs, number)
                tensors[name, number] = _called(plans[name], made, call, tensors)
                progress = True
            if not calls:
                del waiting[name]
        if not progress:
            raise ModelError(
                f"the layers {', '.join(sorted(waiting))} wait for layers that are not in the "
                "file, or for each other; the file is damaged: save the model again"
            )
    return tensors


def _is_ready(call: Call, tensors: Mapping[tuple[str, int], list[Any]]) -> bool:
    needed = refs([call.args, call.kwargs])
    return all((ref.layer, ref.call) in tensors for ref in needed)


def _called(
    plan: LayerPlan | NetworkPlan,
    layer: Any,
    call: Call,
    tensors: Mapping[tuple[str, int], list[Any]],
) -> list[Any]:
    """Return the flat list of output tensors of one call of a layer."""
    try:
        args, kwargs = map_refs(
            (call.args, dict(call.kwargs)), lambda ref: tensors[ref.layer, ref.call][ref.tensor]
        )
        if isinstance(plan, LayerPlan) and plan.expressions:
            given = refs([call.args, call.kwargs])
            return list(layer([tensors[r.layer, r.call][r.tensor] for r in given]))
        if isinstance(plan, NetworkPlan):
            args = (_unpacked(keras.tree.flatten(args[0])),)
        elif plan.operation and plan.class_name == "GetItem":
            args = (args[0], tuple(args[1]) if isinstance(args[1], list) else args[1])
        flat: list[Any] = keras.tree.flatten(layer(*args, **kwargs))
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise _failure(plan, problem) from problem
    return flat
