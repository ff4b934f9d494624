"""Write docs/layers.md: what each layer becomes, and how exactly its scores sum up.

    python docs/make_layers.py

Every model of the tests' table of layers is lowered with random weights and explained against
dinucleotide-shuffled references, in float32 and in float64.
"""

import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

import keras  # noqa: E402  (the tests' folder has to be on the path first)
import numpy as np  # noqa: E402
from layer_table import CASES  # noqa: E402
from nets import eager, graph_of, inputs_for, made, random_head, relative_residual  # noqa: E402

from seqlift.attribution.graph import Graph  # noqa: E402
from seqlift.attribution.primitives.base import Linear  # noqa: E402
from seqlift.inputs.onehot import one_hot  # noqa: E402
from seqlift.inputs.references import parse  # noqa: E402

RULES = ("genomics", "rescale")
FRAME = {"InputLayer", "Conv1D", "Conv2D", "Dense", "Flatten", "Activation"}
"""Layers that the small models have around the one they are about."""

HEAD = """# Layers

What each layer becomes, and the largest residual (difference of predictions less the sum of
contributions, relative to the largest of prediction, reference prediction and difference) over
small random models, four dinucleotide-shuffled references per sequence, and the rules `genomics`
and `rescale`. **Bold** primitives are crossed by a rule, the others by their transpose. Made by
`python docs/make_layers.py`; the tests hold every model below to 1e-5 in float32 and 1e-10 in
float64.

| layer | primitives | float32 | float64 |
|---|---|---|---|
"""


def pairs(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return sequences and dinucleotide-shuffled references; of images, random ones."""
    if len(shape) != 2 or shape[1] != 4:
        return inputs_for(shape, 3, 4)
    codes = np.random.default_rng(1).integers(0, 4, (3, shape[0])).astype(np.uint8)
    drawn = parse("dinucleotide", seed=1, number=4).draw(codes)
    return one_hot(codes, np.float64), one_hot(drawn, np.float64)


def primitives(graph: Graph, layer_class: str) -> list[str]:
    """Return what calls of a layer class became, in order, each once."""
    nodes = [i for call in graph.calls if call.layer_class == layer_class for i in call.nodes]
    kinds = [graph.nodes[i].primitive for i in nodes]
    shown = (k.describe() if isinstance(k, Linear) else f"**{k.describe()}**" for k in kinds)
    return list(dict.fromkeys(shown))


def subjects(name: str, graph: Graph) -> list[str]:
    """Return the layer classes that a case is about."""
    classes = list(dict.fromkeys(call.layer_class for call in graph.calls))
    named = [cls for cls in classes if name.startswith((f"{cls}(", f"activation {cls}"))]
    return named or [cls for cls in classes if cls not in FRAME] or [classes[-1]]


def measured() -> dict[str, tuple[list[str], dict[str, float]]]:
    """Return, per layer, its primitives and the largest residual in each precision."""
    became: dict[str, dict[str, None]] = defaultdict(dict)
    worst: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for name, (body, shape) in CASES.items():
        keras.backend.clear_session()
        graph = graph_of(made(body, shape))
        x, x0 = pairs(shape)
        found = {
            dtype: max(
                relative_residual(eager(graph, random_head(graph), x, x0, rule=rule, dtype=dtype))
                for rule in RULES
            )
            for dtype in ("float32", "float64")
        }
        for layer in subjects(name, graph):
            key = f"Activation: {name.split()[1]}" if name.startswith("activation ") else layer
            became[key] |= dict.fromkeys(primitives(graph, layer))
            for dtype, residual in found.items():
                worst[key][dtype] = max(worst[key][dtype], residual)
    return {layer: (list(became[layer]), worst[layer]) for layer in sorted(became)}


def main() -> None:
    """Write the table."""
    rows = [
        f"| {layer} | {', '.join(kinds) or 'nothing'} | {residuals['float32']:.1e} |"
        f" {residuals['float64']:.1e} |"
        for layer, (kinds, residuals) in measured().items()
    ]
    (HERE / "layers.md").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
