"""Translate the records of older Keras to the words of today's.

Tables of class names, settings and meanings that changed, and the functions that apply them. A new
difference is a new row. Knows no file and builds nothing. Before that, `seqlift.models.keras1`
translates records of Keras 0 and 1 to the words of Keras 2.
"""

from collections.abc import Mapping
from typing import Any

from seqlift.models import keras1

FUNCTIONAL_CLASSES = ("Functional", "Model")
"""Names under which Keras 3 and Keras 2 write a model made of inputs and outputs."""

KERAS_2_CLASSES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "GroupedQueryAttention": "GroupQueryAttention",
    "LayerNormalizationV2": "LayerNormalization",
    "UnifiedGRU": "GRU",
    "UnifiedLSTM": "LSTM",
    "ThresholdedReLU": "ReLU",
}
"""Class names of Keras 2 (and tf.keras 1.13 to 2.15), and today's class with the same meaning.

Keras 3 writes GroupQueryAttention under the name of the class behind it, in `.h5` files only.
"""

KERAS_2_SETTINGS = {
    ("LeakyReLU", "alpha"): "negative_slope",
    ("ThresholdedReLU", "theta"): "threshold",
}
"""(class, setting) of Keras 2, and the setting's name today."""

OTHER_NAMES = {
    "exp": "exponential",
    "hard_swish": "hard_silu",
    "log_softmax_v2": "log_softmax",
    "softmax_v2": "softmax",
    "swish": "silu",
}
"""Other names under which an activation function was written."""

KERAS_2_HARD_SIGMOID = "hard_sigmoid_of_keras_2"
"""clip(0.2 x + 0.5, 0, 1), which Keras 3 replaced by clip(x / 6 + 0.5, 0, 1) under one name."""

KERAS_2_DEFAULTS: dict[str, dict[str, Any]] = {
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
}
"""Settings early Keras 2 did not write, there being no choice; today's default differs."""

WITHOUT_EFFECT = frozenset(
    {
        "adjustment", "autocast", "batch_input_shape", "batch_shape", "experimental_autocast",
        "fused", "implementation", "input_dtype", "input_length", "key_shape", "num_constants",
        "quantization_config", "query_shape", "ragged", "renorm_clipping", "renorm_momentum",
        "return_dict", "sparse", "stateful", "synchronized", "use_cudnn", "value_shape",
        "virtual_batch_size",
    }
)  # fmt: skip
"""Settings of training, storage or execution: the predictions of separate sequences ignore them."""

WITH_EFFECT = frozenset(
    {("LocallyConnected1D", "implementation"), ("LocallyConnected2D", "implementation")}
)
"""Layers in which one of these settings does matter: it is the shape of their weights."""

TRAINING_ONLY = ("_initializer", "_regularizer", "_constraint")
"""Endings of settings that matter while training only. They may hold objects; none is made."""

IMPLIED: dict[str, dict[str, Any]] = {
    "CuDNNGRU": {"recurrent_activation": "sigmoid", "reset_after": True},
    "CuDNNLSTM": {"recurrent_activation": "sigmoid"},
}
"""Settings of today's class that a class of Keras 2 had built in."""


def generation(version: str | None, record: Any) -> int:
    """Find the major version of the Keras that wrote `record`: 1 (and before), 2 or 3.

    `version` is the one in the file ("2.3.1", "2.4.0-tf"), None where the file has none.
    """
    if keras1.is_keras_1(record):
        return 1
    major = (version or "").split(".")[0]
    if major.isdigit():
        return min(max(int(major), 1), 3)
    return 3 if isinstance(record, Mapping) and "module" in record else 2  # Keras 3 writes modules


def is_operation(
    class_name: str, module: str | None, *, settings: Mapping[str, Any], generation: int
) -> bool:
    """Tell whether a record is a function of `keras.ops` in the graph, not a layer.

    Keras 3 `.h5` files name no module, and the two share names (Add, Multiply): every layer but
    InputLayer writes `trainable`, no operation does.
    """
    if module is not None:
        return module.startswith(("keras.src.ops", "keras.ops"))
    return generation >= 3 and "trainable" not in settings and class_name != "InputLayer"


def is_subclass(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is of a class that a user derived from Sequential or Functional.

    Keras writes the same for those, and something else for all its own layers.
    """
    config, module = record.get("config"), str(record.get("module") or "")
    if not isinstance(config, Mapping) or module.split(".")[0] == "keras":
        return False
    layers = config.get("layers")
    if not (isinstance(layers, list) and layers and all(map(is_layer, layers))):
        return False
    return {"input_layers", "output_layers"} <= set(config) or set(config) <= SEQUENTIAL_SETTINGS


SEQUENTIAL_SETTINGS = frozenset({"build_input_shape", "dtype", "layers", "name", "trainable"})
"""All that is written of a Sequential model."""


def holds_layers(value: Any) -> bool:
    """Tell whether a setting of a wrapper is a layer, a list of layers, or None.

    Layers of a user's own may have numbers and words under the same names.
    """
    return value is None or all(map(is_layer, value if isinstance(value, list) else [value]))


def is_layer(value: Any) -> bool:
    """Tell whether an activation setting holds a whole layer, such as LeakyReLU."""
    return isinstance(value, Mapping) and isinstance(value.get("config"), Mapping)


def layer_name(name: Any) -> str:
    """Rewrite a layer's name as Keras 3 allows it: without slashes."""
    if not isinstance(name, str | int):
        raise ValueError(f"a layer has the name {name!r}, which is not text")
    return str(name).replace("/", "_")


def modern(
    class_name: str, settings: Mapping[str, Any], *, generation: int
) -> tuple[str, dict[str, Any]]:
    """Translate a layer's class name and settings to today's words, without training settings.

    Settings this module does not know pass through unchanged.
    """
    today = KERAS_2_CLASSES.get(class_name, class_name)
    kept: dict[str, Any] = {}
    if generation < 3:
        kept |= KERAS_2_DEFAULTS.get(today, {}) | IMPLIED.get(class_name, {})
    for key, value in settings.items():
        if today == "InputLayer" and key in ("batch_input_shape", "batch_shape"):
            kept["shape"] = tuple(value[1:])  # any number of sequences, whatever was fixed before
        elif key == "dtype":
            kept |= _dtype(value, is_input=today == "InputLayer")
        elif key.endswith("activation"):
            kept[key] = _activation(value, generation)
        elif key == "axis":
            # tf.keras wrote the one axis of batch normalisation as a list.
            kept[key] = value[0] if isinstance(value, list) and len(value) == 1 else value
        elif key == "trainable":
            kept[key] = value is not False  # Keras 2 wrote null where it was not set
        elif (today, key) in WITH_EFFECT:
            kept[key] = value
        elif key not in WITHOUT_EFFECT and not key.endswith(TRAINING_ONLY):
            kept[KERAS_2_SETTINGS.get((class_name, key), key)] = value
    return today, kept


def _dtype(value: Any, *, is_input: bool) -> dict[str, Any]:
    name = value.get("config", {}).get("name") if isinstance(value, Mapping) else value
    # a policy of Keras 3
    if isinstance(value, Mapping) and "Quantized" in str(value.get("class_name")):
        return {"quantised": name}
    if is_input and isinstance(name, str) and name.startswith(("int", "uint", "bool")):
        return {"dtype": name}
    return {}


def _activation(value: Any, generation: int) -> Any:
    if value is None:
        return "linear"
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        module, name = str(value.get("module")), value.get("config")
        if module == "builtins" or module.startswith("keras."):
            value = name
    if not isinstance(value, str):
        return value
    if value == "hard_sigmoid" and generation < 3:
        return KERAS_2_HARD_SIGMOID
    return OTHER_NAMES.get(value, value)
