"""Pass once over bytecode on symbols, as one version of Python.

Names stay words, and each instruction does to a stack of symbols what Python would do to a stack of
values. Knows the instructions by name; `seqlift.models.expressions.names` knows the functions.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from seqlift.models.expressions import tree
from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.lambda_code.marshalled import Code
from seqlift.models.lambda_code.opcodes import (
    BINARY,
    BINARY_OP,
    COMPARISONS,
    Instructions,
    decode_instructions,
)
from seqlift.models.lambda_code.symbols import (
    OTHER_VERSION,
    Nothing,
    Path,
    Symbol,
    applied,
    attribute_of,
    plain_tuple,
    symbol_value,
    words,
)


def run_code(
    code: Code,
    instructions: Instructions,
    *,
    variables: Mapping[str, Expression],
    closure: Mapping[str, Expression],
) -> Expression:
    """Read `code` as `instructions`; anything but one expression raises `NoRecipeError`."""
    return _Run(code, instructions, dict(variables), closure).result()


class _Run:
    """One pass over the instructions, as one version of Python."""

    def __init__(
        self,
        code: Code,
        instructions: Instructions,
        variables: dict[str, Symbol],
        closure: Mapping[str, Expression],
    ) -> None:
        self.code, self.variables, self.closure = code, variables, closure
        self.instructions = instructions
        self.late = instructions.versions in ("3.12", "3.13")
        self.stack: list[Symbol] = []
        self.keywords: tuple[str, ...] = ()

    def result(self) -> Expression:
        """Follow the code to the value that it returns at its end."""
        steps = decode_instructions(self.code.code, self.instructions)
        for place, (name, argument) in enumerate(steps):
            if name in ("RETURN_VALUE", "RETURN_CONST"):
                if place != len(steps) - 1:
                    raise NoRecipeError("returns in several places")
                return self._constant(argument) if name == "RETURN_CONST" else self.value()
            self._step(name, argument)
        raise NoRecipeError("returns nothing")

    def pop(self) -> Symbol:
        """Take the uppermost symbol off the stack."""
        if not self.stack:
            raise NoRecipeError(OTHER_VERSION)
        return self.stack.pop()

    def value(self) -> Expression:
        """Take the uppermost symbol, which must be a value."""
        return symbol_value(self.pop())

    def values(self, count: int) -> list[Expression]:
        """Take the uppermost `count` values, the lowest first."""
        return [symbol_value(symbol) for symbol in self.symbols(count)]

    def symbols(self, count: int) -> list[Symbol]:
        """Take the uppermost `count` symbols, the lowest first."""
        if count > len(self.stack):
            raise NoRecipeError(OTHER_VERSION)
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def _step(self, name: str, argument: int) -> None:
        if name in BINARY:
            left, right = self.values(2)
            self.stack.append(tree.apply(BINARY[name], left, right))
        else:
            ACTIONS[name](self, argument)

    def _named(self, names: Sequence[Any], place: int) -> Any:
        if not 0 <= place < len(names):
            raise NoRecipeError(OTHER_VERSION)
        return names[place]

    def _constant(self, place: int) -> Expression:
        return tree.constant_expression(self._named(self.code.constants, place))

    def _nothing(self, argument: int) -> None:
        """Leave the values as RESUME, NOP and PRECALL do."""

    def discard(self, argument: int) -> None:
        self.pop()

    def load_const(self, argument: int) -> None:
        self.stack.append(self._constant(argument))

    def load_fast(self, argument: int) -> None:
        name = self._named(self.code.variables, argument)
        if name not in self.variables:
            raise NoRecipeError(f"uses {name}, which has no value")
        self.stack.append(self.variables[name])

    def store_fast(self, argument: int) -> None:
        self.variables[self._named(self.code.variables, argument)] = self.pop()

    def fast_pair(self, argument: int, *, first: str, second: str) -> None:
        # two variables, 4 bits each
        for kind, place in ((first, argument >> 4), (second, argument & 15)):
            (self.load_fast if kind == "load" else self.store_fast)(place)

    def load_deref(self, argument: int) -> None:
        # Since 3.11 variables from around a function are numbered behind its own.
        outside = self.code.variables if self.code.layout == "3.11" else self.code.free
        name = self._named(outside, argument)
        if name not in self.closure:
            raise NoRecipeError(f"uses {name} from around it, whose value is not in the file")
        self.stack.append(self.closure[name])

    def load_global(self, argument: int) -> None:
        place = argument >> 1 if self.code.layout == "3.11" else argument
        symbols: list[Symbol] = [Path(self._named(self.code.names, place))]
        # since 3.11 the lowest bit asks for a NULL as well
        if self.code.layout == "3.11" and argument & 1:
            first_is_null = self.instructions.versions != "3.13"
            symbols = [Nothing(), *symbols] if first_is_null else [*symbols, Nothing()]
        self.stack += symbols

    def load_attr(self, argument: int) -> None:
        found = attribute_of(
            self.pop(), self._named(self.code.names, argument >> 1 if self.late else argument)
        )
        if self.late and argument & 1:
            first_is_null = self.instructions.versions != "3.13"
            self.stack += [Nothing(), found] if first_is_null else [found, Nothing()]
        else:
            self.stack.append(found)

    def load_method(self, argument: int) -> None:
        found = attribute_of(self.pop(), self._named(self.code.names, argument))
        self.stack += [Nothing(), found]

    def import_name(self, argument: int) -> None:
        self.symbols(2)  # the level, and the names asked for
        self.stack.append(Path(self._named(self.code.names, argument)))

    def import_from(self, argument: int) -> None:
        self.copy(1)
        self.stack.append(attribute_of(self.pop(), self._named(self.code.names, argument)))

    def subscript(self, argument: int) -> None:
        value, key = self.values(2)
        self.stack.append(tree.subscript(value, key))

    def slice_of(self, argument: int) -> None:
        value, start, stop = self.values(3)
        self.stack.append(tree.subscript(value, tree.Slice(start, stop, tree.NONE)))

    def build_slice(self, argument: int) -> None:
        ends = [*self.values(argument), tree.NONE]
        if argument not in (2, 3):
            raise NoRecipeError(OTHER_VERSION)
        self.stack.append(tree.Slice(*ends[:3]))

    def build_several(self, argument: int) -> None:
        self.stack.append(tree.several(self.values(argument)))

    def list_extend(self, argument: int) -> None:
        start, more = self.values(2)
        if not (isinstance(start, tree.Several) and isinstance(more, tree.Several)):
            raise NoRecipeError("unpacks a value within a list")
        self.stack.append(tree.several(start.items + more.items))

    def unpack(self, argument: int) -> None:
        value = self.value()
        if argument > tree.MOST_PARTS:  # before so many parts are made
            raise NoRecipeError(OTHER_VERSION)
        items = (
            value.items
            if isinstance(value, tree.Several)
            else tuple(tree.subscript(value, tree.ConstantValue(n)) for n in range(argument))
        )
        if len(items) != argument or not isinstance(value, tree.Several | tree.Apply):
            raise NoRecipeError(f"unpacks {tree.text(value)} into {argument} values")
        self.stack += reversed(items)

    def negative(self, argument: int) -> None:
        self.stack.append(tree.apply("negative", self.value()))

    def binary_op(self, argument: int) -> None:
        if argument not in BINARY_OP:
            raise NoRecipeError("uses an operator on bits")
        left, right = self.values(2)
        self.stack.append(tree.apply(BINARY_OP[argument], left, right))

    def compare(self, argument: int) -> None:
        # lower bits name no comparison
        shift = {"3.12": 4, "3.13": 5}.get(self.instructions.versions, 0)
        left, right = self.values(2)
        self.stack.append(tree.apply(self._named(COMPARISONS, argument >> shift), left, right))

    def copy(self, argument: int) -> None:
        if not 0 < argument <= len(self.stack):
            raise NoRecipeError(OTHER_VERSION)
        self.stack.append(self.stack[-argument])

    def swap(self, argument: int) -> None:
        if not 1 < argument <= len(self.stack):
            raise NoRecipeError(OTHER_VERSION)
        self.stack[-1], self.stack[-argument] = self.stack[-argument], self.stack[-1]

    def keyword_names(self, argument: int) -> None:
        self.keywords = words(self._named(self.code.constants, argument))

    def call(self, argument: int) -> None:
        arguments = self.values(argument)
        beneath = [symbol for symbol in self.symbols(2) if not isinstance(symbol, Nothing)]
        self.stack.append(applied(beneath, arguments, self.keywords))
        self.keywords = ()

    def call_function(self, argument: int) -> None:
        arguments = self.values(argument)
        self.stack.append(applied([self.pop()], arguments, ()))

    def call_method(self, argument: int) -> None:
        arguments = self.values(argument)
        self.stack.append(applied(self.symbols(2)[1:], arguments, ()))

    def call_with_keywords(self, argument: int) -> None:
        names = words(plain_tuple(self.value()))
        if self.instructions.versions == "3.13":
            self.keywords = names
            self.call(argument)
            return
        arguments = self.values(argument)
        self.stack.append(applied([self.pop()], arguments, names))


ACTIONS: dict[str, Callable[[_Run, int], None]] = {
    "RESUME": _Run._nothing,
    "NOP": _Run._nothing,
    "PRECALL": _Run._nothing,
    "COPY_FREE_VARS": _Run._nothing,
    "POP_TOP": _Run.discard,
    "PUSH_NULL": lambda run_code, argument: run_code.stack.append(Nothing()),
    "LOAD_CONST": _Run.load_const,
    "LOAD_FAST": _Run.load_fast,
    "LOAD_FAST_CHECK": _Run.load_fast,
    "LOAD_FAST_LOAD_FAST": partial(_Run.fast_pair, first="load", second="load"),
    "STORE_FAST": _Run.store_fast,
    "STORE_FAST_LOAD_FAST": partial(_Run.fast_pair, first="store", second="load"),
    "STORE_FAST_STORE_FAST": partial(_Run.fast_pair, first="store", second="store"),
    "LOAD_DEREF": _Run.load_deref,
    "LOAD_GLOBAL": _Run.load_global,
    "LOAD_ATTR": _Run.load_attr,
    "LOAD_METHOD": _Run.load_method,
    "IMPORT_NAME": _Run.import_name,
    "IMPORT_FROM": _Run.import_from,
    "BINARY_SUBSCR": _Run.subscript,
    "BINARY_SLICE": _Run.slice_of,
    "BINARY_OP": _Run.binary_op,
    "BUILD_SLICE": _Run.build_slice,
    "BUILD_TUPLE": _Run.build_several,
    "BUILD_LIST": _Run.build_several,
    "LIST_EXTEND": _Run.list_extend,
    "UNPACK_SEQUENCE": _Run.unpack,
    "UNARY_NEGATIVE": _Run.negative,
    "COMPARE_OP": _Run.compare,
    "COPY": _Run.copy,
    "DUP_TOP": lambda run_code, argument: run_code.copy(1),
    "SWAP": _Run.swap,
    "ROT_TWO": lambda run_code, argument: run_code.swap(2),
    "KW_NAMES": _Run.keyword_names,
    "CALL": _Run.call,
    "CALL_KW": _Run.call_with_keywords,
    "CALL_FUNCTION": _Run.call_function,
    "CALL_FUNCTION_KW": _Run.call_with_keywords,
    "CALL_METHOD": _Run.call_method,
}
"""The action of each instruction, those of `BINARY` apart."""
