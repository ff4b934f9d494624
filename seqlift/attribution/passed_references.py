"""References that every sequence has in common, which pass the model once.

Knows arrays; knows nothing of models.
"""

from dataclasses import dataclass
from typing import Any

Array = Any


@dataclass(frozen=True, slots=True)
class PassedReferences:
    """Such references, passed through the model.

    `inputs` is (1, R, *input shape); `activations` are (1, R, *node shape) by node.
    """

    inputs: Array
    activations: dict[int, Array]


def reference_arrays(references: Array | PassedReferences) -> Array:
    return references.inputs if isinstance(references, PassedReferences) else references
