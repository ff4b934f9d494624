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
from seqlift.model import bounds, classes, damage, legacy, safety
from seqlift.model.custom import CustomObjects, with_own
from seqlift.model.plan import Call, LayerPlan, NetworkPlan, every_layer, map_refs, refs
from seqlift.model.rebuilt import Rebuilt
from seqlift.model.recipes import resolved
from seqlift.model.refused import RefusedLayersError
from seqlift.model.soundness import DAMAGED

NO_INPUT_SHAPE = (
    "the model does not say the shape of its input; build it with keras.Input((length, 4)) as the "
    "first layer and save it again"
)


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
    return made(checked(network, recipes=recipes, objects=objects))


def checked(
    network: NetworkPlan,
    *,
    recipes: Mapping[str, str] | None = None,
    objects: CustomObjects | None = None,
) -> NetworkPlan:
    """Return the plan with what its layers compute, or raise `ModelError` as `build` does."""
    network = resolved(with_own(network, objects) if objects else network, recipes or {})
    refused = [*safety.refusals(network)]
    if refused:
        raise RefusedLayersError(refused)
    problems: list[str] = []
    for find in (classes.unknown_settings, bounds.oversized):
        problems = problems or [line for plan in every_layer(network) for line in find(plan)]
    if not problems and not network.outputs and not _is_input(network.layers[0]):
        problems = [NO_INPUT_SHAPE]
    if problems:
        raise ModelError(*problems)
    return network


def made(network: NetworkPlan) -> keras.Model:
    """Return the model that a plan which was `checked` describes."""
    return _network(network)


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1), what `hard_sigmoid` meant until Keras 3."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def _is_input(plan: LayerPlan | NetworkPlan) -> TypeGuard[LayerPlan]:
    return isinstance(plan, LayerPlan) and plan.class_name == "InputLayer"


def _arguments(plan: LayerPlan, cls: Any) -> dict[str, Any]:
    """Return what to call a layer's class with; initial weights are zeros, to be replaced."""
    accepted, own = classes.accepted_by(cls), inspect.signature(cls.__init__).parameters
    zeros = "zeros" if plan.own_class is not None else bounds.BoundedZeros()
    arguments: dict[str, Any] = {key: zeros for key in own if key.endswith("_initializer")}
    if "data_format" in own:
        arguments["data_format"] = "channels_last"  # not the choice in the user's keras.json
    if "dtype" in accepted and not plan.operation:
        arguments["dtype"] = "float32"
    arguments |= {key: value for key, value in plan.settings.items() if key in accepted}
    arguments = {key: _function(value) for key, value in arguments.items()}
    arguments |= {key: _made(inner) for key, inner in plan.inner.items() if inner != ()}
    return arguments | {"name": plan.name}


def _function(value: Any) -> Any:
    """Return a setting, with the function for the name of one that today's Keras lacks."""
    return hard_sigmoid_of_keras_2 if value == legacy.KERAS_2_HARD_SIGMOID else value


def _made(plan: Any) -> Any:
    if isinstance(plan, tuple):
        return [_made(item) for item in plan]
    if isinstance(plan, LayerPlan) and plan.expressions:
        return Rebuilt(plan)
    return _network(plan) if isinstance(plan, NetworkPlan) else _layer(plan)


def _layer(plan: LayerPlan) -> Any:
    cls = classes.class_of(plan)
    try:
        with keras.saving.custom_object_scope(_held_by(plan)):
            if plan.own_class is not None:
                return _own_layer(plan, cls)
            return cls(**_arguments(plan, cls))
    except ModelError:
        raise
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise _failure(plan, problem) from problem


def _held_by(wrapper: LayerPlan) -> dict[str, Any]:
    """Return by name what a wrapper needs to copy the layers it holds, as Bidirectional does.

    It copies them by their settings, in which functions and classes that Keras does not bring are
    names.
    """
    held: dict[str, Any] = {}
    for plan in every_layer(wrapper):
        values = [_function(value) for value in plan.settings.values() if plan is not wrapper]
        if plan.own_class is not None:
            values.append(plan.own_class)
        held |= {keras.saving.get_registered_name(one): one for one in values if callable(one)}
    return held


def _own_layer(plan: LayerPlan, cls: Any) -> Any:
    """Return a layer of the user's class, whose constructor may not take a name."""
    arguments = _arguments(plan, cls)
    if "name" not in classes.accepted_by(cls):
        del arguments["name"]
    layer = cls.from_config(arguments) if "from_config" in vars(cls) else cls(**arguments)
    layer.name = plan.name
    return layer


def _failure(plan: LayerPlan | NetworkPlan, problem: Exception) -> ModelError:
    """Return the error for a layer that Keras refuses, with the line that says the cause."""
    damage.raise_refusal(problem)
    if isinstance(problem, ModelError):  # it names the layer and the remedy itself
        return problem
    is_own = isinstance(plan, LayerPlan) and plan.own_class is not None
    remedy = "the file is damaged or of an unknown Keras: save the model again"
    return ModelError(
        f"{_place(plan)} cannot be built: {damage.cause(problem)}; "
        + ("mend its class in the custom objects" if is_own else remedy)
    )


def _place(plan: LayerPlan | NetworkPlan) -> str:
    return f"layer {plan.name!r} ({plan.class_name})"


def _input(plan: LayerPlan) -> Any:
    """Return an input tensor for any number of sequences."""
    try:
        tensor = keras.Input(
            shape=plan.settings["shape"],
            dtype=plan.settings.get("dtype", "float32"),
            name=plan.name,
        )
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise _failure(plan, problem) from problem
    bounds.check(_place(plan), [tensor])
    return tensor


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
            bounds.check(_place(layer), model.outputs if model.built else ())
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
            f"{DAMAGED}"
        ) from problem
    try:
        return keras.Model(_unpacked(inputs), _unpacked(outputs), name=plan.name)
    except Exception as problem:  # Keras and its backends raise classes of their own
        damage.raise_refusal(problem)
        raise ModelError(
            f"the network {plan.name!r} cannot be built: {damage.cause(problem)}; {DAMAGED}"
        ) from problem


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
    wanted = _wanted(plan)
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
                _check_count(plans[name], tensors[name, number], wanted.get((name, number), 0))
                progress = True
            if not calls:
                del waiting[name]
        if not progress:
            raise ModelError(
                f"the layers {', '.join(sorted(waiting))} wait for layers that are not in the "
                "file, or for each other; the file is damaged: save the model again"
            )
    return tensors


def _wanted(plan: NetworkPlan) -> Mapping[tuple[str, int], int]:
    """Return how many outputs of each call of a layer the network uses, at least."""
    calls = [[call.args, call.kwargs] for layer in plan.layers for call in layer.calls]
    wanted: dict[tuple[str, int], int] = {}
    for ref in refs([calls, plan.outputs]):
        place = ref.layer, ref.call
        wanted[place] = max(wanted.get(place, 0), ref.tensor + 1)
    return wanted


def _check_count(plan: LayerPlan | NetworkPlan, outputs: list[Any], wanted: int) -> None:
    """Refuse a layer that gives fewer tensors than the network takes from it."""
    if len(outputs) >= wanted:
        return
    is_recipe = isinstance(plan, LayerPlan) and plan.expressions
    remedy = f"let the recipe give {wanted}, as in 'x * 2, x + 1'" if is_recipe else DAMAGED
    raise ModelError(
        f"{_place(plan)} gives {len(outputs)} of the {wanted} tensors that the model uses; {remedy}"
    )


def _is_ready(call: Call, tensors: Mapping[tuple[str, int], list[Any]]) -> bool:
    needed = refs([call.args, call.kwargs])
    return all((ref.layer, ref.call) in tensors for ref in needed)


def _taken(layer: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call less those of None that a layer of today no longer takes."""
    takes = inspect.signature(layer.call).parameters
    return {key: value for key, value in kwargs.items() if value is not None or key in takes}


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
        flat: list[Any] = keras.tree.flatten(layer(*args, **_taken(layer, kwargs)))
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise _failure(plan, problem) from problem
    bounds.check(_place(plan), flat)
    return flat
