"""Instructions of Python 3.6 to 3.13, by number, as far as straight code of expressions needs them.

Source: `Lib/opcode.py` and `Lib/_opcode_metadata.py` of CPython 3.6 to 3.13. There are no jumps in
the tables, so code with branches or loops is refused.
"""

from dataclasses import dataclass

from seqlift.models.expressions.tree import NoRecipeError


@dataclass(frozen=True, slots=True)
class Instructions:
    """The instructions of one version of Python, or of several that agree.

    `layout` is that of `seqlift.models.lambda_code.marshalled`; `caches` are the empty code units
    that follow an instruction.
    """

    versions: str
    layout: str
    names: dict[int, str]
    caches: dict[str, int]


def _numbered(written: str) -> dict[int, str]:
    words = written.split()
    return {int(number): name for name, number in zip(words[::2], words[1::2], strict=True)}


UNTIL_3_10 = _numbered(
    """
    POP_TOP 1 ROT_TWO 2 DUP_TOP 4 NOP 9 UNARY_NEGATIVE 11
    BINARY_MATRIX_MULTIPLY 16 BINARY_POWER 19 BINARY_MULTIPLY 20 BINARY_MODULO 22 BINARY_ADD 23
    BINARY_SUBTRACT 24 BINARY_SUBSCR 25 BINARY_FLOOR_DIVIDE 26 BINARY_TRUE_DIVIDE 27
    INPLACE_FLOOR_DIVIDE 28 INPLACE_TRUE_DIVIDE 29 INPLACE_ADD 55 INPLACE_SUBTRACT 56
    INPLACE_MULTIPLY 57 INPLACE_POWER 67 RETURN_VALUE 83 UNPACK_SEQUENCE 92 LOAD_CONST 100
    BUILD_TUPLE 102 BUILD_LIST 103 LOAD_ATTR 106 COMPARE_OP 107 IMPORT_NAME 108 IMPORT_FROM 109
    LOAD_GLOBAL 116 LOAD_FAST 124 STORE_FAST 125 CALL_FUNCTION 131 BUILD_SLICE 133 LOAD_DEREF 136
    CALL_FUNCTION_KW 141 EXTENDED_ARG 144
    """
)

_OF_3_11 = """
    POP_TOP 1 PUSH_NULL 2 NOP 9 UNARY_NEGATIVE 11 BINARY_SUBSCR 25 RETURN_VALUE 83
    UNPACK_SEQUENCE 92 SWAP 99 LOAD_CONST 100 BUILD_TUPLE 102 BUILD_LIST 103 LOAD_ATTR 106
    COMPARE_OP 107 IMPORT_NAME 108 IMPORT_FROM 109 LOAD_GLOBAL 116 COPY 120 BINARY_OP 122
    LOAD_FAST 124 STORE_FAST 125 BUILD_SLICE 133 LOAD_DEREF 137 EXTENDED_ARG 144
    COPY_FREE_VARS 149 RESUME 151 LIST_EXTEND 162 CALL 171 KW_NAMES 172
    """

_OF_3_13 = """
    BINARY_SLICE 4 BINARY_SUBSCR 5 NOP 30 POP_TOP 32 PUSH_NULL 34 RETURN_VALUE 36
    UNARY_NEGATIVE 42 BINARY_OP 45 BUILD_LIST 47 BUILD_SLICE 50 BUILD_TUPLE 52 CALL 53 CALL_KW 57
    COMPARE_OP 58 COPY 61 COPY_FREE_VARS 62 EXTENDED_ARG 71 IMPORT_FROM 74 IMPORT_NAME 75
    LIST_EXTEND 81 LOAD_ATTR 82 LOAD_CONST 83 LOAD_DEREF 84 LOAD_FAST 85 LOAD_FAST_CHECK 87
    LOAD_FAST_LOAD_FAST 88 LOAD_GLOBAL 91 RETURN_CONST 103 STORE_FAST 110
    STORE_FAST_LOAD_FAST 111 STORE_FAST_STORE_FAST 112 SWAP 115 UNPACK_SEQUENCE 117 RESUME 149
    """

_CACHES_3_12 = {
    "LOAD_GLOBAL": 4, "LOAD_ATTR": 9, "CALL": 3, "BINARY_SUBSCR": 1, "BINARY_OP": 1,
    "UNPACK_SEQUENCE": 1, "COMPARE_OP": 1,
}  # fmt: skip

_CACHES_3_11 = {
    "LOAD_GLOBAL": 5, "LOAD_ATTR": 4, "LOAD_METHOD": 10, "PRECALL": 1, "CALL": 4,
    "BINARY_SUBSCR": 4, "BINARY_OP": 1, "UNPACK_SEQUENCE": 1, "COMPARE_OP": 2,
}  # fmt: skip

VERSIONS = (
    Instructions("3.6 to 3.7", "3.6", UNTIL_3_10 | {160: "LOAD_METHOD", 161: "CALL_METHOD"}, {}),
    Instructions(
        "3.8 to 3.10",
        "3.8",
        UNTIL_3_10 | {160: "LOAD_METHOD", 161: "CALL_METHOD", 162: "LIST_EXTEND"},
        {},
    ),
    Instructions(
        "3.11",
        "3.11",
        _numbered(_OF_3_11 + " LOAD_METHOD 160 PRECALL 166"),
        _CACHES_3_11,
    ),
    Instructions(
        "3.12",
        "3.11",
        _numbered(_OF_3_11 + " BINARY_SLICE 26 RETURN_CONST 121 LOAD_FAST_CHECK 127"),
        _CACHES_3_12,
    ),
    Instructions("3.13", "3.11", _numbered(_OF_3_13), _CACHES_3_12),
)

BINARY = {
    "BINARY_ADD": "add", "BINARY_SUBTRACT": "subtract", "BINARY_MULTIPLY": "multiply",
    "BINARY_TRUE_DIVIDE": "divide", "BINARY_FLOOR_DIVIDE": "floor_divide",
    "BINARY_MODULO": "mod", "BINARY_POWER": "power", "BINARY_MATRIX_MULTIPLY": "matmul",
    "INPLACE_ADD": "add", "INPLACE_SUBTRACT": "subtract", "INPLACE_MULTIPLY": "multiply",
    "INPLACE_TRUE_DIVIDE": "divide", "INPLACE_FLOOR_DIVIDE": "floor_divide",
    "INPLACE_POWER": "power",
}  # fmt: skip
"""Operators that are instructions of their own, until Python 3.10."""

BINARY_OP = {
    0: "add", 2: "floor_divide", 4: "matmul", 5: "multiply", 6: "mod", 8: "power", 10: "subtract",
    11: "divide", 13: "add", 15: "floor_divide", 17: "matmul", 18: "multiply", 19: "mod",
    21: "power", 23: "subtract", 24: "divide",
}  # fmt: skip
"""Operators by the argument of BINARY_OP, since Python 3.11; those from 13 on are in place."""

COMPARISONS = ("less", "less_equal", "equal", "not_equal", "greater", "greater_equal")


MOST_UNITS = 4000
"""Code units, caches included, that are followed; real Lambdas have a few hundred."""


def decode_instructions(code: bytes, instructions: Instructions) -> list[tuple[str, int]]:
    """List the instructions and their arguments in `code`, less caches.

    An instruction that is not in the table, or a cache that is not empty, raises `NoRecipeError`.
    """
    if len(code) % 2:
        raise NoRecipeError("has code of an odd length")
    if len(code) > 2 * MOST_UNITS:
        raise NoRecipeError(f"has more than {MOST_UNITS} instructions")
    units = list(zip(code[::2], code[1::2], strict=True))
    found: list[tuple[str, int]] = []
    at = extended = 0
    while at < len(units):
        number, low = units[at]
        name = instructions.names.get(number)
        if name is None:
            raise NoRecipeError("has branches, loops or statements that no expression has")
        argument = (extended << 8 | low) & 0xFFFFFFFF  # EXTENDED_ARG has the higher bytes
        after = at + 1 + instructions.caches.get(name, 0)
        # Caches are written empty; what is in them would be instructions of another version.
        if any(unit != (0, 0) for unit in units[at + 1 : after]) or after > len(units):
            raise NoRecipeError("has code of another version of Python")
        extended = argument if name == "EXTENDED_ARG" else 0
        if name != "EXTENDED_ARG":
            found.append((name, argument))
        at = after
    return found
