"""The table of all operations that are lowered, or refused with the reason."""

from seqlift.lowering.compositions.place import LowerOperation
from seqlift.lowering.operations.arithmetic import ARITHMETIC
from seqlift.lowering.operations.arrangement import ARRANGEMENTS
from seqlift.lowering.operations.contraction import CONTRACTIONS
from seqlift.lowering.operations.function import FUNCTION_OPERATIONS
from seqlift.lowering.operations.network import NETWORK
from seqlift.lowering.operations.reduction import REDUCTIONS
from seqlift.lowering.operations.refusal import REFUSALS
from seqlift.lowering.operations.selection import SELECTIONS

OPERATIONS: dict[type, LowerOperation] = (
    ARITHMETIC
    | FUNCTION_OPERATIONS
    | REDUCTIONS
    | ARRANGEMENTS
    | SELECTIONS
    | CONTRACTIONS
    | NETWORK
    | REFUSALS
)
