"""Build one Keras layer from its plan, with the layers it holds.

Makes only classes on the allow-list of `seqlift.models.safety`, by name, or the user's own. Knows
nothing of networks: the caller passes the function that makes a wrapper's layers.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from seqlift.errors import ModelError
from seqlift.models import classes, damage, legacy
from seqlift.models.plans import bounds
from seqlift.models.plans.plan import LayerPlan, NetworkPlan, every_layer

Make = Callable[[Any], Any]
"""Makes a layer, a network or a list of either from its plan."""


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Compute clip(0.2 x + 0.5, 0, 1), as `hard_sigmoid` did until Keras 3."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def layer_of(plan: LayerPlan, make: Make) -> Any:
    """Make the layer of a plan, its weights zeros; `make` makes the layers in it.

    What Keras refuses raises `ModelError`.
    """
    cls = classes.class_of(plan)
    try:
        with keras.saving.custom_object_scope(_held_by(plan)):
            if plan.own_class is not None:
                return _own_layer(plan, cls, make)
            return cls(**_arguments(plan, cls, make))
    except ModelError:
        raise
    except Exception as problem:  # Keras and its backends raise classes of their own
        raise failure(plan, problem) from problem


def failure(plan: LayerPlan | NetworkPlan, problem: Exception) -> ModelError:
    """Make the error for a layer that Keras refuses, with the line that says the cause."""
    damage.raise_refusal(problem)
    if isinstance(problem, ModelError):  # it names the layer and the remedy itself
        return problem
    remedy = "the file is damaged or of an unknown Keras: save the model again"
    if isinstance(plan, LayerPlan) and plan.own_class is not None:
        remedy = "mend its class in the custom objects"
    elif _is_of_arguments(problem) and classes.may_be_own(plan):
        remedy = f"{classes.GIVE_CODE_IF_OWN}; else {remedy}"
    return ModelError(f"{place(plan)} cannot be built: {damage.cause(problem)}; {remedy}")


def _is_of_arguments(problem: Exception) -> bool:
    return isinstance(problem, TypeError) and "argument" in str(problem)


def place(plan: LayerPlan | NetworkPlan) -> str:
    """Name a layer in a message."""
    return f"layer {plan.name!r} ({plan.class_name})"


def _arguments(plan: LayerPlan, cls: Any, make: Make) -> dict[str, Any]:
    """Collect the arguments of a layer's class; initial weights are zeros, to be replaced."""
    accepted, own = classes.accepted_by(cls), inspect.signature(cls.__init__).parameters
    zeros = "zeros" if plan.own_class is not None else bounds.BoundedZeros()
    arguments: dict[str, Any] = {key: zeros for key in own if key.endswith("_initializer")}
    if "data_format" in own:
        arguments["data_format"] = "channels_last"  # not the choice in the user's keras.json
    if "dtype" in accepted and not plan.operation:  # whatever the policy was in training
        arguments["dtype"] = "float32"
    arguments |= {key: value for key, value in plan.settings.items() if key in accepted}
    arguments = {key: _function(value) for key, value in arguments.items()}
    # () is None
    arguments |= {key: make(inner) for key, inner in plan.inner.items() if inner != ()}
    return arguments | {"name": plan.name}


def _function(value: Any) -> Any:
    is_name = isinstance(value, str) and value == legacy.KERAS_2_HARD_SIGMOID
    return hard_sigmoid_of_keras_2 if is_name else value


def _held_by(wrapper: LayerPlan) -> dict[str, Any]:
    """Collect by name the objects that a wrapper such as Bidirectional needs to copy its layers.

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


def _own_layer(plan: LayerPlan, cls: Any, make: Make) -> Any:
    arguments = _arguments(plan, cls, make)
    if "name" not in classes.accepted_by(cls):
        del arguments["name"]
    # Its own from_config may turn what a file has into what its constructor takes.
    layer = cls.from_config(arguments) if "from_config" in vars(cls) else cls(**arguments)
    layer.name = plan.name
    return layer
