"""Count what keeps the floors of the package apart, and the files that a new thing takes.

python tests/counted.py
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from seqlift.attribution import registry

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "seqlift"

Trees = dict[str, ast.Module]


def modules() -> dict[str, Path]:
    """Map the dotted name of every module of the package to its file."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
    }


@cache
def trees() -> Trees:
    """Map the name of every module of the package to its parsed text."""
    return {name: ast.parse(path.read_text()) for name, path in modules().items()}


def imports_in(tree: ast.AST, folder: Sequence[str]) -> Iterator[str]:
    """Yield the dotted names of the package that are imported by a module of a folder."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else ()
            source = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{source}.{alias.name}" for alias in node.names]
        yield from (name for name in names if name.split(".")[0] == PACKAGE.name)


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
        for name in imports_in(trees()[module], path.relative_to(ROOT).parent.parts)
        if folder_of(name) != path.parent
    }


def circles(arrows: set[tuple[Path, Path]]) -> list[set[Path]]:
    """Find the folders that lead back to themselves: strongly connected components."""
    reached: dict[Path, set[Path]] = {}
    for first, _ in arrows:
        found, waiting = set[Path](), [first]
        while waiting:
            one = waiting.pop()
            nearest = {b for a, b in arrows if a == one} - found
            found |= nearest
            waiting += nearest
        reached[first] = found
    within = {a: {b for b in to if a in reached.get(b, ())} for a, to in reached.items()}
    return [set(one) for one in {frozenset(found) for a, found in within.items() if a in found}]


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


def class_names_twice(parsed: Trees) -> list[str]:
    """List the names that more than one class of the package has."""
    names = Counter(
        node.name
        for tree in parsed.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    )
    return [name for name, number in names.items() if number > 1]


def constants_twice(parsed: Trees) -> list[str]:
    """List the constants that more than one module defines, but those in `OF_EACH_FILE`.

    A private constant counts by its name without the underscore.
    """
    names = Counter(
        name.id.lstrip("_")
        for tree in parsed.values()
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and name.id.isupper()
    )
    return [name for name, number in names.items() if number > 1 and name not in OF_EACH_FILE]


def clauses_as_docstrings(parsed: Trees) -> list[str]:
    """List the docstrings that say only what is returned, or begin with a noun clause."""
    return [
        f"{module}:{getattr(node, 'name', '')}"
        for module, tree in parsed.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and (ast.get_docstring(node) or "").startswith(("Return", "What "))
    ]


KINDS_OF_ERRORS = {
    "DeviceError",
    "InputError",
    "ModelError",
    "NumericError",
    "OutputError",
    "refuse",  # of a layer or operation while a model is lowered
}


def messages_without_remedy(parsed: Trees) -> list[str]:
    """List the errors whose message says no remedy: after a semicolon, or how to "give" it.

    A message that ends in a variable is taken to have it there.
    """
    return [
        f"{module}:{node.lineno}"
        for module, tree in parsed.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and called(node) in KINDS_OF_ERRORS
        for parts in [words_of(node.args[0])]
        if parts
        and isinstance(parts[-1], ast.Constant)
        and not any(mark in ast.unparse(node.args[0]) for mark in ("; ", ": give ", "; {"))
    ]


def called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def words_of(message: ast.expr) -> list[ast.expr]:
    if isinstance(message, ast.JoinedStr):
        return message.values
    is_text = isinstance(message, ast.Constant) and isinstance(message.value, str)
    return [message] if is_text else []


def files_that_know(name: str, parsed: Trees) -> list[str]:
    """List the modules that are called `name`, import one that is, or have it as text or a name.

    A module that only asks the field of the same name of something else of its own counts, too.
    """
    stem = name.replace("-", "_")
    return [
        module
        for module, tree in parsed.items()
        if module.rpartition(".")[2] == stem
        or any(knows(node, {name, stem}) for node in ast.walk(tree))
    ]


def knows(node: ast.AST, words: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return node.value in words
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").rpartition(".")[2] in words
    if isinstance(node, ast.Attribute):
        return node.attr in words
    return isinstance(node, ast.Name) and node.id in words


OF_EACH_FILE = {
    "ENDINGS",  # each file of exports/forms/ defines its own
    "RULE",  # each file of attribution/rules/ defines its own
}
"""Constants by which each file of a folder says what it is."""

EXAMPLES = {
    "rule": ("deconvnet", "seqlift.attribution.methods"),
    "method": ("lrp-gamma", ""),
    "output": ("bpnet-h5", ""),
    "engine option": ("mean_normalise", ""),
}
"""An example of each kind of thing, and the folder of files that are of another kind."""

BARS = {
    "places that compare a rule's name": 0,
    "circles of folders": 0,
    "class names used twice": 0,
    "constants of two meanings": 0,
    "docstrings that are clauses": 0,
    "errors without a remedy": 0,
    "files for a rule": 1,
    "files for a method": 1,
    "files for an output": 2,
    "files for an engine option": 2,
}
"""The most that there may be of each."""


def counted() -> dict[str, list[str]]:
    """List the places of everything that has a bar, by the names of `BARS`."""
    parsed = trees()
    found = [
        names_compared(parsed),
        [str(one) for one in circles(folder_imports())],
        class_names_twice(parsed),
        constants_twice(parsed),
        clauses_as_docstrings(parsed),
        messages_without_remedy(parsed),
    ]
    for name, apart in EXAMPLES.values():
        known = files_that_know(name, parsed)
        found.append([one for one in known if not (apart and one.startswith(apart))])
    return dict(zip(BARS, found, strict=True))


def printed(found: dict[str, list[str]]) -> str:
    """Lay out the numbers as a table, with their bars and places."""
    return "\n".join(
        f"{name:36}{len(places):3}  at most {BARS[name]}  {', '.join(places)}".rstrip()
        for name, places in found.items()
    )


if __name__ == "__main__":
    print(printed(counted()))
