"""Masks that layers are called with: those that are the same for every sequence.

A mask that depends on the sequence leaves out values in steps, which have no slope, and is refused.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.lowering.compositions.composition import scale_node
from seqlift.lowering.compositions.operand import array_of, axes_of_node, constant_value
from seqlift.lowering.compositions.place import Place
from seqlift.lowering.layers.activation import softmax

FAR_BELOW = -1e9  # Keras sets a masked score to it, or adds it to one

Mask = NDArray[np.bool_]


def constant_mask(place: Place, mask: Any, name: str, *, rank: int) -> Mask:
    """Compute a mask, a node or an array, for sequences of `rank` axes, without batch axis.

    `name` is that of the argument. Raises ModelError for one that is not the same for every
    sequence.
    """
    array = constant_value(place.builder, mask) if isinstance(mask, int) else array_of(mask)
    if array is None:
        raise place.refuse(
            f"is called with {name}, which depends on the sequence and has no slope; leave it out"
            " of the call"
        )
    if not isinstance(mask, int) and array.ndim > rank:
        if array.ndim > rank + 1 or len(array) != 1:
            raise place.refuse(
                f"is called with {name} of the shape {array.shape}, which is not the same for every"
                " sequence; give it a first axis of 1"
            )
        array = array[0]
    return array.astype(np.float64) > 0.5 if array.dtype != bool else array


def attention_mask(place: Place, masks: dict[str, Any]) -> Mask | None:
    """Combine all masks of an attention layer: the keys that each query may see.

    It broadcasts against (heads, queries, keys); None where there is no mask.
    """
    found: Mask | None = None
    for name, mask in masks.items():
        if mask is None:
            continue
        one = constant_mask(place, mask, name, rank=3 if name == "attention_mask" else 1)
        if name == "query_mask":
            one = one[:, None]
        found = one if found is None else found & one
    return found


def lower_masked_softmax(layer: Any, place: Place, node: int, *, mask: Any = None) -> int:
    """Lower softmax along one axis or several, of the values that a constant mask keeps."""
    if mask is not None:
        kept = constant_mask(place, mask, "mask", rank=len(place.shape(node)))
        kept = np.broadcast_to(kept, place.shape(node))
        if not np.all(np.any(kept, axis=tuple(axes_of_node(place, node, layer.axis)))):
            raise place.refuse("has a mask that keeps no value of some softmax; widen the mask")
        node = scale_node(place, node, 1.0, np.where(kept, 0.0, FAR_BELOW))
    return softmax(place, node, axis=layer.axis)
