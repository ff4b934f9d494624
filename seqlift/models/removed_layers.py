"""Refuse layers of Keras 0 and 1 that have no equal in Keras 2, each in a sentence.

Reads records as Keras 1 wrote them, plain values; changes nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

MERGES = {
    "ave": "Average",
    "concat": "Concatenate",
    "dot": "Dot",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}
"""Modes of the layer Merge, and the layer of Keras 2 that does the same."""

REBUILD_LATER = "rebuild the model without it in a later Keras, train it and save it again"

REMOVED = frozenset(
    {"AutoEncoder", "Convolution3D", "Deconvolution2D", "Graph", "Highway", "LambdaMerge"}
    | {"LocallyConnected2D", "MaxoutDense", "ParametricSoftplus", "SReLU", "Siamese"}
    | {"TimeDistributedMerge", "TimeDistributedConvolution2D", "ConvRNN2D"}
)
"""Classes of Keras 1 that have no equal, or whose weights no later Keras could read."""


def removed_layers(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each layer of a model's record that has no equal in Keras 2."""
    for layer in _layers(record):
        yield from _refusals(layer)


def _layers(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the record of every layer in a record, those inside others included."""
    config = record["config"]
    held = config if isinstance(config, list) else config.get("layers") or []
    if isinstance(config, Mapping):
        if not held or record["class_name"] == "Merge":
            yield record
        if isinstance(config.get("layer"), Mapping):
            yield from _layers(config["layer"])
    for layer in held:
        yield from _layers(layer)


def _refusals(record: Mapping[str, Any]) -> Iterator[str]:
    class_name, config = record["class_name"], record["config"]
    place = f"layer {config.get('name', class_name)!r}"
    if class_name in REMOVED:
        yield f"{place} is a {class_name} of Keras 1, which no later Keras has; {REBUILD_LATER}"
    elif class_name == "Merge":
        yield from _merge_refusals(place, config)
    elif class_name == "BatchNormalization" and (
        # Mode 1 normalises each sample, mode 2 by each batch, also when it predicts.
        config.get("mode", 0) != 0 or "axis" not in config
    ):
        yield (
            f"{place} is a BatchNormalization of mode {config.get('mode', 0)} along the axis "
            f"{config.get('axis')}, which no later Keras has; {REBUILD_LATER}"
        )
    elif class_name == "SeparableConvolution2D" and config.get("dim_ordering") == "th":
        yield (
            f"{place} is a SeparableConvolution2D of channels first, which is not read;"
            f" {REBUILD_LATER}"
        )
    if config.get("border_mode", "valid") not in ("valid", "same"):
        mode = config["border_mode"]
        yield (
            f"{place} ({class_name}) has the border_mode {mode!r}, which is not read;"
            f" {REBUILD_LATER}"
        )


def _merge_refusals(place: str, config: Mapping[str, Any]) -> Iterator[str]:
    mode = config.get("mode", "sum")
    kinds = [config.get(f"{what}_type", "raw") for what in ("mode", "output_shape")]
    if not isinstance(mode, str) or mode not in MERGES or kinds[0] != "raw":
        what = "a function of its own, which is never run" if kinds[0] != "raw" else repr(mode)
        yield f"{place} is a Merge by {what}; {REBUILD_LATER}"
    elif not all(_is_branch(layer) for layer in config.get("layers") or []):
        yield f"{place} is a Merge of models that are not Sequential; {REBUILD_LATER}"


def _is_branch(record: Any) -> bool:
    return isinstance(record, Mapping) and record["class_name"] in ("Sequential", "Merge")
