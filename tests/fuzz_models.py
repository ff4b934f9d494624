"""Damage to model files: values of the architecture record changed, bits of the files turned."""

import copy
import json
import random
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 1e300, -1.5, float("nan"), float("inf"), 2**40, 2**63, "", "x",
    "relu", "same", "\x1b[31m", "a" * 5000, [], [0], [None], [[]], {}, ["x", 0, 0], {"a": 1},
    "linear", "float16", [1, 2, 3], "channels_first", {"class_name": "Dense", "config": {}},
    {"class_name": "function", "config": "x"},
)  # fmt: skip
"""Values that a setting takes."""

KEYS = ("name", "units", "activation", "layer", "axis", "call", "shape", "dtype")
"""Settings that are added."""


def seed_model(folder: Path) -> Path:
    """Save a small model of many kinds of layer, once."""
    path = folder / "seed.keras"
    if path.exists():
        return path
    import keras
    from keras import layers

    given = keras.Input((30, 4), name="x")
    hidden = layers.Conv1D(4, 3, activation="relu", padding="same")(given)
    hidden = layers.Add()([hidden, layers.BatchNormalization()(hidden)])
    hidden = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(hidden)
    hidden = layers.TimeDistributed(layers.Dense(3, activation="gelu"))(hidden)
    hidden = layers.MultiHeadAttention(2, 2)(hidden, hidden)
    inner = [keras.Input((15, 3)), layers.Conv1D(2, 3), layers.LayerNormalization()]
    hidden = keras.Sequential(inner)(layers.MaxPooling1D(2)(hidden))
    output = layers.Dense(2)(keras.ops.reshape(hidden, (-1, 26)))
    keras.Model(given, output).save(path)
    return path


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a record."""
    if not isinstance(value, dict | list):
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*before, key)
        yield from places(item, (*before, key))


def at(value: Any, place: tuple[Any, ...]) -> Any:
    """Find where a way in a record leads."""
    for key in place:
        value = value[key]
    return value


def damaged_record(record: Any, chance: random.Random) -> Any:
    """Return a record with some of its values changed, taken away or added."""
    record = copy.deepcopy(record)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        found = [*places(record)]
        *before, key = chance.choice(found)
        holder, way = at(record, tuple(before)), chance.random()
        other = copy.deepcopy(at(record, chance.choice(found)))
        if way < 0.6:
            holder[key] = copy.deepcopy(chance.choice(ODD))
        elif way < 0.75:
            holder.pop(key)
        elif way < 0.9 or isinstance(holder, list):
            holder[key] = other
        else:
            holder[chance.choice(KEYS)] = other
    return record


def damaged_model(folder: Path, chance: random.Random) -> Path:
    """Write a damaged model file."""
    seed, path = seed_model(folder), folder / "damaged.keras"
    if chance.random() < 0.2:
        data = bytearray(seed.read_bytes())
        for _ in range(chance.choice([1, 2, 8])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        return path
    with zipfile.ZipFile(seed) as whole, zipfile.ZipFile(path, "w") as damaged:
        for name in whole.namelist():
            text = whole.read(name)
            if name == "config.json":
                text = json.dumps(damaged_record(json.loads(text), chance)).encode()
            damaged.writestr(name, text)
    return path


def load_damaged(path: Path) -> None:
    """Load a model file; what it makes Keras warn of is of no interest."""
    from seqlift.models.load import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load(path)
