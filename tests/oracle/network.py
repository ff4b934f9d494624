"""A whole Keras model on a tape: its outputs are followed back to its inputs, layer by layer."""

from collections.abc import Sequence
from typing import Any

from oracle.layers import called
from oracle.tape import Tape, Value


def outputs_of(tape: Tape, model: Any, inputs: Sequence[Value]) -> list[Value]:
    """Return the values of a model's outputs, in its order."""
    if type(model).__name__ == "Sequential":
        (value,) = inputs
        for layer in model.layers:
            value = applied(tape, layer, [value], {})[0]
        return [value]
    known = {id(tensor): value for tensor, value in zip(model.inputs, inputs, strict=True)}
    return [followed(tape, tensor, known) for tensor in model.outputs]


def followed(tape: Tape, tensor: Any, known: dict[int, Value]) -> Value:
    """Return the value of a symbolic tensor, worked out once."""
    if id(tensor) not in known:
        layer, call, place = tensor._keras_history
        node = layer._inbound_nodes[call]
        values = [followed(tape, leaf, known) for leaf in tensors_in(node.arguments.args)]
        named = {
            name: followed(tape, argument, known)
            for name, argument in node.arguments.kwargs.items()
            if matters(name, argument)
        }
        known[id(tensor)] = applied(tape, layer, values, named)[place]
    return known[id(tensor)]


def matters(name: str, argument: Any) -> bool:
    """Return whether an argument by name is a tensor; raise NotImplementedError for other ones."""
    if hasattr(argument, "_keras_history"):
        return True
    if name != "training" and argument not in (None, False):
        raise NotImplementedError(f"a call with {name}={argument}")
    return False


def tensors_in(argument: Any) -> list[Any]:
    """Return the symbolic tensors in the arguments of a call, lists of them laid flat."""
    if isinstance(argument, (list, tuple)):
        return [leaf for item in argument for leaf in tensors_in(item)]
    return [argument] if hasattr(argument, "_keras_history") else []


def applied(
    tape: Tape, layer: Any, values: Sequence[Value], named: dict[str, Value]
) -> list[Value]:
    """Compute a layer, or a model used as one, of values."""
    if hasattr(layer, "layers") and hasattr(layer, "outputs"):
        return outputs_of(tape, layer, values)
    return [called(tape, layer, *values, **named)]


def before_last_activation(tape: Tape, value: Value) -> tuple[Value, bool]:
    """Find what goes into a last sigmoid or softmax, and whether it was a softmax."""
    name, before = tape.endings.get(value.number, ("", value))
    return before, name == "softmax"
