"""Check that a plan holds together: its names are names, and its networks have ends.

Done on the way from a record to a plan, before anything is built.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, cast

from seqlift.errors import ModelError
from seqlift.models.plans.plan import LayerPlan, NetworkPlan

DAMAGED = "the file is damaged: save the model again"


MOST_LAYERS = 4_000
"""Layers that a network may have, those within others included; the largest have a thousand, and
those of 5,000 take TensorFlow many minutes to compile."""

DEEPEST_NETWORK = 30
"""Deepest nesting of networks and wrappers; Keras and TensorFlow recurse into them."""


def check_size(network: NetworkPlan) -> None:
    """Raise `ModelError` for a network of too many layers, or nested too deeply."""
    number, level = 0, [cast(NetworkPlan | LayerPlan, network)]
    # Level by level: recursion would end before the check does.
    for depth in range(DEEPEST_NETWORK + 2):
        number += len(level)
        if number > MOST_LAYERS or depth > DEEPEST_NETWORK:
            what = f"more than {MOST_LAYERS} layers"
            if depth > DEEPEST_NETWORK:
                what = f"networks and wrappers nested more than {DEEPEST_NETWORK} deep"
            raise ModelError(
                f"the network {network.name!r} has {what}; rebuild it with fewer and save it again"
            )
        level = [child for plan in level for child in _within(plan)]
        if not level:
            return


def _within(plan: NetworkPlan | LayerPlan) -> Iterator[NetworkPlan | LayerPlan]:
    inner: Iterable[Any] = plan.layers if isinstance(plan, NetworkPlan) else plan.inner.values()
    for child in inner:
        yield from child if isinstance(child, tuple) else (child,)


def check_words(plan: NetworkPlan | LayerPlan) -> None:
    """Raise `ModelError` for a name that is not text, or that a terminal would obey."""
    written = {"name": plan.name, "class name": plan.class_name}
    if isinstance(plan, LayerPlan):
        recorded = {"module": plan.module, "registered name": plan.registered_name}
        written |= {key: value for key, value in recorded.items() if value is not None}
    for key, value in written.items():
        # names are printed in messages
        if not (isinstance(value, str) and value and value.isprintable()):
            raise ModelError(f"a layer has the {key} {value!r}, which is not a name; {DAMAGED}")
    for one in _within(plan):
        check_words(one)


def check_names(network: NetworkPlan) -> None:
    """Raise `ModelError` where layers of one network share a name, as names identify tensors."""
    names = Counter(layer.name for layer in network.layers)
    problems = [
        f"{count} layers are named {name!r}; {DAMAGED}"
        for name, count in names.items()
        if count > 1
    ]
    if problems:
        raise ModelError(*problems)
    for layer in network.layers:
        if isinstance(layer, NetworkPlan):
            check_names(layer)


def check_ends(plan: NetworkPlan) -> None:
    """Raise `ModelError` for a Functional network without ends, or that begins in its middle."""
    for what, found in (
        ("layers", plan.layers),
        ("inputs", plan.inputs),
        ("outputs", plan.outputs),
    ):
        if not found:
            raise ModelError(f"the network {plan.name!r} has no {what}; {DAMAGED}")
    fed = {one.name for one in plan.layers if one.class_name != "InputLayer"}
    for ref in plan.inputs:
        if ref.layer in fed:
            raise ModelError(
                f"the network {plan.name!r} has the input {ref.layer!r}, which is not an"
                f" InputLayer; {DAMAGED}"
            )
