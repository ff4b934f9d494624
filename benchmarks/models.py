"""Networks as plain descriptions that every framework can build, with seeded random weights.

Knows names, sizes and numbers; knows no framework. A description is a dictionary that JSON can
hold: ``length``, ``outputs`` (names of layers) and ``layers``, each of which has

=========  ==========================================================================
name       of its own, also that of its weights ``NAME/kernel``, ``NAME/bias``
kind       conv, crop, add, maxpool, average, flatten or dense
of         names of the layers it reads; ``sequence`` is the input (length, 4)
units      filters of a conv, units of a dense
size       bases a filter or a pooling covers; bases a crop takes off each end
dilation   of a conv
padding    of a conv, ``valid`` or ``same``
relu       whether a ReLU follows
=========  ==========================================================================

Batch normalisation, which Basset and DeepSTARR have after each convolution, is left out: at
prediction it is a scale and a shift that fold into the convolution before it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Layer = dict[str, Any]
Description = dict[str, Any]
Weights = dict[str, NDArray[np.float32]]

INPUT = "sequence"
CHANNELS = 4
PROFILE, COUNTS = "logits_profile_predictions", "logcount_predictions"


def conv(name: str, of: str, units: int, size: int, **more: Any) -> Layer:
    """Return a convolution of stride 1; `more` replaces what stands here."""
    plain = {"dilation": 1, "padding": "valid", "relu": True}
    return {"name": name, "kind": "conv", "of": [of], "units": units, "size": size} | plain | more


def dense(name: str, of: str, units: int, *, relu: bool) -> Layer:
    """Return a dense layer."""
    return {"name": name, "kind": "dense", "of": [of], "units": units, "relu": relu}


def plain(kind: str, name: str, *of: str, size: int = 0) -> Layer:
    """Return a layer without weights."""
    return {"name": name, "kind": kind, "of": list(of), "size": size}


def bpnet(filters: int) -> Description:
    """Return chrombpnet's network: eight dilated convolutions, profile and log counts."""
    layers = [conv("first", INPUT, filters, 21)]
    last = "first"
    for i in range(1, 9):
        grown, cropped, total = f"dilated_{i}", f"cropped_{i}", f"sum_{i}"
        layers += [
            conv(grown, last, filters, 3, dilation=2**i),
            plain("crop", cropped, last, size=2**i),
            plain("add", total, grown, cropped),
        ]
        last = total
    layers += [
        conv("profile", last, 1, 75, relu=False),
        plain("flatten", PROFILE, "profile"),
        plain("average", "mean", last),
        dense(COUNTS, "mean", 1, relu=False),
    ]
    return {"length": 2114, "layers": layers, "outputs": [PROFILE, COUNTS]}


def pooled(
    length: int, convolutions: list[tuple[int, int, int]], denses: list[int], padding: str
) -> Description:
    """Return convolutions (units, size, bases pooled; 0 for no pooling), then dense layers."""
    layers, last = [], INPUT
    for i, (units, size, pool) in enumerate(convolutions, 1):
        layers.append(conv(f"conv_{i}", last, units, size, padding=padding))
        last = f"conv_{i}"
        if pool:
            layers.append(plain("maxpool", f"pool_{i}", last, size=pool))
            last = f"pool_{i}"
    layers.append(plain("flatten", "flat", last))
    last = "flat"
    for i, units in enumerate(denses[:-1], 1):
        layers.append(dense(f"dense_{i}", last, units, relu=True))
        last = f"dense_{i}"
    layers.append(dense("tasks", last, denses[-1], relu=False))
    return {"length": length, "layers": layers, "outputs": ["tasks"]}


def describe(name: str) -> Description:
    """Return the network of that name."""
    if name.startswith("bpnet-"):
        return bpnet(int(name.removeprefix("bpnet-")))
    if name == "basset":
        return pooled(
            600, [(300, 19, 3), (200, 11, 4), (200, 7, 4)], [1000, 1000, 164], padding="valid"
        )
    if name == "deepstarr":
        return pooled(
            249, [(256, 7, 2), (60, 3, 2), (60, 5, 2), (120, 3, 2)], [256, 256, 2], padding="same"
        )
    if name == "two-dense":
        return pooled(200, [(16, 15, 0)], [64, 32, 1], padding="valid")
    raise ValueError(f"model {name}: not known; give one of the README's")


def shapes(model: Description) -> dict[str, tuple[int, int]]:
    """Return (positions, channels) of every layer; a vector has one position."""
    found = {INPUT: (model["length"], CHANNELS)}
    for layer in model["layers"]:
        positions, channels = found[layer["of"][0]]
        size = layer.get("size", 0)
        kind, units = layer["kind"], layer.get("units", channels)
        if kind == "conv" and layer["padding"] == "valid":
            positions -= (size - 1) * layer["dilation"]
        elif kind == "crop":
            positions -= 2 * size
        elif kind == "maxpool":
            positions //= size
        elif kind == "flatten":
            positions, units = 1, positions * channels
        elif kind == "average":
            positions = 1
        found[layer["name"]] = positions, units
    return found


def weights(model: Description, *, seed: int) -> Weights:
    """Return random kernels, in the layout of Keras, and small random biases.

    Kernels have the variance 2 / inputs where a ReLU follows (He et al. 2015), halved where their
    output is added to what it was made from, so that activations stay around 1.
    """
    rng = np.random.default_rng(seed)
    known = shapes(model)
    added = {name for y in model["layers"] if y["kind"] == "add" for name in y["of"]}
    arrays: Weights = {}
    for layer in model["layers"]:
        if layer["kind"] not in ("conv", "dense"):
            continue
        channels = known[layer["of"][0]][1]
        first = layer["of"][0] == INPUT
        window = (layer["size"],) if layer["kind"] == "conv" else ()
        inputs = int(np.prod(window)) * (1 if first else channels)  # one base of four is 1
        gain = (2 if layer["relu"] else 1) * (0.25 if layer["name"] in added and not first else 1)
        kernel = rng.normal(size=(*window, channels, layer["units"])) * np.sqrt(gain / inputs)
        bias = rng.normal(size=layer["units"]) * 0.1
        arrays[f"{layer['name']}/kernel"] = kernel.astype(np.float32)
        arrays[f"{layer['name']}/bias"] = bias.astype(np.float32)
    return arrays
