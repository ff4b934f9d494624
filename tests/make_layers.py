"""Write docs/layers.md: what each layer becomes, and how exactly its scores sum up.

    python tests/make_layers.py

Every model of the tests' table of layers is lowered with random weights and explained against
dinucleotide-shuffled references, in float32 and in float64.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import keras
import numpy as np
from conftest import ROOT
from keras.layers import Flatten
from layer_table import CASES
from nets import Array, chain, eager, graph_of, inputs_for, made, random_head
from test_locally import LOWERED
from test_operations import GROUPS, SEQUENCE, outputs_of

from seqlift.attribution.result import Result
from seqlift.inputs.onehot import one_hot
from seqlift.inputs.references import parse
from seqlift.lowering.operations.refusal import REFUSALS
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Constant, Linear

RULES = ("genomics", "rescale")
PRECISIONS = ("float32", "float64")
SHORTEST = 10  # bases of which dinucleotide shuffles are other sequences
FRAME = {"InputLayer", "Conv1D", "Conv2D", "Conv3D", "Dense", "Flatten", "Activation"}
"""Layers that the small models have around the one they are about."""

HEAD = """# Layers

What each layer becomes, and the largest residual (difference of predictions less the sum of
contributions, relative to the largest prediction, reference prediction or difference of the model)
over small random models, three sequences with four references each, and the rules `genomics` and
`rescale`. References are dinucleotide shuffles; of images, and of sequences of a few bases, random.
Nodes of Keras 2 files (`TFOpLambda`, `SlicingOpLambda`) become the operations below. **Bold**
primitives are propagated through by a rule, the others by their transpose. Made by
`python tests/make_layers.py`.

| layer | primitives | float32 | float64 |
|---|---|---|---|
"""

OPERATIONS = """
# Operations

Functions of `keras.ops` that stand in a model without a layer, and what a Lambda or a layer of your
own is rebuilt of. `x` and `y` are tensors that depend on the sequence, `p` is such a one above
zero, `table` a constant.

| expression | primitives | float32 | float64 |
|---|---|---|---|
"""

REFUSED = """
Refused by name where they depend on the sequence, because what they give jumps, has no slope, or
mixes sequences: """

LOCALLY_CONNECTED = {
    f"{type(layer()).__name__}({name})": (chain(lambda made=layer: [made(), Flatten()]), shape)
    for name, (layer, shape) in LOWERED.items()
}
"""Layers that Keras 3 lacks, and files of Keras 2 have."""

Row = tuple[str, list[str], dict[str, float]]


def pairs(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Return sequences and dinucleotide-shuffled references.

    Random ones where the input is not a sequence, or so short that its only shuffle is itself.
    """
    if len(shape) != 2 or shape[1] != 4 or shape[0] < SHORTEST:
        return inputs_for(shape, 3, 4)
    codes = np.random.default_rng(1).integers(0, 4, (3, shape[0])).astype(np.uint8)
    drawn = parse("dinucleotide", seed=1, number=4).draw(codes)
    return one_hot(codes, np.float64), one_hot(drawn, np.float64)


def residuals(graph: Graph, output: int, x: Array, x0: Array) -> dict[str, float]:
    """Return the largest relative residual of an output in each precision."""

    def relative(result: Result) -> float:
        if not result.difference.any():
            raise ValueError("sequences and references differ by nothing: nothing was measured")
        sizes = (result.prediction, result.reference_prediction, result.difference)
        return float(np.abs(result.residual).max() / max(np.abs(size).max() for size in sizes))

    head = random_head(graph, output)
    return {
        dtype: max(relative(eager(graph, head, x, x0, rule=r, dtype=dtype)) for r in RULES)
        for dtype in PRECISIONS
    }


def shown(graph: Graph, nodes: Iterable[int]) -> list[str]:
    """Return the names of primitives, each once, bold where a rule crosses them."""
    kinds = [graph.nodes[i].primitive for i in nodes]
    names = (
        k.describe() if isinstance(k, Linear | Constant) else f"**{k.describe()}**" for k in kinds
    )
    return list(dict.fromkeys(names))


def own_nodes(graph: Graph, layer_class: str, case: str) -> list[int]:
    """Return the nodes that calls of a layer class became; of an activation, less its layer's."""
    wanted = ("Activation", "Conv1D") if case.startswith("activation ") else (layer_class,)
    nodes = [i for call in graph.calls if call.layer_class in wanted for i in call.nodes]
    if case.startswith("activation "):
        return [i for i in nodes if graph.nodes[i].primitive.describe() != "convolution"]
    return nodes


def subjects(case: str, graph: Graph) -> list[str]:
    """Return the layer classes that a case is about."""
    classes = list(dict.fromkeys(call.layer_class for call in graph.calls))
    first = [cls for cls in classes if case.startswith(f"{cls}(")]
    layers = [cls for cls in classes if cls not in FRAME and hasattr(keras.layers, cls)]
    named = [cls for cls in layers if f"{cls}(" in case]
    return list(dict.fromkeys((*first, *named))) or layers or [classes[-1]]


def layer_rows() -> list[Row]:
    """Return, per layer, its primitives and the largest residual in each precision."""
    became: dict[str, dict[str, None]] = defaultdict(dict)
    worst: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(PRECISIONS, 0.0))
    for case, (body, shape) in (CASES | LOCALLY_CONNECTED).items():
        keras.backend.clear_session()
        graph = graph_of(made(body, shape))
        found = residuals(graph, 0, *pairs(shape))
        activation = case.startswith("activation ")
        for layer in ["Activation"] if activation else subjects(case, graph):
            key = f"{layer}: {case.split()[1]}" if activation else layer
            became[key] |= dict.fromkeys(shown(graph, own_nodes(graph, layer, case)))
            worst[key] = {dtype: max(worst[key][dtype], found[dtype]) for dtype in PRECISIONS}
    return [(layer, list(became[layer]), worst[layer]) for layer in sorted(became)]


def operation_rows() -> list[Row]:
    """Return the same per expression; a group of them is one model with an output for each."""
    rows: list[Row] = []
    x, x0 = pairs(SEQUENCE)
    for expressions in GROUPS.values():
        keras.backend.clear_session()
        graph = graph_of(made(outputs_of(expressions), SEQUENCE))
        behind = [graph.ancestors([node]) for node in graph.outputs]
        users = Counter(i for nodes in behind for i in nodes)
        for number, text in enumerate(expressions):
            own = [i for i in behind[number] if users[i] == 1]
            rows.append((f"`{text}`", shown(graph, own), residuals(graph, number, x, x0)))
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return the lines of a table."""
    return "".join(
        f"| {name} | {', '.join(kinds) or 'nothing'} |"
        f" {found['float32']:.1e} | {found['float64']:.1e} |\n"
        for name, kinds, found in rows
    )


def main() -> None:
    """Write the tables."""
    refused = ", ".join(sorted(kind.__name__ for kind in REFUSALS))
    page = HEAD + table(layer_rows()) + OPERATIONS + table(operation_rows()) + REFUSED
    (ROOT / "docs" / "layers.md").write_text(f"{page}{refused}.\n", encoding="utf-8")


if __name__ == "__main__":
    main()
