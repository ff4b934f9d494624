"""Build Keras layers and models from plans.

Makes only classes on the allow-list of `seqlift.models.safety`, by name, from numbers and words.
Knows nothing of files; the weights it leaves are zeros.
"""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeGuard

import keras

from seqlift.errors import ModelError
from seqlift.models import classes, damage, safety
from seqlift.models.custom import CustomObjects, with_own
from seqlift.models.layer import failure, layer_of, place
from seqlift.models.plans import bounds
from seqlift.models.plans.order import calls_in_order, wanted_outputs
from seqlift.models.plans.plan import Call, LayerPlan, NetworkPlan, every_layer, map_refs, refs
from seqlift.models.plans.plan_checks import DAMAGED
from seqlift.models.rebuilt import Rebuilt
from seqlift.models.recipes import resolved
from seqlift.models.refused import RefusedLayersError

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
    """Build the model that a plan describes, its weights zero, all computed in float32.

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
    """Add the computations of its layers to the plan, or raise `ModelError` as `build` does."""
    network = resolved(with_own(network, objects) if objects else network, recipes or {})
    refused = [*safety.unsafe_layers(network)]  # before anything is made
    if refused:
        raise RefusedLayersError(refused)
    problems: list[str] = []
    for find in (classes.unknown_settings, bounds.oversized):
        # Sizes are looked at only where every setting is one that this Keras knows.
        problems = problems or [line for plan in every_layer(network) for line in find(plan)]
    if not problems and not network.outputs and not _is_input(network.layers[0]):
        problems = [NO_INPUT_SHAPE]
    if problems:
        raise ModelError(*problems)
    return network


def made(network: NetworkPlan, *, most_weights: int | None = None) -> keras.Model:
    """Build the model of a plan that was `checked`.

    More values in its weights than `most_weights` raise `ModelError`, and are not allocated.
    """
    with bounds.at_most(most_weights), bounds.following(sum(1 for _ in every_layer(network))):
        return _network(network)


def _is_input(plan: LayerPlan | NetworkPlan) -> TypeGuard[LayerPlan]:
    return isinstance(plan, LayerPlan) and plan.class_name == "InputLayer"


def _input(plan: LayerPlan) -> Any:
    try:
        tensor = keras.Input(
            shape=plan.settings["shape"],
            dtype=plan.settings.get("dtype", "float32"),
            name=plan.name,
        )
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise failure(plan, problem) from problem
    bounds.check_bounds(place(plan), [tensor])
    return tensor


def _made(plan: Any) -> Any:
    if isinstance(plan, tuple):
        return [_made(item) for item in plan]
    if isinstance(plan, NetworkPlan):
        return _network(plan)
    return Rebuilt(plan) if plan.expressions else layer_of(plan, _made)


def _network(plan: NetworkPlan) -> keras.Model:
    model = _functional(plan) if plan.outputs else _sequential(plan)
    if not plan.trainable:
        model.trainable = False
    return model


def _class_of(plan: NetworkPlan, base: Any) -> Any:
    # Archives have weights under the counted names of classes, so the name has to stay.
    return base if plan.subclass is None else type(plan.subclass, (base,), {})


def _sequential(plan: NetworkPlan) -> keras.Model:
    """Build a chain of layers, each called once before Keras joins them all at the end."""
    model, last = _class_of(plan, keras.Sequential)(name=plan.name), None
    for number, layer in enumerate(plan.layers, start=1):
        element = _input(layer) if _is_input(layer) else _made(layer)
        try:
            if isinstance(element, Rebuilt):
                element = element.single(last)
            if _is_input(layer):
                last = element
            elif last is not None:
                last = element(last)
                bounds.check_bounds(place(layer), keras.tree.flatten(last))
            # Rebuilt after each layer, all earlier ones would be called again each time.
            model.add(element, rebuild=number == len(plan.layers))
        except Exception as problem:  # Keras and its backends raise classes of their own
            raise failure(layer, problem) from problem
    return model


def _functional(plan: NetworkPlan) -> keras.Model:
    """Build a model whose inputs and outputs are flat lists, or single tensors."""
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
        network = _class_of(plan, keras.Model)
        return network(_unpacked(inputs), _unpacked(outputs), name=plan.name)
    except Exception as problem:  # Keras and its backends raise classes of their own
        damage.raise_refusal(problem)
        raise ModelError(
            f"the network {plan.name!r} cannot be built: {damage.cause(problem)}; {DAMAGED}"
        ) from problem


def _unpacked(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _tensors(plan: NetworkPlan) -> Mapping[tuple[str, int], list[Any]]:
    """Call every layer as often as the plan does, and collect the output tensors."""
    layers: dict[str, Any] = {}
    tensors: dict[tuple[str, int], list[Any]] = {}
    for layer in plan.layers:
        if _is_input(layer):
            tensors[layer.name, 0] = [_input(layer)]
        else:
            layers[layer.name] = _made(layer)
    wanted = wanted_outputs(plan)
    plans = {p.name: p for p in plan.layers}
    for name, number, call in calls_in_order(plan):
        made = layers[name]
        if isinstance(made, Rebuilt):
            made = partial(made.outputs, number)
        tensors[name, number] = _called(plans[name], made, call, tensors)
        _check_count(plans[name], tensors[name, number], wanted.get((name, number), 0))
    return tensors


def _check_count(plan: LayerPlan | NetworkPlan, outputs: list[Any], wanted: int) -> None:
    if len(outputs) >= wanted:
        return
    is_recipe = isinstance(plan, LayerPlan) and plan.expressions
    remedy = f"let the recipe give {wanted}, as in 'x * 2, x + 1'" if is_recipe else DAMAGED
    raise ModelError(
        f"{place(plan)} gives {len(outputs)} of the {wanted} tensors that the model uses; {remedy}"
    )


def _taken(layer: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    takes = inspect.signature(layer.call).parameters
    # Older files have every argument of a call, None for those that were not used.
    return {key: value for key, value in kwargs.items() if value is not None or key in takes}


def _called(
    plan: LayerPlan | NetworkPlan,
    layer: Any,
    call: Call,
    tensors: Mapping[tuple[str, int], list[Any]],
) -> list[Any]:
    """Call a layer once, and list its output tensors."""
    try:
        args, kwargs = map_refs(
            (call.args, dict(call.kwargs)), lambda ref: tensors[ref.layer, ref.call][ref.tensor]
        )
        if isinstance(plan, LayerPlan) and plan.expressions:
            sources = refs([call.args, call.kwargs])
            return list(layer([tensors[r.layer, r.call][r.tensor] for r in sources]))
        if isinstance(plan, NetworkPlan):
            # built above with a flat list of inputs
            args = (_unpacked(keras.tree.flatten(args[0])),)
        elif plan.operation and plan.class_name == "GetItem":
            # JSON has no tuples
            args = (args[0], tuple(args[1]) if isinstance(args[1], list) else args[1])
        flat: list[Any] = keras.tree.flatten(layer(*args, **_taken(layer, kwargs)))
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise failure(plan, problem) from problem
    bounds.check_bounds(place(plan), flat)
    return flat
