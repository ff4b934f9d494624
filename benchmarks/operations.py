"""Floating point operations that scores need, counted from the shapes of a network.

Knows descriptions (`models`); knows no framework and no clock. A multiplication and an addition
are two operations. Convolutions and dense layers are counted; what else there is to compute
(activations, rules, sums) is some thousandth of them.
"""

from collections.abc import Iterable

from models import INPUT, Description, shapes

TARGETS = {"profile": 0, "counts": 1}
"""The number of the output that a target of a BPNet-like model is computed from."""


def of_layers(model: Description) -> dict[str, int]:
    """Return the operations of each layer for one sequence forward; as many take it back."""
    known = shapes(model)
    counted = {}
    for layer in model["layers"]:
        positions, channels = known[layer["of"][0]]
        if layer["kind"] == "conv":
            counted[layer["name"]] = (
                2 * known[layer["name"]][0] * layer["units"] * layer["size"] * channels
            )
        elif layer["kind"] == "dense":
            counted[layer["name"]] = 2 * positions * channels * layer["units"]
    return counted


def needed_for(model: Description, outputs: Iterable[str]) -> set[str]:
    """Return the names of the layers that `outputs` are computed from, themselves included."""
    wanted = set(outputs)
    for layer in reversed(model["layers"]):
        if layer["name"] in wanted:
            wanted.update(layer["of"])
    return wanted - {INPUT}


def of_scores(model: Description, targets: Iterable[str], references: int) -> int:
    """Return the operations for one sequence: 1 + R passes forward, R back for each target."""
    counted = of_layers(model)
    outputs = [model["outputs"][TARGETS[target]] for target in targets]

    def one_pass(names: Iterable[str]) -> int:
        return sum(counted.get(name, 0) for name in needed_for(model, names))

    back = sum(one_pass([output]) for output in outputs)
    return (1 + references) * one_pass(outputs) + references * back
