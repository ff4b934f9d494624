"""Folders stand on floors: imports go down, and no two folders import each other.

import-linter holds the list of floors (`pyproject.toml`); this counts what it has no contract for.
"""

import ast
from collections import Counter
from pathlib import Path

import pytest
from counted import (
    BARS,
    PACKAGE,
    circles,
    class_names_twice,
    clauses_as_docstrings,
    constants_twice,
    counted,
    files_that_know,
    folder_imports,
    imports_in,
    messages_without_remedy,
    names_compared,
    printed,
    trees,
)

from seqlift.attribution import registry


def test_folders_are_many() -> None:
    assert len(folder_imports()) > 30


def test_circles_of_any_length_are_found() -> None:
    a, b, c, d, e = (Path(name) for name in "abcde")
    assert circles({(a, b), (b, c), (c, d), (a, d)}) == []
    assert circles({(a, b), (b, a)}) == [{a, b}]
    assert circles({(a, b), (b, c), (c, d), (d, b), (d, e)}) == [{b, c, d}]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import seqlift.tracks.hdf5, numpy", ["seqlift.tracks.hdf5"]),
        ("from seqlift.tracks import hdf5 as x, seal", [
            "seqlift.tracks.hdf5", "seqlift.tracks.seal",
        ]),
        ("from . import hdf5", ["seqlift.plots.page.hdf5"]),
        ("from .hdf5 import x", ["seqlift.plots.page.hdf5.x"]),
        ("from ...tracks.hdf5 import x", ["seqlift.tracks.hdf5.x"]),
        ("def f():\n    from .. import logos", ["seqlift.plots.logos"]),
        ("from numpy import zeros", []),
    ],
)  # fmt: skip
def test_every_way_to_import_is_counted(line: str, names: list[str]) -> None:
    assert list(imports_in(ast.parse(line), ("seqlift", "plots", "page"))) == names


def test_only_the_ground_lies_loose() -> None:
    loose = {path.name for path in PACKAGE.glob("*.py")}
    assert loose <= {"__init__.py", "__main__.py", "errors.py", "intervals.py"}


def test_what_has_a_bar_is_counted_and_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = counted()
    print(printed(found))
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == len(BARS)
    above = {name: places for name, places in found.items() if len(places) > BARS[name]}
    assert above == {}
    for name, places in found.items():
        assert f"{len(places)}  at most" in shown
        assert bool(places) == name.startswith("files"), "an example is not found any more"


def test_classes_and_docstrings_that_should_not_be_are_found() -> None:
    text = '"""What is one."""\nclass One:\n    """Return what is one."""\n'
    twice = {name: ast.parse(text) for name in ("seqlift.a", "seqlift.b")}
    assert class_names_twice(twice) == ["One"]
    assert clauses_as_docstrings(twice) == [
        f"seqlift.{one}" for one in ("a:", "a:One", "b:", "b:One")
    ]


def test_constants_of_two_meanings_are_found() -> None:
    lines = (
        "A = B = 1\nE: int = 3\nRULE = 1\nc = 1",
        "(A, D), E = 2\nRULE = 2\nc = 1",
        "B = _D = 1",
    )
    parsed = {f"seqlift.{i}": ast.parse(line) for i, line in enumerate(lines)}
    assert sorted(constants_twice(parsed)) == ["A", "B", "D", "E"]


def test_errors_without_a_remedy_are_found() -> None:
    lines = (
        "raise InputError('a.bed:1: no end')",
        "raise place.refuse(f'has {n} axes')",
        "raise InputError('a.bed:1: no end; give one')",
        "raise ModelError(f'method {name}: give one of {known}')",
        "raise OutputError(f'{path}: {problem}')",
        "raise DeviceError(*problems)",
        "raise ValueError('no end')",
    )
    parsed = {"seqlift.a": ast.parse("\n".join(lines))}
    assert messages_without_remedy(parsed) == ["seqlift.a:1", "seqlift.a:2"]


def test_every_file_that_knows_a_name_is_found() -> None:
    lines = {
        "seqlift.a.own_one": "",
        "seqlift.b": "from seqlift.a.own_one import x",
        "seqlift.c": "x = 'own-one'",
        "seqlift.d": "x = settings.own_one",
        "seqlift.e": "own_one: int = 3",
        "seqlift.f": "x = 'own'",
    }
    parsed = {name: ast.parse(line) for name, line in lines.items()}
    assert files_that_know("own-one", parsed) == [*lines][:-1]


def test_a_file_name_means_one_thing() -> None:
    """Of several files of one name, one rule's and its method's, or one layer's at two floors."""
    names = Counter(path.stem for path in PACKAGE.rglob("*.py") if path.stem != "__init__")
    shared = {*registry.names_in("rules"), *registry.names_in("methods"), "locally-connected"}
    twice = {name for name, number in names.items() if number > 1}
    assert {name.replace("_", "-") for name in twice} - shared == set()


SAME = {
    "log_sum_exp",
    "matmul",
    "merge",  # the command and what it runs
    "plot",  # the command and what it does in Python
    "method",  # each file of methods/ defines its own
    "score",  # the command and what it runs
    "softmax",
    "write",  # each file of exports/forms/ defines its own
    "weighed",  # the three kinds of activation maps weigh channels, each in its way
}
"""Functions of one meaning that several modules define."""


def test_a_function_name_means_one_thing() -> None:
    names = Counter(
        node.name
        for tree in trees().values()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    )
    assert {name for name, number in names.items() if number > 1} - SAME == set()


@pytest.mark.parametrize(
    "line",
    [
        "x = rule == 'rescale'",
        "x = rule in ('', 'gradient')",
        "x = rule != registry.DEFAULT_RULE",
        "RULE = 'ism'\nx = rule == RULE",
        "KINDS = ('ism', 'occlusion')\nx = rule == KINDS[1]",
        "match rule:\n    case 'rescale':\n        pass",
        "match rule:\n    case registry.DEFAULT_METHOD:\n        pass",
    ],
)
def test_every_way_to_compare_a_name_is_found(line: str) -> None:
    package = trees() | {"seqlift.made_up": ast.parse(line)}
    (place,) = names_compared(package)
    assert place.startswith("seqlift.made_up:")


@pytest.mark.parametrize("folder", ["rules", "methods"])
def test_a_rule_or_method_is_one_file(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in the folder, and nothing else, gives the command line a new name."""
    source = PACKAGE / "attribution"
    for path in (source / folder).glob("*.py"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / path.name).write_text(path.read_text())
    (tmp_path / folder / "own_one.py").write_text('"""One of my own."""\n')
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    registry.names_in.cache_clear()
    listed = getattr(registry, folder)()
    registry.names_in.cache_clear()
    assert listed["own-one"] == "One of my own."
