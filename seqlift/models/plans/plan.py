"""Plan a network as plain values: layers, their settings, and their connections.

A plan is read from a model file by `seqlift.models.records`, checked by `seqlift.models.safety` and
made by `seqlift.models.build`. A class name in it is only a name.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TensorRef:
    """One output tensor of one call of a layer."""

    layer: str
    call: int
    tensor: int


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a layer; tensors among the arguments are `TensorRef`."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """A layer (or, in Keras 3 files, an operation) as its file describes it.

    `expressions` are the computations of a Lambda's calls, and `refusal` the reason where they are
    unknown (see `seqlift.models.recipes`). `own_class` is the user's class of that name (see
    `seqlift.models.custom`), and `written` its class name and settings as in the file.
    """

    name: str
    class_name: str
    settings: Mapping[str, Any]
    inner: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    module: str | None = None
    registered_name: str | None = None
    operation: bool = False
    expressions: tuple[Any, ...] = ()
    refusal: str | None = None
    own_class: Any = None
    written: tuple[str, Mapping[str, Any]] = ("", {})


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A Sequential model (`inputs` and `outputs` empty) or a Functional one.

    `subclass` and `registered_name` are the names of a class that the user derived from either,
    and `own_class` that class.
    """

    name: str
    class_name: str
    layers: tuple["LayerPlan | NetworkPlan", ...]
    inputs: tuple[TensorRef, ...] = ()
    outputs: tuple[TensorRef, ...] = ()
    calls: tuple[Call, ...] = ()
    trainable: bool = True
    subclass: str | None = None
    registered_name: str | None = None
    own_class: Any = None


def every_layer(plan: NetworkPlan | LayerPlan) -> Iterator[LayerPlan]:
    """Yield each layer of a plan, those inside nested networks and wrappers included."""
    if isinstance(plan, LayerPlan):
        yield plan
        children = [p for inner in plan.inner.values() for p in _listed(inner)]
    else:
        children = list(plan.layers)
    for child in children:
        yield from every_layer(child)


def every_network(plan: NetworkPlan | LayerPlan) -> Iterator[NetworkPlan]:
    """Yield each network of a plan, itself and those inside networks and wrappers included."""
    if isinstance(plan, NetworkPlan):
        yield plan
        children = list(plan.layers)
    else:
        children = [p for inner in plan.inner.values() for p in _listed(inner)]
    for child in children:
        yield from every_network(child)


def map_refs(value: Any, change: Callable[[TensorRef], Any]) -> Any:
    """Change every `TensorRef` in nested lists, tuples and mappings."""
    if isinstance(value, TensorRef):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(map_refs(item, change) for item in value)
    if isinstance(value, Mapping):
        return {key: map_refs(item, change) for key, item in value.items()}
    return value


def refs(value: Any) -> list[TensorRef]:
    """List every `TensorRef` in nested lists, tuples and mappings, mappings by sorted key."""
    if isinstance(value, TensorRef):
        return [value]
    if isinstance(value, Mapping):
        value = [value[key] for key in sorted(value)]  # an order that does not depend on the writer
    return [ref for item in value for ref in refs(item)] if isinstance(value, list | tuple) else []


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
