"""Allow the layers of a model file that may be built, and refuse each other one in a sentence.

A layer that is not listed here is never made, whatever module, registered name or code its record
carries; that is what makes opening a stranger's model safe. Listed is what Keras itself brings and
what is wholly described by numbers and words. Knows nothing of files and imports no Keras.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seqlift.models import legacy
from seqlift.models.plans.plan import LayerPlan, NetworkPlan, every_layer, every_network


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SAFE_LAYERS = _words(
    """
    InputLayer Identity Activation Dense EinsumDense Embedding Masking
    Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose
    DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D
    LocallyConnected1D LocallyConnected2D
    MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
    BatchNormalization SyncBatchNormalization LayerNormalization GroupNormalization
    UnitNormalization RMSNormalization SpectralNormalization Normalization Rescaling
    ReLU LeakyReLU PReLU ELU Softmax
    Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise
    AlphaDropout ActivityRegularization
    RandomFlip RandomTranslation RandomRotation RandomZoom RandomContrast RandomBrightness
    Flatten Reshape Permute RepeatVector Cropping1D Cropping2D Cropping3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D UpSampling1D UpSampling2D UpSampling3D
    Add Subtract Multiply Average Maximum Minimum Concatenate Dot
    Attention AdditiveAttention MultiHeadAttention GroupQueryAttention
    SimpleRNN LSTM GRU RNN SimpleRNNCell LSTMCell GRUCell StackedRNNCells ConvLSTM1D ConvLSTM2D
    Bidirectional TimeDistributed
    """
)
"""Classes of `keras.layers` that may be built."""

SAFE_OPERATIONS = _words(
    """
    Relu Relu6 Sigmoid Softplus Softsign Silu LogSigmoid LeakyRelu HardSigmoid HardSilu HardTanh Elu
    Selu Gelu Celu Glu Softmax LogSoftmax MaxPool AveragePool Conv DepthwiseConv Normalize LayerNorm
    Absolute Abs Add Subtract Multiply Divide TrueDivide Power Negative Reciprocal Sign Clip
    Square Sqrt Rsqrt Exp Expm1 Log Log1p Log2 Log10 Logsumexp Logaddexp Erf Tanh Sin Cos
    Maximum Minimum Max Min Amax Amin Mean Sum Prod Var Std Average Cumsum
    Matmul Dot Einsum Tensordot Concatenate Stack Split Reshape Ravel Transpose Swapaxes Moveaxis
    Squeeze ExpandDims Flip Roll Pad Repeat Tile BroadcastTo GetItem Take Slice
    Where Greater GreaterEqual Less LessEqual Equal NotEqual LogicalAnd LogicalOr LogicalNot Any All
    Cast StopGradient OneHot
    SoftShrink HardShrink TanhShrink Threshold Squareplus SparsePlus SparseSigmoid Sparsemax
    Arctan Arcsinh Sinh Cosh Tan Exp2 Erfc Fabs Hypot Deg2rad Rad2deg FloorDivide Mod Round
    Floor Ceil Trunc Ptp Argmax Argmin Argsort Sort ArraySplit Unstack Diff Tril Triu
    SeparableConv RMSNorm BatchNorm DotProductAttention
    Copy ConvertToTensor SaturateCast ZerosLike OnesLike FullLike
    """
)
"""Operations of `keras.ops` that may be built."""

SAFE_ACTIVATIONS = _words(
    """
    linear relu relu6 leaky_relu elu selu celu gelu silu mish glu sigmoid log_sigmoid hard_sigmoid
    hard_silu tanh hard_tanh tanh_shrink softplus softsign squareplus softmax log_softmax sparsemax
    exponential soft_shrink hard_shrink threshold sparse_plus sparse_sigmoid
    """
) | {legacy.KERAS_2_HARD_SIGMOID}
"""Names of activation functions that may be used."""

REBUILD = "rebuild the model with layers of keras.layers and save it again"
REBUILD_OF_OTHERS = "rebuild the model with other layers of keras.layers and save it again"
GIVE_CODE = "give its code with --custom-objects FILE.py"
OWN_CODE = f"{GIVE_CODE}, or {REBUILD}"

REBUILD_NETWORK = "rebuild it as keras.Sequential or keras.Model(inputs, outputs) and save that"

READ = {
    "Lambda": "code in a model file is never run",
    "TFOpLambda": "a TensorFlow function called by tf.keras, not a layer",
    "SlicingOpLambda": "tensor slicing recorded by tf.keras, not a layer",
    "TensorFlowOpLayer": "a raw TensorFlow graph node, which is never run",
}
"""Classes never instantiated but read and rebuilt (`seqlift.models.recipes`); name: reason."""

REASONS = {
    "__lambda__": f"code in a model file is never run; {REBUILD}",
    "ClassMethod": f"a TensorFlow method called by tf.keras, not a layer; {REBUILD}",
    "TFSMLayer": f"it runs a TensorFlow program from another folder; {REBUILD}",
    "JaxLayer": f"its code is not in the file; {REBUILD}",
    "FlaxLayer": f"its code is not in the file; {REBUILD}",
    "TorchModuleWrapper": f"it holds a pickled PyTorch module, which is never opened; {REBUILD}",
}
"""Reasons against classes that Keras has or had; the rest of the sentence is the remedy."""

MODULES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
"""Modules that have held Keras's own classes. Nothing is imported from a name in a file."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason against building a layer: the sentence without its name and the recipe's.

    `recipe_for` is the layer that a recipe would be for, None where none helps.
    """

    layer: str
    reason: str
    recipe_for: str | None = None

    def __str__(self) -> str:
        """Write the sentence."""
        recipe = f" --recipe '{self.recipe_for}=EXPRESSION'" if self.recipe_for else ""
        return f"layer {self.layer!r}{self.reason}{recipe}"


def unsafe_layers(network: NetworkPlan) -> Iterator[Refusal]:
    """Yield a refusal for each layer of the network that must not or cannot be built.

    The computation of a layer in a wrapper can only be reported for the wrapper.
    """
    wrappers = {
        inner.name: plan.name
        for plan in every_layer(network)
        for inner in every_layer(plan)
        if inner is not plan
    }
    for inner in every_network(network):
        yield from _subclass_refusals(inner)
    for plan in every_layer(network):
        yield from _layer_refusals(plan, recipe_for=wrappers.get(plan.name, plan.name))


def is_refused(plan: LayerPlan) -> bool:
    """Tell whether a layer, or one within it, must not or cannot be built."""
    return any(any(_layer_refusals(one, recipe_for="")) for one in every_layer(plan))


def _subclass_refusals(network: NetworkPlan) -> Iterator[Refusal]:
    """Yield the refusal of a network of a class whose code may compute something else."""
    if network.subclass is None:
        return
    is_of = f" is a model of the class {network.subclass!r}"
    if network.own_class is None:
        reason = f"{is_of}, whose code is not in the file; {GIVE_CODE}, or {REBUILD_NETWORK}"
        yield Refusal(network.name, reason)
        return
    for base in network.own_class.__mro__:
        if base.__module__.startswith("keras."):
            return
        # The layers in the file are explained; a call of its own may not be what they compute.
        if "call" in vars(base) or "__call__" in vars(base):
            reason = (
                f"{is_of}, whose call() in the custom objects may compute something else than its "
                f"layers in the file say; {REBUILD_NETWORK}"
            )
            yield Refusal(network.name, reason)
            return


def _layer_refusals(plan: LayerPlan, *, recipe_for: str) -> Iterator[Refusal]:
    name = plan.name
    if plan.expressions:
        return
    if plan.class_name in READ:
        what = f" is a {plan.class_name}{_function_of(plan)}: {READ[plan.class_name]}"
        if plan.refusal:
            yield Refusal(name, f"{what}; it {plan.refusal}: give", recipe_for)
        else:
            yield Refusal(name, f"{what}; {REBUILD}")
        return
    if plan.class_name in REASONS:
        what = f"{plan.class_name}{_function_of(plan)}"
        yield Refusal(name, f" is a {what}: {REASONS[plan.class_name]}")
        return
    known = plan.class_name in (SAFE_OPERATIONS if plan.operation else SAFE_LAYERS)
    if plan.own_class is not None:
        known = True
    # Older files name no module: an unknown name is then a user's, not one of Keras.
    elif not _is_of_keras(plan) or (plan.module is None and not known):
        where = f" of {plan.module}" if plan.module else ""
        own = plan.registered_name or plan.class_name
        what = f" is of the class {own!r}{where}, whose code is not in the file"
        yield Refusal(name, f"{what}; {OWN_CODE}")
        return
    if not known:
        kind = "an operation" if plan.operation else "a layer"
        what = f" is a {plan.class_name}, {kind} of Keras that seqlift does not explain"
        yield Refusal(name, f"{what}; {REBUILD_OF_OTHERS}")
        return
    for key, value in plan.settings.items():
        for reason in _setting_refusals(key, value):
            yield Refusal(name, f" ({plan.class_name}) {reason}")


def _is_of_keras(plan: LayerPlan) -> bool:
    at_home = plan.module is None or any(
        plan.module == home or plan.module.startswith(f"{home}.") for home in MODULES
    )
    return at_home and plan.registered_name in (None, plan.class_name)  # registered: a user's class


def _function_of(plan: LayerPlan) -> str:
    function = plan.settings.get("function")
    named = plan.class_name in ("TFOpLambda", "ClassMethod") and isinstance(function, str)
    return f" of {function!r}" if named else ""


def _setting_refusals(key: str, value: Any) -> Iterator[str]:
    if key == "quantised":
        yield f"has quantised weights ({value}); save the model before quantising it"
    elif key.endswith("activation"):
        if not callable(value) and not (isinstance(value, str) and value in SAFE_ACTIVATIONS):
            yield f"has the {key} {_named(value)!r}, which is not one of Keras; {OWN_CODE}"
    elif not _is_plain(value):
        yield f"has an object for its setting {key!r} ({_named(value)}); {REBUILD}"


def _named(value: Any) -> Any:
    while isinstance(value, dict):
        inner = value.get("config") if value.get("class_name") == "function" else None
        value = value.get("registered_name") or inner or value.get("class_name") or "a mapping"
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        # A mapping with a class name is what Keras makes an object from.
        return "class_name" not in value and all(_is_plain(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)
