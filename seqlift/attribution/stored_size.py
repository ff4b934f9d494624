"""Estimate the memory of a graph's large weights once they are stored for its compiled passes.

Knows graphs and rules; knows nothing of free memory.
"""

from seqlift.attribution.propagation.passes import Rules, sources_of_parts
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Constant, Weighted

KERNEL_FORMS = 2
"""Arrays of a kernel: as it is for the way forward, turned for the way back."""

KERNEL_FORMS_OF_PARTS = 5
"""The same with its positive weights, its negative ones, and turned with the sizes of both."""


def stored_values(graph: Graph, needed: tuple[int, ...], rules: Rules, *, large: int) -> int:
    """Count the numbers stored of weights of at least `large` values, by the rules of the nodes.

    `needed` are the nodes that are computed. A node that differs in no sequence is counted like
    the others.
    """
    _, makers = sources_of_parts(graph, rules, needed)  # kernels that are also stored by sign
    total = 0
    for i in needed:
        primitive = graph.nodes[i].primitive
        if isinstance(primitive, Weighted) and primitive.kernel.size >= large:
            total += primitive.kernel.size * (
                KERNEL_FORMS_OF_PARTS if i in makers else KERNEL_FORMS
            )
        elif isinstance(primitive, Constant) and primitive.value.size >= large:
            total += primitive.value.size
    return total
