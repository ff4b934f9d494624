"""Folders stand on floors: imports go down, and no two folders import each other.

import-linter holds the list of floors (`pyproject.toml`); this counts what it has no contract for.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from seqlift.attribution import registry

PACKAGE = ROOT / "seqlift"


def modules() -> dict[str, Path]:
    """Map the dotted name of every module of the package to its file."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
    }


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports from the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("seqlift"):
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def folder_of(name: str) -> Path:
    """Name the folder of a module, a package, or something defined in either."""
    path = ROOT.joinpath(*name.split("."))
    while not path.is_dir():
        path = path.parent
    return path


def folder_imports() -> set[tuple[Path, Path]]:
    """Return the pairs of folders of which the first imports from the second."""
    return {
        (path.parent, folder_of(name))
        for module, path in modules().items()
        if path.parent != PACKAGE  # the public interface, which everything hangs from
        for name in imported(path)
        if folder_of(name) != path.parent
    }


def test_no_folder_imports_one_that_imports_it() -> None:
    arrows = folder_imports()
    assert len(arrows) > 30
    assert [(a.name, b.name) for a, b in sorted(arrows) if (b, a) in arrows] == []


def test_only_the_ground_lies_loose() -> None:
    loose = {path.name for path in PACKAGE.glob("*.py")}
    assert loose <= {"__init__.py", "__main__.py", "errors.py", "intervals.py"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield the name and the parsed text of every module of the package."""
    for name, path in modules().items():
        yield name, ast.parse(path.read_text())


def test_a_class_name_means_one_thing() -> None:
    names = Counter(
        node.name for _, tree in trees() for node in tree.body if isinstance(node, ast.ClassDef)
    )
    assert [name for name, number in names.items() if number > 1] == []


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
"""Functions of one meaning that several modules define, lowering left out."""


def test_a_function_name_means_one_thing() -> None:
    names = Counter(
        node.name
        for _, tree in trees()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith(("_", "lower_"))
    )
    assert {name for name, number in names.items() if number > 1} - SAME == set()


def strings_in(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def constants_of_names(tree: ast.Module, names: set[str]) -> set[str]:
    """Collect the constants of a module whose value is a name, or has some in it."""
    found = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        if not isinstance(node.value, ast.Dict | ast.Call) and strings_in(node.value) & names
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return {name for name in found if name.isupper()}


def compares_names(node: ast.AST, names: set[str], constants: set[str]) -> bool:
    """Find out whether `node` compares with a name, literally, by a constant or by `match`."""
    if not isinstance(node, ast.Compare | ast.MatchValue):
        return False
    words = {
        part.id if isinstance(part, ast.Name) else part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    }
    return bool(strings_in(node) & names or words & constants)


def names_compared(parsed: dict[str, ast.Module]) -> list[str]:
    """List the places outside the registry that compare the name of a rule or method."""
    names = {*registry.rules(), *registry.methods()}
    constants = {one for tree in parsed.values() for one in constants_of_names(tree, names)}
    return [
        f"{module}:{getattr(node, 'lineno', 0)}"
        for module, tree in parsed.items()
        if module != "seqlift.attribution.registry"
        for node in ast.walk(tree)
        if compares_names(node, names, constants)
    ]


def test_rules_are_objects_that_nobody_compares_by_name() -> None:
    assert names_compared(dict(trees())) == []


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
    package = dict(trees()) | {"seqlift.made_up": ast.parse(line)}
    (place,) = names_compared(package)
    assert place.startswith("seqlift.made_up:")


def test_docstrings_say_what_a_thing_does() -> None:
    """None says only what is returned, or begins with a noun clause."""
    clauses = [
        f"{module}:{node.name}"
        for module, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and (ast.get_docstring(node) or "").startswith(("Return", "What "))
    ]
    assert clauses == []


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
