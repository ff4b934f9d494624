"""Reports of models: what they offer, what each layer becomes, and what cannot be scored."""

import json
from pathlib import Path
from typing import Any

import keras
import pytest
from commands import LENGTH, MODELS, command, save
from keras import layers

from seqlift.errors import ModelError
from seqlift.explain.inspection import LayerReport, inspect_model
from seqlift.models.load import load


def every_kind() -> keras.Model:
    """Return a model with a layer of every kind: linear, elementwise, max, softmax, no-op."""
    given = keras.Input((LENGTH, 4), name="dna")
    tower = keras.Sequential(
        [keras.Input((LENGTH, 4)), layers.Conv1D(3, 5, name="scan"), layers.ELU(name="bend")],
        name="tower",
    )
    body = layers.BatchNormalization(name="scale")(tower(given))
    body = layers.Dropout(0.5, name="drop")(body)
    left = layers.MaxPooling1D(2, name="best")(body)
    right = layers.AveragePooling1D(2, name="mean")(body)
    body = layers.Flatten(name="flat")(layers.Add(name="sum")([left, right]))
    classes = layers.Dense(3, activation="softmax", name="classes")(body)
    return keras.Model(given, [classes, layers.Dense(1, activation="sigmoid", name="one")(body)])


def unsupported() -> keras.Model:
    stack = [
        keras.Input((LENGTH, 4)),
        layers.Conv1D(3, 5, activation="relu", name="scan"),
        layers.Reshape((2, (LENGTH - 4) // 2, 3), name="halves"),
        layers.ConvLSTM1D(3, 2, return_sequences=True, name="memory"),
        layers.ConvLSTM1D(3, 2, name="gate"),
        layers.Flatten(name="flat"),
        layers.Dense(1, name="out"),
    ]
    return keras.Sequential(stack)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of model files."""
    folder = tmp_path_factory.mktemp("models")
    builds = {"every": every_kind, "unsupported": unsupported, "open": MODELS["open"]}
    for name, build in builds.items():
        save(build(), folder / f"{name}.keras")
    return folder


def layers_of(path: Path, **rules: str) -> dict[str, LayerReport]:
    report = inspect_model(path, **({"rule": "rescale", "max_rule": "complete"} | rules))
    return {layer.name: layer for layer in report.layers}


def test_a_report_tells_what_a_model_offers(models: Path) -> None:
    report = inspect_model(models / "every.keras", rule="rescale", max_rule="complete")
    assert report.inputs == {"dna": (LENGTH, 4)}
    assert report.outputs == {"classes": (3,), "one": (1,)}
    assert report.targets == ("classes:0", "classes:1", "classes:2", "one")
    assert report.parameters == keras.models.load_model(models / "every.keras").count_params()
    assert report.format == ".keras"
    assert report.saved_by == f"Keras {keras.__version__} (any backend)"
    assert len(report.sha256) == 64
    assert report.problems == ()
    assert report.forward_difference is not None
    assert report.forward_difference < 1e-5


def test_every_layer_has_its_shape_and_the_rule_that_crosses_it(models: Path) -> None:
    found = layers_of(models / "every.keras")
    assert {name: layer.rule for name, layer in found.items()} == {
        "dna": "",
        "tower/scan": "linear",
        "tower/bend": "rescale",
        "scale": "linear",
        "drop": "",
        "best": "max (complete)",
        "mean": "linear",
        "sum": "linear",
        "flat": "linear",
        "classes": "rescale (composed)",
        "one": "rescale",
    }
    assert found["tower/scan"].shape == (LENGTH - 4, 3)
    assert found["best"].shape == ((LENGTH - 4) // 2, 3)
    assert found["classes"].layer_class == "Dense"
    assert all(not layer.problem for layer in found.values())


def test_dropout_is_shown_as_doing_nothing(models: Path) -> None:
    assert layers_of(models / "every.keras")["drop"].primitives == ()
    lines = command("inspect", models / "every.keras").out.splitlines()
    (shown,) = (line.split() for line in lines if line.startswith("drop "))
    assert shown == ["drop", "Dropout", f"({LENGTH - 4},", "3)"]


def test_rules_asked_for_are_shown(models: Path) -> None:
    gradient = layers_of(models / "every.keras", rule="gradient")
    assert gradient["tower/bend"].rule == gradient["best"].rule == "gradient"
    assert layers_of(models / "every.keras", max_rule="winner")["best"].rule == "max (winner)"


def test_layers_that_cannot_be_scored_are_all_named_with_a_remedy(models: Path) -> None:
    report = inspect_model(models / "unsupported.keras", rule="rescale", max_rule="complete")
    found = {layer.name: layer for layer in report.layers}
    assert report.forward_difference is None
    assert len(report.problems) == 2
    for name, problem in zip(("memory", "gate"), report.problems, strict=True):
        assert found[name].primitives == ("unsupported",)
        assert found[name].rule == "none"
        assert found[name].problem == problem
        assert name in problem
        assert "has no lowering yet; replace it by layers that have one" in problem
    assert found["scan"].rule == "rescale"
    assert found["memory"].shape == (2, (LENGTH - 4) // 2 - 1, 3)


def test_a_model_of_any_length_is_shown_as_such(models: Path) -> None:
    report = inspect_model(models / "open.keras", rule="rescale", max_rule="complete")
    assert list(report.inputs.values()) == [(None, 4)]
    ran = command("inspect", models / "open.keras")
    assert ran.code == 0
    assert f"input    {next(iter(report.inputs))} (any, 4)\n" in ran.out
    assert "first" in ran.out


def test_json_says_the_same_as_the_report(models: Path) -> None:
    ran = command("inspect", models / "every.keras", "--json")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert told["outputs"] == {"classes": [3], "one": [1]}
    assert [layer["name"] for layer in told["layers"]][:2] == ["dna", "tower/scan"]
    assert told["forward_difference"] < 1e-5


def test_text_has_a_line_for_each_layer_and_problem(models: Path) -> None:
    ran = command("inspect", models / "unsupported.keras")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[:7]] == [
        "model", "format", "sha256", "input", "output", "targets", "weights",
    ]  # fmt: skip
    assert "output   out (1)" in lines
    assert "targets  out" in lines
    header = next(i for i, line in enumerate(lines) if line.startswith("layer "))
    assert lines[header].split() == ["layer", "class", "output", "primitives", "rule"]
    table = [line.split()[0] for line in lines[header + 2 : header + 8]]
    assert table == ["scan", "halves", "memory", "gate", "flat", "out"]
    assert [line for line in lines if line.startswith("unsupported: ")] == lines[-2:]


class Scaled(layers.Layer):
    """A layer whose code is in no file."""

    def call(self, inputs: Any) -> Any:
        return 2.0 * inputs


def refused() -> keras.Model:
    """Return a model with layers that no file describes, at the top, nested and wrapped."""
    tower = keras.Sequential(
        [
            keras.Input((LENGTH, 4), name="bases"),
            layers.Conv1D(3, 5, name="scan"),
            Scaled(name="twice"),
        ],
        name="tower",
    )
    stack = [
        keras.Input((LENGTH, 4), name="dna"),
        tower,
        layers.Reshape((1, 3 * (LENGTH - 4)), name="flat"),
        layers.TimeDistributed(Scaled(name="again"), name="each"),
        layers.Lambda(lambda x: x + keras.random.normal((1,)), name="noise"),
        layers.Dense(1, name="out"),
    ]
    return keras.Sequential(stack)


@pytest.mark.parametrize("name", ["refused.keras", "refused.h5"])
def test_the_layers_of_a_file_that_is_refused_are_shown(tmp_path: Path, name: str) -> None:
    save(refused(), tmp_path / name)
    ran = command("inspect", tmp_path / name)
    assert ran.code == 3
    table = ran.out[ran.out.index("layer ") :].splitlines()
    assert [line.split() for line in table if line] == [
        ["layer", "class", "output", "primitives", "rule"],
        ["dna", "InputLayer", f"({LENGTH},", "4)"],
        ["tower/bases", "InputLayer", f"({LENGTH},", "4)"],
        ["tower/scan", "Conv1D"],
        ["tower/twice", "Scaled", "refused", "none"],
        ["flat", "Reshape", "(1,", f"{3 * (LENGTH - 4)})"],
        ["each", "TimeDistributed"],
        ["each/again", "Scaled", "refused", "none"],
        ["noise", "Lambda", "refused", "none"],
        ["out", "Dense"],
    ]
    assert f"input    dna ({LENGTH}, 4)\noutput   out\n" in ran.out
    quoted = [word for line in ran.err.splitlines() for word in line.split("'")[1::2]]
    assert [word for word in quoted if word in ("twice", "again", "noise")] == [
        "twice",
        "again",
        "noise",
    ]
    with pytest.raises(ModelError) as caught:
        load(tmp_path / name)
    assert ran.err == "".join(f"seqlift: {line}\n" for line in caught.value.problems)


def test_the_report_of_a_refused_file_has_the_refusals(tmp_path: Path) -> None:
    save(refused(), tmp_path / "refused.keras")
    report = inspect_model(tmp_path / "refused.keras", rule="rescale", max_rule="complete")
    assert (report.refused, report.parameters, report.targets) == (True, None, ())
    problems = [layer.problem for layer in report.layers if layer.problem]
    assert [problem.split("'")[1] for problem in problems] == ["twice", "again", "noise"]
    assert problems[-1] == report.problems[-1]
    assert "layers 'twice', 'again': each is of the class 'Scaled'" in report.problems[0]
    told = json.loads(command("inspect", tmp_path / "refused.keras", "--json").out)
    assert told["refused"]
    assert tuple(told["problems"]) == report.problems


def test_a_file_without_an_architecture_has_no_layers_to_show(tmp_path: Path) -> None:
    MODELS["averaging"]().save_weights(tmp_path / "m.weights.h5")
    ran = command("inspect", tmp_path / "m.weights.h5")
    assert (ran.code, ran.out) == (3, "")
    assert "give the architecture with --arch" in ran.err


def test_what_a_terminal_would_obey_is_shown_as_text(tmp_path: Path) -> None:
    model = json.loads(MODELS["averaging"]().to_json())
    model["config"]["layers"][-1]["config"]["name"] = "\x1b[2J"
    model["config"]["layers"][-1]["class_name"] = "Own"
    (tmp_path / "m.json").write_text(json.dumps(model))
    MODELS["averaging"]().save_weights(tmp_path / "m.weights.h5")
    ran = command("inspect", tmp_path / "m.weights.h5", "--arch", tmp_path / "m.json")
    assert ran.code == 3
    assert "\x1b" not in ran.out + ran.err


def test_the_architecture_can_be_given_beside_weights(tmp_path: Path) -> None:
    model = MODELS["averaging"]()
    model.save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "m.json").write_text(model.to_json())
    ran = command("inspect", tmp_path / "m.weights.h5", "--arch", tmp_path / "m.json")
    assert ran.code == 0
    assert "format   architecture + weights, " in ran.out
