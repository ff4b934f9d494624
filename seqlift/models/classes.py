"""Find the class of a layer, of Keras or the user's, and the settings that it takes.

Makes no layer. Knows nothing of files.
"""

import inspect
from typing import Any

import keras

from seqlift.models import locally_connected, renamed
from seqlift.models.plans.plan import LayerPlan, NetworkPlan

OPERATION_MODULES = ("nn", "numpy", "math", "core")
"""Modules of `keras.src.ops` that hold the operations of the allow-list."""


ANYWAY = {"groups": 1, "trainable": True, "data_format": "channels_last"}
"""Settings that layers without them may carry, for behaviour that they have anyway."""


def class_of(plan: LayerPlan) -> Any:
    """Find the class of a layer or operation on the allow-list, None if this Keras lacks it."""
    if plan.own_class is not None:
        return plan.own_class
    if not plan.operation:
        # Keras 2's layers that Keras 3 lacks come first.
        homes = [
            getattr(home, plan.class_name, None)
            for home in (locally_connected, renamed, keras.layers)
        ]
        return next(filter(None, homes), None)
    for module in OPERATION_MODULES:
        found = getattr(getattr(keras.src.ops, module), plan.class_name, None)
        if found is not None:
            return found
    return None


GIVE_CODE_IF_OWN = "give its code with --custom-objects FILE.py if it is a layer of your own"


def may_be_own(plan: LayerPlan | NetworkPlan) -> bool:
    """Tell whether a layer with a name of Keras may be of a user's class of that name.

    Older files do not record the module of a class.
    """
    if isinstance(plan, NetworkPlan):
        return False
    return plan.module is None and not plan.operation and plan.class_name != "InputLayer"


def accepted_by(cls: Any) -> set[str]:
    """Collect the names of the settings that a class takes, also those for its bases."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters
        names |= {name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD}
        hands_on = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        # what it does not pass on never reaches its bases
        if base is keras.layers.Layer or not hands_on:
            break
    return names - {"self"}


def unknown_settings(plan: LayerPlan) -> list[str]:
    """Write a line for each setting that the installed Keras would have to leave out.

    Leaving out what is None or False is harmless: that is how the absence of a feature is written.
    """
    place = f"layer {plan.name!r} ({plan.class_name})"
    if plan.expressions:
        return []
    cls = class_of(plan)
    if cls is None:
        return [f"{place} is not in Keras {keras.__version__}; install a newer Keras"]
    accepted = accepted_by(cls)
    if plan.own_class is not None:
        return [
            f"{place} has the setting {key}={value!r}, which its class in the custom objects does "
            "not take; add it to __init__"
            for key, value in plan.settings.items()
            if key not in accepted and value is not None and ANYWAY.get(key) != value
        ]
    remedy = "install the Keras that saved the model, or a newer one"
    if may_be_own(plan):
        remedy = f"{GIVE_CODE_IF_OWN}; else {remedy}"
    return [
        f"{place} has the setting {key}={value!r}, unknown to Keras {keras.__version__}; {remedy}"
        for key, value in plan.settings.items()
        # The absence of a feature is written as None or False: without it the layer is the same.
        if key not in accepted and value is not None and value is not False
        if ANYWAY.get(key) != value
    ]
