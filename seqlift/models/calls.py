"""Check the arguments, besides tensors, that a model's calls of its layers fix.

``layer(x, training=True)`` fixes that a layer works as in training, also when the model predicts. A
layer that then normalises by its batch is refused; dropout and noise are explained as at inference,
and noted. Knows built models; knows nothing of files.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from seqlift.errors import ModelError
from seqlift.models.expressions import nodes
from seqlift.models.plans.plan import Call, NetworkPlan, refs
from seqlift.models.random_layers import draws_in_training

WITHOUT_TRAINING = "build the model without training=True there and save it again"

BATCH_DEPENDENT = {
    keras.layers.BatchNormalization: (
        "it normalises by the statistics of each batch, which are not a function of one sequence"
    ),
    keras.layers.SpectralNormalization: "it changes its weights with every batch",
}
"""Layers whose results in training depend on other sequences, and how."""


def call_notes(model: keras.Model) -> tuple[str, ...]:
    """Check the arguments that calls fix, and note those explained as at inference all the same.

    Raises `ModelError`, with a line for each, for layers whose results would depend on the other
    sequences of a batch.
    """
    problems: list[str] = []
    noted: list[str] = []
    for layer in _in_training(model):
        for part in _parts(layer):
            within = "" if part is layer else f" in {layer.name!r}"
            place = f"{part.name!r} ({type(part).__name__}){within}"
            reason = next(
                (why for kind, why in BATCH_DEPENDENT.items() if isinstance(part, kind)), ""
            )
            if reason and part.trainable:  # a frozen one works as at inference
                called = ", which is called" if within else " is called"
                problems.append(
                    f"layer {place}{called} with training=True: {reason}; {WITHOUT_TRAINING}"
                )
            # own code may ask for the argument
            elif reason or draws_in_training(part) or is_own(part):
                noted.append(place)
    if problems:
        raise ModelError(*dict.fromkeys(problems))
    if not noted:
        return ()
    listed = ", ".join(dict.fromkeys(noted))
    return (f"called with training=True, and explained as at inference: {listed}",)


def is_own(layer: Any) -> bool:
    return type(layer).__module__.split(".")[0] not in ("keras", "seqlift")


def without_recipe(network: NetworkPlan) -> Iterator[str]:
    """Yield a note for each layer with a recipe that is called with more than its input."""
    for plan in network.layers:
        if isinstance(plan, NetworkPlan):
            yield from without_recipe(plan)
        elif plan.expressions and plan.class_name not in nodes.NODE_CLASSES:
            words = dict.fromkeys(word for call in plan.calls for word in _besides_input(call))
            if words:
                yield (
                    f"layer {plan.name!r} ({plan.class_name}) is called with {', '.join(words)}, "
                    "which its recipe does not have"
                )


def _besides_input(call: Call) -> Iterator[str]:
    """Yield the names of a call's arguments besides the tensors that a recipe is for."""
    named: Mapping[str, Any] = {f"argument {n}": v for n, v in enumerate(call.args[1:], start=2)}
    for key, value in {**named, **call.kwargs}.items():
        if value is None or (key == "training" and value is False):
            continue
        yield f"{key}, a tensor" if refs(value) else f"{key}={value}"


def _in_training(model: Any) -> Iterator[Any]:
    for layer in model._flatten_layers():
        if isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth"):
            for node in (node for nodes in layer._nodes_by_depth.values() for node in nodes):
                if node.arguments.kwargs.get("training") not in (None, False, 0):
                    yield node.operation


def _parts(layer: Any) -> Iterator[Any]:
    yield layer
    if not draws_in_training(layer):
        for part in layer._layers:
            yield from _parts(part)
