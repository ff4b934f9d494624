"""The table of all operations that are lowered, or refused with the reason."""

from seqlift.attribution.lowering.operations.arithmetic import ARITHMETIC
from seqlift.attribution.lowering.operations.arrangement import ARRANGEMENTS
from seqlift.attribution.lowering.operations.contraction import CONTRACTIONS
from seqlift.attribution.lowering.operations.function import FUNCTIONS
from seqlift.attribution.lowering.operations.network import NETWORK
from seqlift.attribution.lowering.operations.reduction import REDUCTIONS
from seqlift.attribution.lowering.operations.refusal import REFUSALS
from seqlift.attribution.lowering.operations.selection import SELECTIONS
from seqlift.attribution.lowering.place import LowerOperation

OPERATIONS: dict[type, LowerOperation] = (
    ARITHMETIC
    | FUNCTIONS
    | REDUCTIONS
    | ARRANGEMENTS
    | SELECTIONS
    | CONTRACTIONS
    | NETWORK
    | REFUSALS
)
