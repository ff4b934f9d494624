"""Laws of `seqlift check`: a problem of a configuration is one line with its place."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import Ran, command
from conftest import ROOT

from seqlift.inputs.references import KINDS
from seqlift.workflow.lines import read_yaml
from seqlift.workflow.schema import (
    ABOUT,
    CHECKS,
    STRUCTURE,
    configuration_schema,
    problems_of,
)

GOOD = """\
genome: data/demo.fa
models:
  demo:
    file: data/demo.h5
    target: [tasks:0, tasks:1]
    options: -n 2 --rule rescale
  other: {file: data/demo.h5, target: "tasks:2", reference: gc}
regions:
  demo: data/demo.narrowPeak
shards: 3
"""


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def checked(text: str, tmp_path: Path, *words: str) -> Ran:
    (tmp_path / "own.yaml").write_text(text)
    ran = command("check", tmp_path / "own.yaml", *words)
    return Ran(ran.code, ran.out, ran.err.replace(f"{tmp_path}/", ""))


BAD = [
    ("genome:", "genom:", ["1: genom: unknown key; did you mean 'genome'?"]),
    ("shards: 3", "jobs: 3", ["10: jobs: unknown key; known are genome, models, regions, shards,"]),
    ("    file: data/demo.h5\n", "", ["3: models: demo: 'file' is missing (Keras model,"]),
    ("shards: 3", "shards: three", ["10: shards: 'three' is not a whole number; give a number"]),
    ("shards: 3", "shards: true", ["10: shards: True is not a whole number; give a whole number"]),
    ("shards: 3", "shards: 0", ["10: shards: 0 is below 1; give 1 or more"]),
    ("shards: 3", "shards:", ["10: shards: it has no value; give one, or leave the key out"]),
    ("shards: 3", "overlap: median", ["10: overlap: 'median' is unknown; did you mean 'mean'?"]),
    ("shards: 3", "report: yess", ["10: report: 'yess' is not true or false; give true or false"]),
    ("  other", "  7", ["7: models: 7: 7 is not text; quote it: '7' (Names become folders"]),
    ("  other", "  a b", ["7: models: a b: 'a b' has another form; change it (Names become"]),
    ("  demo: data/demo.narrowPeak", "  {}", ["8: regions: none is named; give one or more"]),
    ("[tasks:0, tasks:1]", "all", ["5: models: demo: target: 'all' may not stand here;"]),
    ("tasks:1]", "tasks:0]", ["5: models: demo: target: 'tasks:0' stands twice; leave one out"]),
    ("[tasks:0, tasks:1]", "{a: 1}", ["5: models: demo: target: {'a': 1} is not text or a list;"]),
    ("tasks:1]", "5]", ["5: models: demo: target: 1: 5 is not text; quote it: '5'"]),
    ("-n 2", "-o x -n 2", ["6: models: demo: options: '-o' may not stand here; leave it out"]),
    ("-n 2", "--refs 2", ["6: models: demo: options: No such option '--refs'."]),
    ("-n 2", "-n two", ["6: models: demo: options: Invalid value for '-n' / '--references'"]),
    ("-n 2", "-h", ["6: models: demo: options: --help shows help instead of scores"]),
    ("-n 2", "-n '2", ["6: models: demo: options: \"-n '2 --rule rescale\" cannot be split"]),
    ("tasks:1]", "tasks-0]", ["5: models: demo: target: 'tasks-0' and 'tasks:0' have files of on"]),
    ("  other", "  demo", ["7: models: demo: it is there in line 3 already, and only one would"]),
    ("regions:", "regions: [", ["10: not YAML: "]),
    ("demo.h5\n", "gone.h5\n", ["4: models: demo: file: data/gone.h5: no such file; give"]),
    ("demo.fa", "", ["1: genome: data/: a folder, not a file"]),
    ("reference: gc", "reference: gcc", ["7: models: other: reference: gcc: no such file"]),
    ("reference: gc", "arch: a.json, inputs: {x: x.npy}", [
        "7: models: other: arch: a.json: no such file",
        "7: models: other: inputs: x: x.npy: no such file",
    ]),
    ("genome: data/demo.fa\n", "", ["8: regions: demo: data/demo.narrowPeak: regions need a"]),
    ("data/demo.narrowPeak", "data/demo.h5", ["9: regions: demo: data/demo.h5: this is an HDF5"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "lines"), BAD)
def test_a_problem_is_a_line_with_its_place(
    old: str, new: str, lines: list[str], tmp_path: Path
) -> None:
    assert old in GOOD
    ran = checked(GOOD.replace(old, new), tmp_path)
    assert (ran.code, ran.out) == (2, "")
    found = ran.err.splitlines()
    assert len(found) == len(lines), ran.err
    for line, start in zip(found, lines, strict=True):
        assert line.startswith(f"seqlift: own.yaml:{start}")


def test_all_problems_are_listed_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace("shards: 3", "shards: 0").replace("genome", "genom").replace("file", "fil")
    numbers = re.findall(r"own.yaml:(\d+)", checked(text, tmp_path).err)
    assert numbers == ["1", "3", "4", "7", "7", "10"]


def test_files_are_missed_next_to_keys_that_are_unknown(tmp_path: Path) -> None:
    text = GOOD.replace("shards", "shard").replace("demo.narrowPeak", "gone.bed")
    _, missing, unknown = checked(text, tmp_path).err.split("seqlift: own.yaml:")
    assert missing.startswith("9: regions: demo: data/gone.bed: no such file; give its path")
    assert unknown == "10: shard: unknown key; did you mean 'shards'?\n"


def test_a_configuration_without_a_problem_is_summed_up(tmp_path: Path) -> None:
    ran = checked(GOOD, tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[1:] == [
        "models     demo (tasks:0, tasks:1), other (tasks:2)",
        "regions    demo",
        "files      3, all there",
        "results    3",
    ]
    assert checked(GOOD, tmp_path, "--quiet").out == ""


def test_a_target_that_is_not_in_the_model_is_named_with_its_line(tmp_path: Path) -> None:
    text = GOOD.replace("tasks:1", "taks:1").replace('target: "tasks:2", ', "")
    ran = checked(text, tmp_path)
    assert ran.code == 3
    assert ran.err == (
        "seqlift: own.yaml:5: models: demo: target: target 'taks:1': the model has no output"
        " 'taks'; did you mean 'tasks'?\n"
        "seqlift: own.yaml:7: models: other: target: the model has several targets; choose with"
        " --target from: tasks:0, tasks:1, tasks:2\n"
    )
    ran = checked(GOOD.replace("reference: gc", "inputs: {x: 1}"), tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("seqlift: own.yaml:7: models: other: inputs: ")


def test_without_files_keys_and_values_are_checked(tmp_path: Path) -> None:
    gone = GOOD.replace("data/", "gone/")
    assert "not looked at" in checked(gone, tmp_path, "--no-files").out
    ran = command("check", "-", "--no-files", given=GOOD.replace("shards", "shard").encode())
    assert ran.err == "seqlift: configuration: shard: unknown key; did you mean 'shards'?\n"


def test_the_example_has_no_problem() -> None:
    assert command("check", "examples/config.yaml").code == 0


def words_of(schema: Any) -> Iterator[str]:
    """Yield the words of a schema, those of its parts included."""
    for word, value in schema.items():
        yield word
        inside = value.values() if word in ("properties", "$defs") else [value]
        for part in [*inside, *(value if isinstance(value, list) else ())]:
            if isinstance(part, dict) and word != "default":
                yield from words_of(part)


def test_every_word_of_the_schema_is_checked() -> None:
    known = {*ABOUT, *CHECKS, *STRUCTURE, "const"}  # `const` stands within `not`
    assert {*words_of(configuration_schema())} <= known


def test_the_schema_refuses_the_same() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="install jsonschema")
    schema = configuration_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    refused = 0
    for old, new, _ in [("-n 2", "-n 2", []), *BAD]:
        try:
            value = yaml.safe_load(GOOD.replace(old, new))
        except yaml.YAMLError:
            continue
        value["models"] = {str(name): own for name, own in value["models"].items()}
        expected = jsonschema.Draft202012Validator(schema).is_valid(value)
        assert expected == (not list(problems_of(value, schema, schema))), new
        refused += not expected
    assert refused > 10


def test_keys_of_parts_that_are_repeated_have_lines_of_their_own() -> None:
    found = read_yaml("a: &x {b: 1}\nc: *x\n", "y")
    assert found.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert found.lines == {("a",): 1, ("a", "b"): 1, ("c",): 2, ("c", "b"): 1}
    assert found.problem(("c", "e", "f"), "x") == "y:2: c: e: f: x"


def test_the_workflow_knows_the_same_kinds_of_references() -> None:
    (line,) = re.findall(r"^KINDS = \((.*)\)$", (ROOT / "Snakefile").read_text(), re.MULTILINE)
    assert {*re.findall(r'"([\w-]+)"', line)} == {*KINDS}


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--no-files"], []])
def test_no_model_library_is_loaded_before_models_are_opened(
    words: list[str], tmp_path: Path
) -> None:
    """With files, one of them is missing."""
    (tmp_path / "own.yaml").write_text(GOOD if words else GOOD.replace("demo.fa", "gone.fa"))
    code = (
        "import sys; from seqlift.cli import main\n"
        "try: main(['check', *sys.argv[1:]])\n"
        "except SystemExit as end: assert bool(end.code) == (len(sys.argv) < 3), end.code\n"
        "assert not {'tensorflow', 'keras', 'jax', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "own.yaml", *words], check=True)
