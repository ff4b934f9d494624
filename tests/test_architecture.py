"""Laws of the text of architectures: plain values come out, or a line, and nothing is made."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from old_files import fill, layer

from seqlift.errors import ModelError
from seqlift.models import architecture
from seqlift.models.load import load

TO_JSON = "give the architecture as written by model.to_json()"

RECORD = {
    "class_name": "Sequential",
    "config": [
        layer("Dense", name="d", units=2, use_bias=True, activation="linear",
              batch_input_shape=(None, 3), kernel_regularizer=None),
        layer("LeakyReLU", name="r", alpha=0.25),
    ],
    "keras_version": "2.1.6",
    "backend": "tensorflow",
}  # fmt: skip


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_yaml_and_json_are_the_same_record() -> None:
    assert architecture.from_text(json.dumps(RECORD)) == plain(RECORD)
    assert architecture.from_text(yaml.dump(RECORD)) == plain(RECORD)  # with !!python/tuple
    assert architecture.from_text(yaml.safe_dump(plain(RECORD))) == plain(RECORD)


def test_a_model_is_read_from_yaml_and_weights(tmp_path: Path) -> None:
    arch, path = tmp_path / "model.yaml", tmp_path / "weights.h5"
    arch.write_text(yaml.dump(RECORD))
    kernel, bias = np.random.default_rng(0).normal(size=(3, 2)), np.array([0.1, -0.2])
    with h5py.File(path, "w") as file:
        arrays = {"d": {"d/kernel:0": kernel, "d/bias:0": bias}}
        fill(file, arrays, version="2.1.6", backend="tensorflow")
    x = np.random.default_rng(1).normal(size=(6, 3))
    hidden = x @ kernel + bias
    got = load(path, arch=arch).model(x.astype("float32"))
    np.testing.assert_allclose(got, np.maximum(hidden, 0.25 * hidden), rtol=1e-5, atol=1e-6)


VALUES = [
    ("class_name: A\nn: null\nb: true\ni: 3\nf: 0.5\ne: 1.0e-3\ns: '3'\n",
     {"class_name": "A", "n": None, "b": True, "i": 3, "f": 0.5, "e": 1e-3, "s": "3"}),
    ("class_name: !!python/unicode 'x'\nt: !!python/tuple [1, !!python/long 2]\n",
     {"class_name": "x", "t": [1, 2]}),
    ("class_name: &a [1, 2]\nother: *a\n", {"class_name": [1, 2], "other": [1, 2]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_plain_values_of_yaml_are_read(text: str, value: Any) -> None:
    assert architecture.from_text(text) == value


def problem(text: str) -> str:
    with pytest.raises(ModelError) as caught:
        architecture.from_text(text)
    (line,) = caught.value.problems
    assert "\n" not in line
    return line


OBJECTS = [
    "object/apply:os.system ['touch canary']",
    "object:collections.Counter {}",
    "object/new:subprocess.Popen ['touch canary']",
    "name:os.system ''",
    "module:os ''",
]


@pytest.mark.parametrize("tag", OBJECTS)
def test_objects_in_yaml_are_refused_and_not_made(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert problem(f"class_name: Sequential\nconfig: !!python/{tag}\n") == (
        f"line 2 of its YAML is an object of Python ({tag.split()[0]}), which is never made; "
        "save the architecture with model.to_json()"
    )
    assert not [*tmp_path.iterdir()]


def test_yaml_that_repeats_itself_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architecture, "MOST_NODES", 10_000)
    doubled = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert problem(f"class_name: x\na0: &a0 [1]\n{doubled}") == (
        f"its architecture is not YAML (more than 10000 values); {TO_JSON}"
    )
    endless = problem("class_name: &a [*a]\n")
    assert endless.startswith("its architecture is not YAML (maximum recursion depth exceeded")


BROKEN = ["class_name: [", "class_name: x\n? [1]\n: 2\n", "class_name: x\n\tn: 1\n"]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_yaml_is_one_line(text: str) -> None:
    line = problem(text)
    assert line.startswith("its architecture is not YAML (")
    assert line.endswith(f"); {TO_JSON}")
