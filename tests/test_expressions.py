"""Laws of expressions: bytecode of any Python and text are read alike, and nothing is run."""

import base64
import dis
import inspect
import json
import marshal
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlift.models.expressions import language, tree
from seqlift.models.expressions.functions import FUNCTIONS, evaluate
from seqlift.models.expressions.tables import TABLES
from seqlift.models.expressions.tree import InputTensor, NoRecipeError, several
from seqlift.models.lambda_code import lambdas, marshalled
from seqlift.models.lambda_code.symbols import OTHER_VERSION

CAPTURED: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "lambda_bytes.json").read_text()
)
"""Marshalled code of the same sources by Python 3.6 to 3.13, in base64, by version and source."""

PAIR = several([InputTensor(0), InputTensor(1)])

SAID_BY_ALL = {
    "lambda x: tf.math.reduce_logsumexp(x, axis=-1, keepdims=True)": (
        "logsumexp(x, axis=-1, keepdims=True)"
    ),
    "lambda x: tf.reduce_sum(x, axis=[1, 2, 3])[:, 1:-1, None] * 2 - 1": (
        "((sum(x, axis=(1, 2, 3))[:, 1:-1, None] * 2) - 1)"
    ),
    "lambda x: x[0] * x[1]": "(x * x[1])",
    "lambda x: K.squeeze(x, 1) / 3.5": "(squeeze(x, axis=1) / 3.5)",
    "lambda x: tf.reshape(x, (-1, x.shape[1] * x.shape[2]))": (
        "reshape(x, newshape=(-1, (shape(x)[1] * shape(x)[2])))"
    ),
    "lambda x: tf.py_function(x)": "calls tf.py_function, which has no recipe",
    "def f(x):\n    import tensorflow as tf\n    a, b = x\n    c = tf.stack([a, b], -1)\n"
    "    return K.mean(c, axis=-1)": "mean(stack((x, x[1]), axis=-1), axis=-1)",
}


def read(code: bytes, *, given: tree.Expression | None = None, **record: Any) -> str:
    """Word what a Lambda holding marshalled `code` computes, or why that is unknown."""
    stored = [base64.b64encode(code).decode(), record.get("defaults"), record.get("closure")]
    try:
        return tree.text(
            lambdas.lambda_expression(
                {"function": stored, "arguments": record.get("arguments", {})},
                given or InputTensor(0),
            )
        )
    except NoRecipeError as problem:
        return str(problem)


def of(function: Callable[..., Any], **record: Any) -> str:
    return read(marshal.dumps(function.__code__), **record)


@pytest.mark.parametrize("version", CAPTURED)
def test_every_python_from_3_6_on_says_the_same(version: str) -> None:
    assert set(CAPTURED[version]) == set(SAID_BY_ALL)
    for source, code in CAPTURED[version].items():
        several_inputs = "x[1]" in source or "a, b" in source
        given = PAIR if several_inputs and "shape" not in source else InputTensor(0)
        assert read(base64.b64decode(code), given=given) == SAID_BY_ALL[source]


tf: Any = keras.ops  # names in the functions below, none of which is ever called
K: Any = keras.ops
factor = 3.0

READINGS: list[tuple[Callable[..., Any], str]] = [
    (lambda x: x, "x"),
    (lambda x: -x, "negative(x)"),
    (lambda x: 1 - x, "(1 - x)"),
    (lambda x: (x + 1) * (x - 2) / 3 // 4 % 5 ** (x), None),
    (lambda x: x @ x, "(x @ x)"),
    (lambda x: x[:, 10:-10], "x[:, 10:-10]"),
    (lambda x: x[..., ::2, 0], "x[..., ::2, 0]"),
    (lambda x: x[:, None], "x[:, None]"),
    (lambda x: x[:, tf.newaxis, :], "x[:, None, :]"),
    (lambda x: tf.nn.softmax(x), "softmax(x)"),
    (lambda x: tf.nn.gelu(x), "gelu(x, approximate=False)"),
    (lambda x: K.expand_dims(x), "expand_dims(x, axis=-1)"),
    (lambda x: K.mean(x, axis=(1, 2)), "mean(x, axis=(1, 2))"),
    (lambda x: tf.reduce_max(x, 1, keep_dims=True), "max(x, axis=1, keepdims=True)"),
    (lambda x: keras.backend.abs(x), "abs(x)"),
    (lambda x: keras.ops.log(x + 1e-7), "log((x + 1e-07))"),
    (lambda x: tf.keras.backend.log(x + K.epsilon()), "log((x + epsilon()))"),
    (lambda x: tf.cast(x > 0, tf.float32), "cast((x > 0), dtype='float32')"),
    (lambda x: tf.reshape(x, [tf.shape(x)[0], -1]), "reshape(x, newshape=(shape(x)[0], -1))"),
    (lambda x: tf.concat([x, x[:, ::-1]], axis=-1), "concatenate((x, x[:, ::-1]), axis=-1)"),
    (lambda x: x * factor, "uses factor, whose value is not in the file"),
    (lambda x: sum(x), "calls sum, which has no recipe"),
    (lambda x: np.log(x), "calls np.log on a tensor, which has no recipe"),
    (lambda x: x.numpy(), "calls the method numpy of x, which has no recipe"),
    (lambda x: tf.io.write_file(x, x), "calls tf.io.write_file, which has no recipe"),
    (lambda x: tf.nn.relu(x, 1, 2, 3), "calls tf.nn.relu with 4 arguments, which has no recipe"),
    (lambda x: x if x else 0, "has branches, loops or statements that no expression has"),
    (lambda x: [y for y in x], None),  # noqa: C416 - a loop is meant
    (lambda *x: x, "takes any number of arguments, or yields"),
    (lambda x: 1 << 100, "has a whole number of more than 63 bits"),
]


@pytest.mark.parametrize(("function", "said"), READINGS)
def test_bytecode_of_this_python_is_read_or_refused(
    function: Callable[..., Any], said: str | None
) -> None:
    found = of(function)
    assert said is None or found == said


def test_defaults_arguments_and_closures_that_are_plain_are_read() -> None:
    outer = 2.5
    assert of(lambda x, n: x * n, defaults=[2]) == "(x * 2)"
    assert of(lambda x, n: x * n, arguments={"n": 3.0}) == "(x * 3.0)"
    assert of(lambda x: x * outer, closure=[2.5]) == "(x * 2.5)"
    assert "outer from around it" in of(lambda x: x * outer)
    assert of(lambda x, n: x * n, defaults=[{"class_name": "Popen"}]).startswith("has a constant")
    assert of(lambda x, n: x * n).startswith("takes the arguments x, n, not all of them")


HOSTILE: list[Callable[..., Any]] = [
    lambda x: __import__("os").system("touch /tmp/x"),
    lambda x: x.__class__.__bases__[0].__subclasses__(),
    lambda x: eval("x"),
    lambda x: Path("/etc/passwd").read_text(),
    lambda x: getattr(getattr(x, "shape"), "a"),  # noqa: B009 - the call of getattr is meant
    lambda x: tf.numpy_function(print, [x], x),
    lambda x: keras.utils.get_file("a", "b"),
    lambda x: (yield x),
    lambda x: (lambda y: y)(x),
]


@pytest.mark.parametrize("function", HOSTILE)
def test_hostile_code_is_refused_and_not_run(function: Callable[..., Any]) -> None:
    assert of(function).startswith(("calls ", "uses ", "takes any", "has "))


def exploding(depth: int) -> str:
    body = "".join("    x = x + x\n" for _ in range(depth))
    return f"def f(x):\n{body}    return x\n"


def test_an_expression_that_grows_without_end_is_refused_early() -> None:
    names: dict[str, Any] = {}
    exec(compile(exploding(500), "x", "exec"), names)  # our own words, not a file's
    assert of(names["f"]) == f"has more than {tree.MOST_PARTS} parts"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"N",
        b"\xe3",
        b"(" * 5000,
        b")\x01" * 3000 + b"N",
        b"(\xff\xff\xff\x7f",
        b"[\xff\xff\xff\x7fN",
        b"s\xff\xff\xff\x7f",
        b"l\xff\xff\xff\x7f",
        b"r\x00\x00\x00\x00",
        b"\xa9\x01r\x00\x00\x00\x00",  # a tuple that holds itself
        b"N" * (marshalled.MOST_BYTES + 1),
        marshal.dumps((lambda x: x).__code__)[:-1],
        marshal.dumps((lambda x: x).__code__) + b"N",
    ],
)
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(NoRecipeError, match=r"holds (bytes that are not code|\d+ bytes of code)"):
        marshalled.read_code(data)


def test_code_of_python_2_is_refused() -> None:
    """Python 2.7 writes four numbers before the code, not five or six."""
    start = b"c" + struct.pack("<4i", 1, 1, 2, 0x43)
    code = b"s\x04\x00\x00\x00|\x00\x00S"
    with pytest.raises(NoRecipeError, match=r"not code of Python 3\.6 to 3\.13"):
        marshalled.read_code(start + code + b"(\x00\x00\x00\x00" * 5 + b"t\x01\x00\x00\x00f" * 2)


WHOLE = [base64.b64decode(code) for codes in CAPTURED.values() for code in codes.values()]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_bytes_give_an_expression_or_a_refusal(data: st.DataObject) -> None:
    code = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 4))):
        code[data.draw(st.integers(0, len(code) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(read(bytes(code)), str)


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.11"])
def test_any_first_instruction_gives_an_expression_or_a_refusal(version: str) -> None:
    """Nothing is on the stack yet that it could take."""
    (code, *_) = (base64.b64decode(code) for code in CAPTURED[version].values())
    first = code.index(b"s") + 5  # after the number of bytes
    for opcode in range(256):
        assert isinstance(read(code[:first] + bytes([opcode]) + code[first + 1 :]), str)


def test_a_value_that_is_unpacked_into_millions_is_refused_early() -> None:
    names: dict[str, Any] = {}
    exec(compile("def f(x):\n    a, b = x + x\n    return a\n", "x", "exec"), names)
    instructions = names["f"].__code__.co_code
    unpack = bytes([dis.opmap["UNPACK_SEQUENCE"], 2])
    extended = bytes([dis.opmap["EXTENDED_ARG"], 127] * 3)
    written = instructions.replace(unpack, extended + unpack)
    assert read(marshal.dumps(names["f"].__code__.replace(co_code=written))) == OTHER_VERSION


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(NoRecipeError):
        marshalled.read_code(data)


def test_every_row_names_a_function_and_its_parameters() -> None:
    for rows in TABLES.values():
        for name, row in rows.items():
            takes = set(inspect.signature(FUNCTIONS[row.function]).parameters)
            meant = (set(row.parameters.values()) - {"-"}) | set(row.defaults)
            assert meant <= takes, name


SAID = [
    ("logsumexp(x, axis=-1)[:, None] * 2", "(logsumexp(x, axis=-1)[:, None] * 2)"),
    ("tf.math.reduce_sum(x, 1)", "sum(x, axis=1)"),
    ("-x + -1", "(negative(x) + -1)"),
    ("x[..., 1:-1:2]", "x[..., 1:-1:2]"),
    ("reshape(x, (-1, x.shape[1]))", "reshape(x, (-1, shape(x)[1]))"),
    ("where(x > 0, x, 0)", "where((x > 0), x, 0)"),
]


@pytest.mark.parametrize(("written", "said"), SAID)
def test_text_is_read_as_an_expression(written: str, said: str) -> None:
    assert tree.text(language.parse_expression(written, InputTensor(0))) == said


NO_EXPRESSIONS = [
    ("", "is not an expression (invalid syntax)"),
    ("x +", "is not an expression (invalid syntax)"),
    ("y", "uses ops.y, which has no recipe"),
    (
        "logsumexpp(x)",
        "calls logsumexpp, which has no recipe; did you mean logsumexp, log_softmax, log1p?",
    ),
    ("__import__('os')", "calls __import__, which has no recipe"),
    ("x.__class__", "uses the attribute __class__ of x, which has no recipe"),
    ("os.system('ls')", "calls os.system, which has no recipe"),
    ("exp(*x)", "unpacks arguments with *"),
    ("x if x else x", "has a part that is not arithmetic (x if x else x)"),
    ("(lambda: x)()", "calls lambda: x, which is not a function by name"),
    ("[y for y in x]", "has a part that is not arithmetic ([y for y in x])"),
    ("9" * 400, "has a whole number of more than 63 bits"),
    ("b'x'", "has a constant that is not a number (bytes)"),
    ("x" + "+x" * 300, f"is nested more than {tree.DEEPEST_EXPRESSION} deep"),
    ("-" * 200 + "x", f"is nested more than {tree.DEEPEST_EXPRESSION} deep"),
    (f"stack([{'x, ' * 400}])", f"has more than {tree.MOST_PARTS} parts"),
    ("x" * 3000, "is longer than 2000 characters"),
]


@pytest.mark.parametrize(("written", "problem"), NO_EXPRESSIONS)
def test_text_that_is_no_expression_is_refused(written: str, problem: str) -> None:
    with pytest.raises(NoRecipeError) as caught:
        language.parse_expression(written, InputTensor(0))
    assert str(caught.value) == problem


def computed(written: str, *arrays: np.ndarray) -> Any:
    """Compute an expression of arrays, through the Keras model it becomes."""
    inner = [keras.Input(array.shape[1:], dtype="float64") for array in arrays]
    given = InputTensor(0) if len(arrays) == 1 else several(map(InputTensor, range(len(arrays))))
    result = evaluate(language.parse_expression(written, given), inner)
    return keras.ops.convert_to_numpy(keras.Model(inner, result)(list(arrays)))


X = np.random.default_rng(0).normal(size=(3, 6, 4))
Y = np.random.default_rng(1).normal(size=(3, 6, 4))

RELU = np.where(X > 0.25, np.minimum(X, 1.5), 0.5 * (X - 0.25))

COMPUTED: Mapping[str, np.ndarray] = {
    "logsumexp(x, axis=-1, keepdims=True)": np.log(np.exp(X).sum(-1, keepdims=True)),
    "x[:, 1:-2]": X[:, 1:-2],
    "x[..., 2] * 2 - 2 ** 3": X[..., 2] * 2 - 8,
    "x[:, 0, None]": X[:, 0, None],
    "softmax(x)": np.exp(X) / np.exp(X).sum(-1, keepdims=True),
    "reshape(x, (-1, 24))": X.reshape(3, 24),
    "reshape(x, (x.shape[0], -1, 2))": X.reshape(3, 12, 2),
    "batch_flatten(x)": X.reshape(3, 24),
    "transpose(x, (0, 2, 1))": X.transpose(0, 2, 1),
    "split(x, 2, axis=1)[1]": X[:, 3:],
    "split(x, (1, 3), axis=1)[1]": X[:, 1:3],
    "tf.split(x, (1, 3, 2), axis=1)[1]": X[:, 1:4],
    "tf.unstack(x, 4, 2)[3]": X[..., 3],
    "unstack(x, axis=2)[3]": X[..., 3],
    "K.sqrt(x)": np.sqrt(np.maximum(X, 0)),
    "keras.activations.swish(x)": X / (1 + np.exp(-X)),
    "tf.slice(x, [0, 1, 0], [-1, 2, 3])": X[:, 1:3, :3],
    "K.repeat_elements(x, 2, 1)": np.repeat(X, 2, axis=1),
    "stack([x[:, 0], x[:, 1]], axis=1)": X[:, :2],
    "concatenate([x, -x], axis=1)": np.concatenate([X, -X], axis=1),
    "clip(x, -0.5, 0.5)": np.clip(X, -0.5, 0.5),
    "where(x > 0, x, 0)": np.where(X > 0, X, 0),
    "cast(x > 0, 'float32') * x": np.where(X > 0, X, 0),
    "l2_normalize(x, axis=-1)": X / np.sqrt((X**2).sum(-1, keepdims=True)),
    "pad(x, ((0, 0), (1, 2), (0, 0)))": np.pad(X, ((0, 0), (1, 2), (0, 0))),
    "repeat_vector(x[:, 0], 3)": np.repeat(X[:, :1], 3, axis=1),
    "flip(x, axis=1)": X[:, ::-1],
    "tile(x, (1, 2, 1))": np.tile(X, (1, 2, 1)),
    "slice(x, (0, 1, 0), (-1, 2, -1))": X[:, 1:3],
    "take(x, (3, 0), axis=-1)": X[..., [3, 0]],
    "tf.matmul(x, x, transpose_b=True)": X @ X.transpose(0, 2, 1),
    "mean(x, axis=(1, 2))": X.mean((1, 2)),
    "x * [1.0, 2.0, 0.5, 4.0]": X * [1.0, 2.0, 0.5, 4.0],
    "multiply(x, (1, 2, 3, 4))": X * [1, 2, 3, 4],
    "[[1, 0, 2, 0]] - x": [[1, 0, 2, 0]] - X,
    "tf.constant([0.5, 1.0, 2.0, 0.25]) * x": X * [0.5, 1.0, 2.0, 0.25],
    "x[:, : 2**2] * 10**2": X[:, :4] * 100,
    "K.relu(x, alpha=0.25)": np.where(X > 0, X, 0.25 * X),
    "K.relu(x, 0.0, 0.5)": np.clip(X, 0, 0.5),
    "keras.backend.relu(x, alpha=0.5, max_value=1.5, threshold=0.25)": RELU,
    "keras.activations.relu(x, negative_slope=0.5, max_value=1.5, threshold=0.25)": RELU,
    "relu(x, 0.5, 1.5, threshold=0.25)": RELU,
    "relu(x, max_value=6)": np.clip(X, 0, 6),
    "concatenate([K.zeros((x.shape[0], 2, 4)), x], axis=1)": np.pad(X, ((0, 0), (2, 0), (0, 0))),
    "K.concatenate([x, 2 * tf.ones([1, 6, 1]), x])": np.concatenate(
        [X, np.full((3, 6, 1), 2.0), X], axis=-1
    ),
    "x + np.ones(4) / tf.fill((4,), 4)": X + 0.25,
    "x * K.zeros(K.shape(x)) + K.ones_like(x)": np.ones_like(X),
    "K.maximum(x, tf.zeros_like(x, dtype='float32'))": np.maximum(X, 0),
    "x[:, int(x.shape[1] / 4) :]": X[:, 1:],
    "x[:, : int(float(len(x.shape)) + 0.9)]": X[:, :3],
}


@pytest.mark.parametrize("written", COMPUTED)
def test_expressions_compute_what_numpy_does(written: str) -> None:
    np.testing.assert_allclose(computed(written, X), COMPUTED[written], rtol=1e-12, atol=1e-12)


def test_several_inputs_are_told_apart() -> None:
    np.testing.assert_allclose(computed("x[0] - 2 * x[1]", X, Y), X - 2 * Y, rtol=1e-12)


ACROSS = "works across the sequences of a batch, on which a score must not depend"
MIXING = [
    ("sum(x)", f"calls sum with axis=None, which {ACROSS}"),
    ("mean(x, axis=0)", f"calls mean with axis=0, which {ACROSS}"),
    ("softmax(x, axis=-3)", f"calls softmax with axis=-3, which {ACROSS}"),
    ("x[0]", f"takes [0], which {ACROSS}"),
    ("x[1:]", None),
    ("x[..., 0, 0, 0]", None),
    ("x[None]", None),
    ("x[::-1]", None),
    ("reshape(x, (-1, 4))", f"calls reshape of (6, 4) to (-1, 4), which {ACROSS}"),
    ("reshape(x, (3, 24))", None),
    ("transpose(x)", f"calls transpose with axes=None, which {ACROSS}"),
    ("transpose(x, (1, 0, 2))", None),
    (
        "x - mean(x, axis=1)",
        f"calls subtract of the shapes (None, 6, 4) and (None, 4), which {ACROSS}",
    ),
    ("matmul(x[:, 0], x[:, 0])", None),
    ("concatenate([x, x], axis=0)", None),
    ("stack([x, x])", None),
    ("expand_dims(x, 0)", None),
    ("tile(x, (2, 1, 1))", None),
    ("pad(x, ((1, 1), (0, 0), (0, 0)))", None),
    ("flip(x, axis=None)", None),
    ("repeat(x, 2)", None),
    ("cumsum(x)", None),
    ("split(x, 1)", None),
    ("x * [[[1]], [[2]]]", None),
    ("x[:, 0] * [[[1]]]", None),
]


@pytest.mark.parametrize(("written", "problem"), MIXING)
def test_what_would_mix_the_sequences_of_a_batch_is_refused(
    written: str, problem: str | None
) -> None:
    with pytest.raises(NoRecipeError, match=ACROSS) as caught:
        computed(written, X)
    assert problem is None or str(caught.value) == problem


IMPOSSIBLE = [
    ("exp(x, 1, 2)", "calls exp wrongly (too many positional arguments); it takes x"),
    ("x[:, 'a']", "takes [(slice(None, None, None), 'a')] of a tensor, which is neither numbers"),
    ("exp('a') + x", "calls exp of 'a', which are not all numbers"),
    ("split(x, 4, axis=1)", "calls split of 6 into 4 equal parts"),
    ("x * (2.0 ** 100000)", "computes (2.0 ** 100000), which cannot be: math range error"),
    ("x * [1, 'a']", "calls multiply of (1, 'a'), which are not all numbers"),
    ("x * []", "calls multiply of no numbers"),
    ("x[:, 5:5]", "computes x[:, 5:5], which gives the shape (0, 4), which is empty"),
    (
        "tile(x, (1, 1000000000, 1000))",
        (
            "computes tile(x, (1, 1000000000, 1000)), which gives the shape (6000000000, 4000), "
            "24000000000000 values for each sequence and more than 2147483648"
        ),
    ),
    ("x / (1 / 0)", "computes (1 / 0), which cannot be: division by zero"),
]


@pytest.mark.parametrize(("written", "problem"), IMPOSSIBLE)
def test_what_cannot_be_computed_is_refused(written: str, problem: str) -> None:
    with pytest.raises(NoRecipeError) as caught:
        computed(written, X)
    assert str(caught.value).startswith(problem)
