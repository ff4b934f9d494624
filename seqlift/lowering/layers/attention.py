"""Attention layers: products, a softmax, and a product again.

Scores are the products of queries and keys, (heads, queries, keys) for each row; weights are their
softmax over the keys. A mask that depends on the sequence is refused.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers
from numpy.typing import NDArray

from seqlift.lowering.compositions.composition import product, reshaped, scale_node, taken
from seqlift.lowering.compositions.place import Lower, Place, weights_of
from seqlift.lowering.layers.activation import activate
from seqlift.lowering.layers.masks import FAR_BELOW
from seqlift.lowering.layers.masks import attention_mask as mask_of
from seqlift.network.primitives import elementwise
from seqlift.network.primitives.affine import Sum, WeightedSum
from seqlift.network.primitives.product import Contraction, Einsum
from seqlift.network.primitives.softmax import Softmax


@dataclass(frozen=True, slots=True)
class Scores:
    """Scaling and masking of the products of queries and keys before the softmax.

    They are multiplied by `factor`; `bias` is added and where `mask` is false they are left out;
    both broadcast against (heads, queries, keys). With `window`, a query sees the keys less than so
    many places away; `causal`, none after itself.
    """

    factor: float = 1.0
    causal: bool = False
    window: int | None = None
    mask: NDArray[Any] | None = None
    bias: NDArray[Any] | None = None

    def seen(self, queries: int, keys: int) -> NDArray[np.bool_]:
        """Mark the keys that each query sees, to broadcast against (heads, queries, keys)."""
        row, column = np.indices((queries, keys))
        seen = np.ones((queries, keys), bool) if self.mask is None else self.mask.astype(bool)
        if self.causal:
            seen = seen & (row >= column)
        if self.window is not None:
            seen = seen & (np.abs(row - column) < self.window)
        return seen

    def weights(self, place: Place, products: int) -> int:
        """Add the softmax of the scores over the keys, the last axis."""
        *_, queries, keys = place.shape(products)
        seen = self.seen(queries, keys)
        if not np.all(np.any(seen, axis=-1)):
            raise place.refuse(
                "has queries that see no key, and what Keras makes of them is rounding; widen the"
                " mask or the window"
            )
        offset = np.where(seen, 0.0, FAR_BELOW) + (0.0 if self.bias is None else self.bias)
        if self.factor != 1.0 or np.any(offset):
            products = scale_node(place, products, self.factor, offset)
        return place.add(Softmax(len(place.shape(products)) - 1), products)


def attend(place: Place, scores: Scores, query: int, key: int, value: int) -> tuple[int, int]:
    """Add attention with several heads: its output and its weights.

    `query`, `key` and `value` are (positions, heads, size); the output is (queries, heads, size),
    the weights (heads, queries, keys). Keys and values that are fewer heads serve several queries'.
    """
    heads = place.shape(query)[1]
    # Grouped-query attention has fewer heads of keys and values than of queries.
    key, value = (shared_by(place, node, heads) for node in (key, value))
    products = place.add(Einsum("qhd,khd->hqk"), query, key)
    weights = scores.weights(place, products)
    return place.add(Einsum("hqk,khd->qhd"), weights, value), weights


def shared_by(place: Place, node: int, heads: int) -> int:
    """Repeat key/value heads until there are `heads` of them (grouped-query attention)."""
    own = place.shape(node)[1]
    return taken(place, node, 1, np.repeat(np.arange(own), heads // own).tolist())


def lower_single_head(
    layer: Any,
    place: Place,
    *nodes: int,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
) -> Any:
    query, value, *rest = nodes
    key = rest[0] if rest else value
    products = products_of(layer, place, query, key)
    weights = Scores(causal=use_causal_mask).weights(place, products)
    output = place.add(Einsum("qk,kd->qd"), weights, value)
    return (output, weights) if return_attention_scores else output


def products_of(layer: Any, place: Place, query: int, key: int) -> int:
    """Add the scores (queries, keys) of an attention layer with one head."""
    scale = None if layer.scale is None else weights_of(layer.scale)
    additive = isinstance(layer, layers.AdditiveAttention)
    if not additive and layer.score_mode == "dot":
        products = place.add(Einsum("qd,kd->qk"), query, key)
        return products if scale is None else scale_node(place, products, scale)
    rows, columns = place.shape(query)[0], place.shape(key)[0]
    one = reshaped(place, query, (rows, 1, place.shape(query)[1]))
    other = reshaped(place, key, (1, columns, place.shape(key)[1]))
    total = place.add(WeightedSum((1.0, 1.0)), one, other)
    if scale is not None and not additive:
        total = scale_node(place, total, scale)
    bent = place.add(elementwise.TANH, total)
    if scale is not None and additive:
        bent = scale_node(place, bent, scale)
    products = place.add(Sum((2,)), bent)
    return (
        products if additive else scale_node(place, products, weights_of(layer.concat_score_weight))
    )


def lower_multi_head(
    layer: Any,
    place: Place,
    query: int,
    value: int,
    key: int | None = None,
    *,
    query_mask: Any = None,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
) -> Any:
    if len(place.shape(query)) != 2:
        raise place.refuse(
            f"attends over {len(place.shape(query)) - 1} axes, which has no lowering; flatten them"
            " to one"
        )
    axes = getattr(layer, "_attention_axes", None)
    if axes is not None and tuple(axes) != (1,):
        raise place.refuse(
            f"attends along the axes {tuple(axes)}; permute the input, to attend along axis 1"
        )
    key = value if key is None else key
    sides = (layer._query_dense, query), (layer._key_dense, key), (layer._value_dense, value)
    projected = [project(dense, place, node) for dense, node in sides]
    grouped = isinstance(layer, layers.GroupQueryAttention)
    # Keras has the same settings of the two classes under different names.
    factor = layer._inverse_sqrt_head_dim if grouped else layer._inverse_sqrt_key_dim
    window = layer.sliding_window if grouped else layer._sliding_window
    masks = {"attention_mask": attention_mask, "query_mask": query_mask}
    mask = mask_of(place, masks | {"value_mask": value_mask, "key_mask": key_mask})
    scores = Scores(factor, causal=use_causal_mask, window=window, mask=mask)
    output, weights = attend(place, scores, *projected)
    if layer.use_gate if grouped else layer._use_gate:
        output = product(place, output, project(layer._gate_dense, place, query))
    output = project(layer._output_dense, place, output)
    return (output, weights) if return_attention_scores else output


def project(layer: layers.EinsumDense, place: Place, node: int) -> int:
    """Sum products with weights, and add a bias and the activation."""
    kernel = weights_of(layer.kernel)
    bias = None if layer.bias is None else weights_of(layer.bias)
    try:
        contraction = Contraction(kernel, bias, per_row(layer.equation, len(place.shape(node))))
        result = place.add(contraction, node)
    except ValueError as problem:
        raise place.refuse(
            f"has the equation {layer.equation}, which cannot be turned round ({problem}); use one"
            " where each letter stands in two of the three parts"
        ) from None
    return activate(layer.activation, place, result)


def per_row(equation: str, rank: int) -> str:
    """Rewrite the equation of an EinsumDense without its batch axis, for `rank` other axes.

    An ellipsis stands for the axes the letters leave over, the first of which may be the batch.
    Raises ValueError where the batch axis is not the first one of input and result.
    """
    inputs, _, result = equation.replace(" ", "").partition("->")
    own, _, weights = inputs.partition(",")
    unused = [c for c in "abcdefghijklmnopqrstuvwxyz" if c not in equation]
    hidden = "".join(unused[: rank + 1 - len(own.replace("...", ""))]) if "..." in own else ""
    own, result = (side.replace("...", hidden) for side in (own, result))
    if own[0] != result[0] or own[0] in weights:
        raise ValueError("the batch axis is not the first one of both")
    return f"{own[1:]},{weights}->{result[1:]}"


ATTENTION_LAYERS: dict[type, Lower] = {
    layers.Attention: lower_single_head,
    layers.AdditiveAttention: lower_single_head,
    layers.MultiHeadAttention: lower_multi_head,
    layers.GroupQueryAttention: lower_multi_head,
    layers.EinsumDense: project,
}
