"""Rewrite architecture records of Keras 0 and 1 in the manner of Keras 2.

Plain values in, plain values out, by tables of names that changed. Knows nothing of files, and
builds nothing; `seqlift.models.removed_layers` refuses what has no equal, and
`seqlift.models.old_weights` reads weights of Keras 1.

Keras 0 wrote flat records under `name` (the class) and `custom_name`; Keras 1 wrote `class_name`
and `config` as Keras 2 does, with other words. In both, several inputs of a Sequential are a Merge
that holds their branches; these branches become layers of one Functional model here.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from seqlift.errors import ModelError
from seqlift.models.removed_layers import MERGES, REBUILD_LATER, REMOVED, removed_layers

KERAS_1_CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
"""Classes of Keras 1 that Keras 2 has under another name."""

KERAS_1_SETTINGS = {
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "inner_activation": "recurrent_activation",
    "length": "size",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
"""Settings of Keras 1, and their names in Keras 2."""

KEPT_SETTINGS = {("Embedding", "output_dim"), ("Embedding", "input_dim")}
"""(class, setting) that kept its name, though others of that name changed."""

KERAS_1_TRAINING = ("init", "_init", "_regularizer", "_constraint")
KERAS_1_WITHOUT_EFFECT = frozenset(
    {"cache_enabled", "consume_less", "custom_name", "input_dim", "input_length", "input_shape"}
    | {"mode", "nb_col", "nb_row", "weights"}
)
"""Settings of training or execution, and those that are read together with others."""

DIM_ORDERINGS = {"th": "channels_first", "tf": "channels_last"}

MARKS = frozenset(
    {"border_mode", "dim_ordering", "filter_length", "inner_activation", "nb_col", "nb_filter"}
    | {"nb_row", "pool_length", "subsample", "subsample_length", "U_regularizer", "W_constraint"}
    | {"W_regularizer", "consume_less", "init", "input_dtype", "p"}
)
"""Settings that only Keras 1 and before have written."""


def is_keras_1(record: Any) -> bool:
    """Tell whether a model's record is in the manner of Keras 0 or 1."""
    if not isinstance(record, Mapping):
        return False
    if "class_name" not in record:
        return isinstance(record.get("layers"), list) or record.get("name") == "Graph"
    config = record.get("config")
    layers = config.get("layers") if isinstance(config, Mapping) else config
    if isinstance(layers, list) and record["class_name"] != "Merge":
        return any(is_keras_1(layer) for layer in layers)
    settings = config if isinstance(config, Mapping) else {}
    if record["class_name"] == "BatchNormalization" and "mode" in settings:  # gone in Keras 2
        return True
    known = {*KERAS_1_CLASSES, *REMOVED, "Merge"} - {"LocallyConnected2D"}  # which Keras 2 has too
    return record["class_name"] in known or not MARKS.isdisjoint(settings)


def modernised(record: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite the record of a model of Keras 0 or 1 as Keras 2 would have written it.

    Raises `ModelError` with a line for each layer that has no equal in Keras 2.
    """
    if record.get("name") == "Graph" or record.get("class_name") == "Graph":
        raise ModelError(
            "a Graph model of Keras 0, which no later Keras reads; rebuild it as "
            "keras.Model(inputs, outputs), train it and save it again"
        )
    written = record if "class_name" in record else _in_keras_1(record)
    problems = [*removed_layers(written)]
    if problems:
        raise ModelError(*problems)
    return _element(written)


def _in_keras_1(record: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite a record of Keras 0 in the manner of Keras 1, with a name for every layer."""
    config = {key: value for key, value in record.items() if key not in ("name", "layers", "layer")}
    if "layer" in record:
        config["layer"] = _in_keras_1(record["layer"])
    if "layers" not in record:
        return {"class_name": record["name"], "config": config}
    chain = [_in_keras_1(layer) for layer in record["layers"]]
    written = [str(item.get("custom_name") or item["name"]).lower() for item in record["layers"]]
    used, seen = Counter(written), Counter[str]()
    for name, layer in zip(written, chain, strict=True):
        seen[name] += 1
        # Keras 0 let layers share a name; its weights go by order, so any unique one will do.
        unique = name if used[name] == 1 else f"{name}_{seen[name]}"
        if isinstance(layer["config"], dict):
            layer["config"]["name"] = unique
    if record["name"] == "Sequential":
        return {"class_name": "Sequential", "config": chain}
    return {"class_name": record["name"], "config": config | {"layers": chain}}


def _element(record: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite the record of a layer or network in the manner of Keras 2."""
    class_name, config = record["class_name"], record["config"]
    kept = {key: record[key] for key in ("name", "inbound_nodes") if key in record}
    if class_name == "Sequential":
        chain = config if isinstance(config, list) else config["layers"]
        if chain and _is_branching(chain[0]):
            return kept | _branched(chain)
        return kept | {"class_name": class_name, "config": [_element(layer) for layer in chain]}
    if "layers" in config and class_name != "Merge":
        layers = [_element(layer) for layer in config["layers"]]
        return kept | {"class_name": "Model", "config": {**config, "layers": layers}}
    if class_name == "Merge":
        return kept | _merge(config)
    today = KERAS_1_CLASSES.get(class_name, class_name)
    return kept | {"class_name": today, "config": _settings(class_name, config)}


def _merge(config: Mapping[str, Any]) -> dict[str, Any]:
    class_name = MERGES[config.get("mode", "sum")]
    settings: dict[str, Any] = {key: config[key] for key in ("name", "trainable") if key in config}
    if class_name == "Concatenate":
        settings["axis"] = config.get("concat_axis", -1)  # Keras 1's default
    elif class_name == "Dot":
        settings["axes"] = config.get("dot_axes", -1)
    return {"class_name": class_name, "config": settings}


def _settings(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in config.items():
        if (class_name, key) in KEPT_SETTINGS:
            kept[key] = value
        elif key == "dim_ordering":
            kept["data_format"] = DIM_ORDERINGS.get(value, "channels_last")
        elif key == "layer":
            kept[key] = _element(value)
        elif key == "input_dtype":
            kept |= {"dtype": value} if class_name in ("InputLayer", "Embedding") else {}
        elif key not in KERAS_1_WITHOUT_EFFECT and not key.endswith(KERAS_1_TRAINING):
            kept[KERAS_1_SETTINGS.get(key, key)] = value
    if "nb_row" in config:
        # two settings of one meaning today
        kept["kernel_size"] = [config["nb_row"], config["nb_col"]]
    if class_name == "Reshape" and "dims" in config:
        kept["target_shape"] = kept.pop("dims")
    if class_name == "ZeroPadding2D" and len(config.get("padding", ())) == 4:
        top, bottom, left, right = config["padding"]
        kept["padding"] = [[top, bottom], [left, right]]  # a flat list in Keras 1
    shape = _input_shape(config) if class_name != "Embedding" else config.get("batch_input_shape")
    return kept | ({"batch_input_shape": shape} if shape else {})


def _input_shape(config: Mapping[str, Any]) -> list[int | None] | None:
    """Find the batch shape of the input that a layer declares, None if it does not."""
    if config.get("batch_input_shape"):
        return list(config["batch_input_shape"])
    if config.get("input_shape"):
        return [None, *config["input_shape"]]
    if config.get("input_dim") and "input_length" in config:
        return [None, config["input_length"], config["input_dim"]]
    if config.get("input_dim"):
        return [None, config["input_dim"]]  # a Dense that was declared by the width of its input
    return None


def _is_branching(layer: Mapping[str, Any]) -> bool:
    return layer["class_name"] == "Merge" and bool(layer["config"].get("layers"))


def _branched(chain: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Rewrite a Sequential that starts with a Merge of branches as a Functional model.

    The layers of the branches are on one level with the others, as in the weights of Keras 1.
    """
    layers: list[dict[str, Any]] = []
    output = _laid(chain, layers)
    inputs = [[layer["name"], 0, 0] for layer in layers if layer["class_name"] == "InputLayer"]
    config = {"layers": layers, "input_layers": inputs, "output_layers": [[output, 0, 0]]}
    return {"class_name": "Model", "config": config}


def _laid(chain: list[Mapping[str, Any]], layers: list[dict[str, Any]]) -> str:
    """Append the layers of a chain and of its branches to `layers`; return the last one's name."""
    before: list[str] = []
    if _is_branching(chain[0]):
        before = [_laid(_chain_of(branch), layers) for branch in chain[0]["config"]["layers"]]
    for layer in chain:
        record = _element(layer)
        name = record["config"]["name"] if isinstance(record["config"], dict) else None
        if name is None:
            raise ModelError(
                f"a network without a name stands in a branch of a Merge; {REBUILD_LATER}"
            )
        if not before and record["class_name"] != "InputLayer":
            before = [_declared_input(record, layers)]
        nodes = [[[ref, 0, 0, {}] for ref in before]] if before else []
        layers.append(record | {"name": name, "inbound_nodes": nodes})
        before = [name]
    return before[0]


def _chain_of(branch: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if branch["class_name"] != "Sequential":
        return [branch]
    config = branch["config"]
    layers: list[Mapping[str, Any]] = config if isinstance(config, list) else config["layers"]
    return layers


def _declared_input(record: Mapping[str, Any], layers: list[dict[str, Any]]) -> str:
    name = f"{record['config']['name']}_input"
    config = {"name": name, "batch_input_shape": record["config"]["batch_input_shape"]}
    layers.append({"name": name, "class_name": "InputLayer", "config": config, "inbound_nodes": []})
    return name
