"""Tables of TensorFlow's and Keras's functions in the language of expressions.

``tf.math.reduce_logsumexp(input_tensor, axis)`` is ``logsumexp(x, axis)``, whoever wrote it: a row
for each function, with its parameters in the order of the library, and the language's name of a
parameter behind ``=`` where it differs. ``=-`` marks one without effect, ``==`` one that must keep
its default, and ``:`` the default where the language has another. Another function is another row.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LibraryFunction:
    """A function of a library: our name for it, our parameters in its order, its defaults.

    `fixed` are parameters that we have not, and the only values they may have.
    """

    function: str
    parameters: Mapping[str, str]
    defaults: Mapping[str, Any]
    fixed: Mapping[str, Any]


def _rows(written: str) -> dict[str, LibraryFunction]:
    """Parse a table, by the library's names; several names are joined by commas."""
    rows: dict[str, LibraryFunction] = {}
    for line in written.strip().splitlines():
        theirs, ours, *words = line.split()
        parameters, defaults, fixed = {}, {}, {}
        for word in words:
            if "==" in word:
                name, _, only = word.partition("==")
                parameters[name], fixed[name] = "-", ast.literal_eval(only)
                continue
            word, _, default = word.partition(":")
            name, _, meant = word.partition("=")
            parameters[name] = meant or name
            if default:
                defaults[meant or name] = ast.literal_eval(default)
        rows |= dict.fromkeys(theirs.split(","), LibraryFunction(ours, parameters, defaults, fixed))
    return rows


TENSORFLOW = _rows(
    """
    constant identity value=x dtype=-
    reduce_sum sum input_tensor=x axis keepdims
    reduce_mean mean input_tensor=x axis keepdims
    reduce_max max input_tensor=x axis keepdims
    reduce_min min input_tensor=x axis keepdims
    reduce_prod prod input_tensor=x axis keepdims
    reduce_std std input_tensor=x axis keepdims
    reduce_variance var input_tensor=x axis keepdims
    reduce_logsumexp logsumexp input_tensor=x axis keepdims
    add add x=x1 y=x2
    radd add y=x2 x=x1
    subtract,sub subtract x=x1 y=x2
    rsub subtract y=x2 x=x1
    multiply,mul multiply x=x1 y=x2
    rmul multiply y=x2 x=x1
    divide,truediv,div divide x=x1 y=x2
    rtruediv divide y=x2 x=x1
    pow power x=x1 y=x2
    rpow power y=x2 x=x1
    maximum maximum x=x1 y=x2
    minimum minimum x=x1 y=x2
    greater greater x=x1 y=x2
    greater_equal greater_equal x=x1 y=x2
    less less x=x1 y=x2
    less_equal less_equal x=x1 y=x2
    equal equal x=x1 y=x2
    not_equal not_equal x=x1 y=x2
    negative,neg negative x
    abs abs x
    exp exp x
    expm1 expm1 x
    log log x
    log1p log1p x
    sqrt sqrt x
    rsqrt rsqrt x
    square square x
    sign sign x
    reciprocal reciprocal x
    erf erf x
    sin sin x
    cos cos x
    tanh tanh x
    sigmoid sigmoid x
    log_sigmoid log_sigmoid x
    relu relu features=x
    relu6 relu6 features=x
    leaky_relu leaky_relu features=x alpha=negative_slope
    elu elu features=x
    selu selu features=x
    gelu gelu features=x approximate:False
    silu,swish silu features=x beta==1.0
    softplus softplus features=x
    softsign softsign features=x
    softmax softmax logits=x axis
    log_softmax log_softmax logits=x axis
    l2_normalize l2_normalize x axis epsilon
    clip_by_value clip x clip_value_min=x_min clip_value_max=x_max
    where,where_v2 where condition x=x1 y=x2
    matmul matmul a=x1 b=x2 transpose_a transpose_b adjoint_a==False adjoint_b==False
    cast cast x dtype
    concat concatenate values=xs axis
    stack stack values=x axis:0
    unstack unstack value=x num axis:0
    split split_sizes value=x num_or_size_splits=sizes axis:0 num=-
    squeeze squeeze input=x axis squeeze_dims=axis
    expand_dims expand_dims input=x axis dim=axis
    reshape reshape tensor=x shape=newshape
    transpose transpose a=x perm=axes conjugate=-
    reverse flip tensor=x axis
    tile tile input=x multiples=repeats
    repeat repeat input=x repeats axis
    pad pad tensor=x paddings=pad_width mode constant_values
    cumsum cumsum x axis:0 exclusive==False reverse==False
    slice slice input_=inputs begin=start_indices size=shape
    gather take params=x indices validate_indices=- axis:0 batch_dims==0
    shape shape input=x out_type=-
    identity,stop_gradient identity input=x
    getitem getitem x slice_spec=key
    is_finite is_finite x
    zeros_like zeros_like x dtype=- input=x tensor=x
    ones_like ones_like x dtype=- input=x tensor=x
    zeros zeros shape dtype=-
    ones ones shape dtype=-
    fill full dims=shape value
    """
)

BACKEND = _rows(
    """
    sum sum x axis keepdims
    mean mean x axis keepdims
    max max x axis keepdims
    min min x axis keepdims
    prod prod x axis keepdims
    std std x axis keepdims
    var var x axis keepdims
    logsumexp logsumexp x axis keepdims
    pow power x=x1 a=x2
    maximum maximum x=x1 y=x2
    minimum minimum x=x1 y=x2
    greater greater x=x1 y=x2
    greater_equal greater_equal x=x1 y=x2
    less less x=x1 y=x2
    less_equal less_equal x=x1 y=x2
    equal equal x=x1 y=x2
    not_equal not_equal x=x1 y=x2
    abs abs x
    exp exp x
    log log x
    sqrt clipped_sqrt x
    square square x
    sign sign x
    sin sin x
    cos cos x
    tanh tanh x
    sigmoid sigmoid x
    relu relu x alpha=negative_slope max_value threshold
    elu elu x alpha
    softplus softplus x
    softsign softsign x
    softmax softmax x axis
    l2_normalize l2_normalize x axis
    clip clip x min_value=x_min max_value=x_max
    switch where condition then_expression=x1 else_expression=x2
    cast cast x dtype
    concatenate concatenate tensors=xs axis:-1
    stack stack x axis:0
    squeeze squeeze x axis
    expand_dims expand_dims x axis:-1
    reshape reshape x shape=newshape
    batch_flatten batch_flatten x
    permute_dimensions transpose x pattern=axes
    reverse flip x axes=axis
    tile tile x n=repeats
    repeat_elements repeat x rep=repeats axis
    repeat repeat_vector x n
    cumsum cumsum x axis:0
    slice slice x=inputs start=start_indices size=shape
    int_shape,shape shape x
    identity,stop_gradient identity x
    epsilon epsilon
    zeros zeros shape dtype=-
    ones ones shape dtype=-
    zeros_like zeros_like x dtype=-
    ones_like ones_like x dtype=-
    constant identity value=x dtype=-
    """
)

ACTIVATION_FUNCTIONS = _rows(
    """
    linear identity x
    relu relu x alpha=negative_slope max_value threshold
    relu6 relu6 x
    elu elu x alpha
    selu selu x
    gelu gelu x approximate:False
    silu,swish silu x
    softplus softplus x
    softsign softsign x
    sigmoid sigmoid x
    tanh tanh x
    exponential exp x
    softmax softmax x axis
    log_softmax log_softmax x axis
    """
)
"""Functions of `keras.activations` that have been the same in Keras 2 and 3."""

TABLES = {"tf": TENSORFLOW, "K": BACKEND, "backend": BACKEND, "activations": ACTIVATION_FUNCTIONS}
"""The tables, by the word before the function's name."""

OLD_PARAMETERS = {
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "dim": "axis",
    "negative_slope": "alpha",
}
"""Names of parameters in TensorFlow 1, and of Keras 3 where it differs."""
