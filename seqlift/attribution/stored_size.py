"""Estimate the memory of a graph's large weights once they are stored for its compiled passes.

Knows graphs and rules; knows nothing of free memory.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from seqlift.attribution.propagation.passes import Rules, rules_by, sources_of_parts
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Primitive
from seqlift.network.recurrence import Recurrence

KERNEL_FORMS = 2
"""Arrays of a kernel: as it is for the way forward, turned for the way back."""

KERNEL_FORMS_OF_PARTS = 5
"""The same with its positive weights, its negative ones, and turned with the sizes of both."""


def stored_values(graph: Graph, needed: Iterable[int], rules: Rules, *, large: int) -> int:
    """Count the numbers stored of weights of at least `large` values, by the rules of the nodes.

    `needed` are the nodes that are computed. A node that differs in no sequence is counted like
    the others; weights of a recurrence once, however many positions it has.
    """
    needed = tuple(needed)
    _, makers = sources_of_parts(graph, rules, needed)  # kernels that are also stored by sign
    total = 0
    for i in needed:
        primitive = graph.nodes[i].primitive
        if isinstance(primitive, Recurrence):
            step = primitive.step
            inside = rules_by(rules[i], step) if i in rules else {}
            total += stored_values(step, range(len(step.nodes)), inside, large=large)
        for name, size in sizes_of_arrays(primitive):
            if size >= large:
                total += size * (forms_of_kernel(i in makers) if name == "kernel" else 1)
    return total


def sizes_of_arrays(primitive: Primitive) -> Iterator[tuple[str, int]]:
    """Yield the name and the size of each array of a primitive."""
    for name, value in getattr(primitive, "__dict__", {}).items():
        if isinstance(value, np.ndarray):
            yield name, value.size


def forms_of_kernel(is_maker: bool) -> int:
    return KERNEL_FORMS_OF_PARTS if is_maker else KERNEL_FORMS
