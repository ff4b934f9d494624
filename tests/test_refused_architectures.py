"""Laws of files that cannot be right: whatever is in them, a command says one line and ends."""

import os
import random
from pathlib import Path

import h5py
import keras
import pytest
from bad_models import model
from commands import command, save
from keras import layers
from refused_architectures import REFUSED

from seqlift.errors import ModelError
from seqlift.models.load import load
from seqlift.tracks.finding import is_score_file

FLIPS = 60


def small() -> keras.Model:
    return keras.Sequential(
        [keras.Input((9, 4)), layers.Conv1D(3, 3), layers.Flatten(), layers.Dense(1)]
    )


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_built_is_one_line_and_exit_code_3(case: str, tmp_path: Path) -> None:
    make, line = REFUSED[case]
    path, _ = make(tmp_path)
    ran = command("inspect", path)
    assert ran.err == f"seqlift: {path}: {line}\n"
    assert ran.code == 3


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_file_with_one_bit_changed_loads_or_is_refused(ending: str, tmp_path: Path) -> None:
    source, path = save(small(), tmp_path / f"whole.{ending}"), tmp_path / f"changed.{ending}"
    whole, chance = source.read_bytes(), random.Random(7)
    refused: list[ModelError] = []
    for _ in range(FLIPS):
        changed = bytearray(whole)
        # Most of a file is weights, where a change does no damage: half the bits are in its head.
        end = chance.choice([len(whole), min(len(whole), 6000)])
        changed[chance.randrange(end)] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        is_score_file(path)
        try:
            load(path)
        except ModelError as problem:
            refused.append(problem)
    assert 0 < len(refused) < FLIPS
    for problem in refused:
        assert all(line.startswith(f"{path}: ") for line in problem.problems)
        assert str(problem).count("\n") == len(problem.problems) - 1


def test_a_version_that_is_no_text_is_unknown(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    with h5py.File(path, "a") as file:
        file["model_weights"].attrs["keras_version"] = 3
    assert load(path).saved_by == "an unknown version of Keras (tensorflow)"


def test_what_a_stranger_wrote_is_shown_without_control_characters(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    with h5py.File(path, "a") as file:
        file["model_weights"].attrs["keras_version"] = "2.3\x1b[31m\nsha256   0"
    ran = command("inspect", path)
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.out
    assert "\nsha256   0" not in ran.out


@pytest.mark.parametrize("arguments", ["inspect {}", "inspect {model} --arch {}"])
def test_a_pipe_is_refused_and_not_waited_for(arguments: str, tmp_path: Path) -> None:
    path, pipe = model(tmp_path)[0], tmp_path / "pipe"
    os.mkfifo(pipe)
    ran = command(*arguments.format(pipe, model=path).split())
    assert ran.err == f"seqlift: {pipe}: not a regular file; copy what it gives to a file first\n"
    assert ran.code == 3


def test_an_architecture_that_is_not_there_is_called_one(tmp_path: Path) -> None:
    path, absent = model(tmp_path)[0], tmp_path / "absent.json"
    ran = command("inspect", path, "--arch", absent)
    assert ran.err == f"seqlift: {absent}: no such file; check the path of the architecture\n"
    assert ran.code == 3


def test_two_recipes_for_one_layer_are_refused(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    ran = command("inspect", path, "--recipe", "flat=x*2", "--recipe", "flat=x*3")
    assert "'flat' has two values; leave one out" in ran.err
    assert ran.code == 2
