"""Operations of `keras.ops` between layers: the expressions that the tests of them go through.

In each, `x` and `y` are (batch, 9, 6) of both signs, `p` the same above zero, `q` (batch, 6, 9),
`v` and `w` (batch, 6), `h` (batch, 9, 2, 3); `table` is a constant (9, 6).
"""

from typing import Any

import numpy as np
from keras import activations, layers, ops

POSITIONS, CHANNELS = 9, 6

ARITHMETIC = (
    "x + y",
    "x - y",
    "x + table",
    "ops.subtract(table[None], x)",
    "1 - x",
    "x * 2.5",
    "x * y",
    "x * x",
    "x * table",
    "x[:, :1] * table",
    "x / 4",
    "2 / p",
    "x / p",
    "p / table[:1]",
    "p ** 0.7",
    "x ** 3",
    "2 ** x",
    "-x",
    "abs(x)",
    "ops.divide(x, p)",
    "ops.maximum(x, 0.1)",
    "ops.minimum(0.2, x)",
    "ops.maximum(x, y)",
    "ops.minimum(x, y)",
    "ops.maximum(x, table)",
    "ops.minimum(table, x)",
    "ops.maximum(x, x[:, :1])",
    "ops.logaddexp(x, y)",
    "ops.logaddexp(x, 0.5)",
    "ops.hypot(p, y)",
    "ops.where(table > 1, x, y)",
    "ops.where(table > 1, x, 0.5)",
    "ops.where(ops.greater(ops.zeros_like(x), 1.0), x, y)",
    "ops.clip(x, -0.3, 0.4)",
    "ops.sinh(x)",
    "ops.cosh(x)",
    "ops.tan(0.1 * x)",
)

FUNCTIONS = (
    "ops.relu(x)",
    "activations.relu(x, negative_slope=0.2, max_value=0.5)",
    "ops.relu6(x)",
    "ops.sigmoid(x)",
    "ops.sparse_sigmoid(x)",
    "ops.softplus(x)",
    "ops.softsign(x)",
    "ops.soft_shrink(x, 0.2)",
    "ops.sparse_plus(x)",
    "ops.silu(x)",
    "ops.squareplus(x, 3)",
    "ops.log_sigmoid(x)",
    "ops.leaky_relu(x, 0.125)",
    "ops.hard_sigmoid(x)",
    "ops.hard_silu(x)",
    "ops.elu(x, 0.7)",
    "ops.selu(x)",
    "ops.gelu(x)",
    "ops.gelu(x, approximate=False)",
    "ops.celu(x, 0.6)",
    "ops.glu(x)",
    "ops.tanh_shrink(x)",
    "ops.hard_tanh(x)",
    "ops.hard_shrink(x, 0.2)",
    "ops.threshold(x, 0.1, 0.1)",
    "ops.softmax(x)",
    "ops.softmax(x, axis=1)",
    "ops.log_softmax(x)",
    "ops.absolute(x)",
    "ops.abs(x)",
    "ops.fabs(x)",
    "ops.reciprocal(p)",
    "ops.square(x)",
    "ops.sqrt(p)",
    "ops.exp(x)",
    "ops.exp2(x)",
    "ops.expm1(x)",
    "ops.log(p)",
    "ops.log1p(p)",
    "ops.log2(p)",
    "ops.log10(p)",
    "ops.tanh(x)",
    "ops.sin(x)",
    "ops.cos(x)",
    "ops.arctan(x)",
    "ops.arcsinh(x)",
    "ops.deg2rad(x)",
    "ops.rad2deg(0.01 * x)",
    "ops.rsqrt(p)",
    "ops.erf(x)",
    "ops.erfc(x)",
    "ops.copy(x) + 1.0",
    "ops.convert_to_tensor(x) * 2.0",
    "ops.cast(x, 'float64')",
    "ops.saturate_cast(x, 'float64')",
    "x + ops.ones_like(x) + ops.zeros_like(x) + ops.full_like(x, 3.0)",
)

REDUCTIONS = (
    "ops.sum(x, axis=1)",
    "ops.sum(x, axis=(-1, 1), keepdims=True)",
    "ops.mean(x, axis=-1)",
    "ops.mean(h, axis=[1, 2])",
    "ops.var(x, axis=1)",
    "ops.std(x, axis=-1, keepdims=True)",
    "ops.max(x, axis=1)",
    "ops.max(x, axis=-1, initial=0.3)",
    "ops.amax(x, axis=-1, keepdims=True)",
    "ops.min(x, axis=(1, 2))",
    "ops.min(x, axis=1, initial=-0.3)",
    "ops.amin(x, axis=1)",
    "ops.ptp(x, axis=1)",
    "ops.prod(x, axis=-1)",
    "ops.average(x, axis=1)",
    "ops.average(x, axis=1, weights=np.arange(1.0, 10.0))",
    "ops.cumsum(x, axis=1)",
    "ops.logsumexp(50 * x, axis=1)",
    "ops.logsumexp(x, axis=(1, 2), keepdims=True)",
)

ARRANGEMENTS = (
    "ops.reshape(x, (-1, 6, 9))",
    "ops.reshape(x, (-1, 2, 27))",
    "ops.transpose(x, (0, 2, 1))",
    "ops.swapaxes(x, -1, -2)",
    "ops.moveaxis(h, 1, -1)",
    "ops.squeeze(x[:, :1], axis=1)",
    "ops.squeeze(x[:, 3:4])",
    "ops.expand_dims(x, -1)",
    "ops.expand_dims(x, (1, 3))",
    "ops.concatenate([x, y, ops.ones_like(x)], axis=1)",
    "ops.concatenate([x, y], axis=-1)",
    "ops.stack([x, y], axis=-1)",
    "ops.stack([x, y], axis=1)",
    "ops.tril(x)",
    "ops.triu(x, 1)",
)

SELECTIONS = (
    "x[:, 2]",
    "x[:, -1]",
    "x[:, 1:8:3]",
    "x[:, ::-1, ::2]",
    "x[..., 1]",
    "x[:, None, ..., -2:]",
    "ops.take(x, [0, 3, 3], axis=1)",
    "ops.take(x, [[0, 3], [-1, 5]], axis=-1)",
    "ops.take(x, 4, axis=1)",
    "ops.slice(x, (0, 2, 1), (-1, 3, 4))",
    "ops.split(x, [2, 5], axis=-1)[1]",
    "ops.split(x, 3, axis=1)[2]",
    "ops.array_split(x, 4, axis=1)[0]",
    "ops.unstack(x, axis=-1)[2]",
    "ops.flip(x, axis=1)",
    "ops.flip(x, axis=(1, -1))",
    "ops.roll(x, 2, axis=1)",
    "ops.repeat(x, 2, axis=-1)",
    "ops.repeat(x, [1, 0, 2, 1, 1, 3], axis=2)",
    "ops.tile(x, (1, 2, 1))",
    "ops.pad(x, ((0, 0), (1, 2), (0, 1)))",
    "ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=0.5)",
    "ops.pad(x, ((0, 0), (3, 2), (0, 0)), mode='reflect')",
    "ops.diff(x, n=2, axis=1)",
)

CONTRACTIONS = (
    "x @ q",
    "x @ table.T",
    "ops.matmul(table.T, x)",
    "x @ table[0]",
    "v @ table.T",
    "ops.matmul(h, table[:3, :4])",
    "ops.matmul(h, table[None, None, :3, :4])",
    "ops.dot(x, table.T)",
    "ops.dot(table[0, :], q)",
    "ops.tensordot(x, table, axes=2)",
    "ops.tensordot(x, table, axes=[[1], [0]])",
    "ops.einsum('bij,bkj->bik', x, y)",
    "ops.einsum('bij,jk', x, table.T)",
    "ops.einsum('...j,jk->...k', x, table.T)",
    "ops.einsum('bij,bk,ij->bk', x, v, table)",
    "ops.einsum('bij->bj', x)",
    "ops.einsum('bij,bij->b', x, y)",
)

NETWORK = (
    "ops.conv(x, kernel, padding='same')",
    "ops.conv(x, kernel, strides=2, data_format='channels_last')",
    "ops.depthwise_conv(x, kernel, padding='valid')",
    "ops.separable_conv(x, kernel, table[None, :, :].reshape(1, 18, 3))",
    "ops.max_pool(x, 3, strides=2)",
    "ops.average_pool(x, 2, padding='same')",
    "ops.layer_normalization(x)",
    "ops.layer_normalization(x, table[0], table[1], axis=-1)",
    "ops.rms_normalization(x, table[2])",
    "ops.batch_normalization(x, table[0], table[1], axis=-1, offset=table[2], scale=table[3])",
    "ops.normalize(x, axis=1)",
    "ops.dot_product_attention(h, h * h, h)",
    "ops.dot_product_attention(ops.tile(h, (1, 1, 2, 1)), h, h, is_causal=True, scale=0.7)",
    "ops.dot_product_attention(h, h, h, mask=(table[:, :1] <= table.T[:1])[None, None])",
)

ROUNDED = frozenset(
    text for text in (*FUNCTIONS, *NETWORK) if "gelu" in text or "attention" in text
)
"""Expressions of which TensorFlow computes a part in float32, whatever the rest is computed in."""

OPERATIONS = (
    *ARITHMETIC,
    *FUNCTIONS,
    *REDUCTIONS,
    *ARRANGEMENTS,
    *SELECTIONS,
    *CONTRACTIONS,
    *NETWORK,
)


def operands(tensor: Any) -> dict[str, Any]:
    """Return the names that an expression may use, made of a sequence (batch, 24, 4)."""
    rng = np.random.default_rng(17)
    grown = layers.Conv1D(4 * CHANNELS, 7, strides=2)(tensor)
    x, y, other, q = (grown[..., i * CHANNELS : (i + 1) * CHANNELS] for i in range(4))
    return {
        "x": x,
        "y": y,
        "p": ops.softplus(other) + 0.25,
        "q": layers.Permute((2, 1))(q),
        "v": layers.GlobalAveragePooling1D()(x),
        "w": layers.GlobalAveragePooling1D()(y),
        "h": layers.Reshape((POSITIONS, 2, 3))(y),
        "table": rng.uniform(0.5, 1.5, (POSITIONS, CHANNELS)),
        "kernel": rng.normal(size=(3, CHANNELS, 3)),
        "np": np,
        "ops": ops,
        "activations": activations,
    }


def evaluated(expression: str, names: dict[str, Any]) -> Any:
    """Return the tensor that an expression makes of the operands."""
    return eval(expression, names)  # a table of expressions names each case by what it is
