"""What the world does to a command: signals, full devices, names that are no text, no backend."""

import errno
import os
import signal
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from commands import command

from seqlift.cli import failures
from seqlift.errors import DeviceError, InputError, OutputError, Problems
from seqlift.explain.explainer import Explainer
from seqlift.explain.inspection import inspect_model
from seqlift.pipeline.facts import storable
from seqlift.pipeline.output_files import finish, writing


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_job_ends_it_as_an_interrupt_does(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as caught, failures.interruptible():
        os.kill(os.getpid(), number)
    assert caught.value.args == (number,)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("option", "code"), [("-o", 5), ("-r", 2), ("-g", 2)], ids=["output", "reference", "genome"]
)
def test_a_name_too_long_for_the_system_is_no_bug(tmp_path: Path, option: str, code: int) -> None:
    (tmp_path / "one.bed").write_text("chr1\t1\t5\n")
    (tmp_path / "one.fa").write_text(">chr1\nACGTACGTAC\n")
    words = ["score", tmp_path / "no.h5", tmp_path / "one.bed"]
    given = {"-g": tmp_path / "one.fa", "-o": tmp_path / "out", option: "a" * 300}
    for pair in given.items():
        words += pair
    ran = command(*words)
    assert ran.code in (code, 3)  # the model that is not there may be met first
    assert "bug" not in ran.err
    assert "Traceback" not in ran.err


def test_standard_input_that_is_closed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqlift.inputs.regions import RegionFile

    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input: it is closed"):
        RegionFile("-")


def test_problems_not_listed_are_counted_whatever_they_are_gathered_with() -> None:
    problems = Problems()
    for error in (InputError("a", "b", unlisted=3), OutputError("c", unlisted=4)):
        with problems.gathered():
            raise error
    with pytest.raises(InputError) as caught:
        problems.raise_any()
    assert str(caught.value).splitlines() == ["a", "b", "c", "and 7 more problems"]
    assert caught.value.of_kind("d").lines(1) == ["d", "and 7 more problems"]
    assert caught.value.lines(2) == ["a", "b", "and 8 more problems"]
    assert InputError("a", "b").lines(1) == ["a", "and 1 more problem"]


def test_problems_gathered_together_keep_the_exit_code_of_the_first() -> None:
    class OfNumbersError(InputError):
        def __init__(self, number: int) -> None:
            super().__init__(f"number {number + 1}")

    problems = Problems()
    with problems.gathered():
        raise OfNumbersError(1)
    with problems.gathered():
        raise DeviceError("x")
    with pytest.raises(InputError) as caught:
        problems.raise_any()
    assert (caught.value.problems, caught.value.exit_code) == (("number 2", "x"), 2)


def test_a_full_device_is_an_output_error() -> None:
    error = OSError(28, "No space left on device")
    assert failures.refused_by_the_system(error) == (
        "standard input or output: No space left on device; free some space",
        5,
    )
    assert failures.refused_by_the_system(FileNotFoundError(2, "No such file", "x"))[1] == 2


def test_a_file_name_that_is_no_text_is_stored_with_escapes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.bed")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["regions"] = storable(name)
        assert file.attrs["regions"] == r"caf\udce9.bed"
    assert storable("plain") == "plain"
    assert storable(3) == 3


def test_a_file_is_written_by_one_command_at_a_time_and_what_a_killed_one_left_goes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.bw"
    left = tmp_path / "a.bw.seqlift.partial"
    left.write_text("left by a command that was killed")
    with writing(path) as new:
        assert new == left
        with (
            pytest.raises(OutputError, match="another command is writing this file"),
            writing(path),
        ):
            pass
        new.write_text("whole")
        finish(new, path, replace=False)
        with writing(path) as other:  # the name is free again
            other.write_text("of another command")
    assert [file.name for file in tmp_path.iterdir()] == ["a.bw"]
    left.symlink_to(path)
    with pytest.raises(OutputError), writing(path):
        pass
    assert path.read_text() == "whole"


def test_a_file_that_is_there_is_not_replaced_without_links_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)  # as on FAT
    for name in ("new", "other"):
        (tmp_path / name).write_text(name)
    finish(tmp_path / "new", tmp_path / "final", replace=False)
    with pytest.raises(OutputError, match="final: appeared while this command was at work"):
        finish(tmp_path / "other", tmp_path / "final", replace=False)
    assert (tmp_path / "final").read_text() == "new"


def two_inputs() -> keras.Model:
    dna, rna = keras.Input((8, 4), name="dna"), keras.Input((3,), name="rna")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(dna), rna])
    return keras.Model([dna, rna], keras.layers.Dense(1, name="one")(joined))


@pytest.mark.filterwarnings("ignore")
def test_a_model_of_two_inputs_is_shown_with_what_to_do(tmp_path: Path) -> None:
    two_inputs().save(tmp_path / "two.keras")
    report = inspect_model(tmp_path / "two.keras", rule="rescale", max_rule="complete")
    assert report.inputs == {"dna": (8, 4), "rna": (3,)}
    assert [layer.name for layer in report.layers][-1] == "one"
    (problem,) = report.problems
    assert "it has 2 inputs: dna (8, 4), rna (3); give all but the sequence by" in problem
    assert report.forward_difference is None


def test_a_model_of_a_dictionary_of_outputs_is_explained() -> None:
    dna = keras.Input((8, 4), name="dna")
    flat = keras.layers.Flatten()(dna)
    model = keras.Model(dna, {"a": keras.layers.Dense(1, name="a")(flat)})
    x = np.eye(4, dtype=np.float32)[np.arange(16).reshape(2, 8) % 4]
    result = Explainer(model)(x, np.zeros((8, 4)))
    assert np.abs(result.residual).max() < 1e-6
    x[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="some values are not finite"):
        Explainer(model)(x, np.zeros((8, 4)))
    with pytest.raises(InputError, match="not a name or several"):
        Explainer(model, 0)
