"""Parse the record of an architecture, JSON or YAML, into plain values.

YAML is read node by node: numbers, words, lists and mappings, and Python's tuples and strings,
which Keras has written as such. Any other tag names something to be made, and is refused, not
followed. Knows nothing of layers.
"""

import json
from typing import Any

import yaml

from seqlift.errors import ModelError

TO_JSON = "give the architecture as written by model.to_json()"

MOST_NODES = 200_000
"""Values in a YAML document, repeated ones counted each time; a layer has some fifty."""

MAPPING, SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
PYTHON = "tag:yaml.org,2002:python/"

PLAIN_TAGS = {
    f"{PYTHON}tuple": SEQUENCE,
    f"{PYTHON}list": SEQUENCE,
    f"{PYTHON}dict": MAPPING,
    f"{PYTHON}unicode": "tag:yaml.org,2002:str",
    f"{PYTHON}str": "tag:yaml.org,2002:str",
    f"{PYTHON}int": "tag:yaml.org,2002:int",
    f"{PYTHON}long": "tag:yaml.org,2002:int",
    f"{PYTHON}float": "tag:yaml.org,2002:float",
    f"{PYTHON}bool": "tag:yaml.org,2002:bool",
    f"{PYTHON}none": "tag:yaml.org,2002:null",
}
"""Tags of Python's own plain values, and the YAML tags that mean the same."""

SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null", "str"))


def from_json(text: str) -> Any:
    """Parse JSON; JSON within a JSON string, a common slip, is unwrapped."""
    try:
        value = json.loads(text)
        return json.loads(value) if isinstance(value, str) else value  # json.dumps(model.to_json())
    except (ValueError, RecursionError) as problem:
        raise ModelError(f"its architecture is not JSON ({_line(problem)}); {TO_JSON}") from problem


def from_text(text: str) -> Any:
    """Parse a record: JSON if `text` starts like JSON, else the YAML of to_yaml().

    Raises `ModelError` for anything else, and for YAML that names a Python object.
    """
    if text.lstrip().startswith(("{", '"')):
        return from_json(text)
    if "class_name:" not in text and "layers:" not in text:  # any text is a scalar to YAML
        raise ModelError(f"neither JSON nor YAML of a Keras model; {TO_JSON}")
    try:
        # Composed and not loaded: a tag of an object is then a name that is read, never made.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _value(node, Remaining(MOST_NODES))
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise ModelError(f"its architecture is not YAML ({_line(problem)}); {TO_JSON}") from problem


class Remaining:
    """Number of values that may still be read: YAML can repeat a part of itself without end."""

    def __init__(self, count: int) -> None:
        self._count = count

    def take(self) -> None:
        """Count one value; too many raise `ValueError`."""
        self._count -= 1
        if self._count < 0:
            raise ValueError(f"more than {MOST_NODES} values")


def _value(node: Any, remaining: Remaining) -> Any:
    # An alias repeats a part of the document: a few lines can stand for a billion values.
    remaining.take()
    tag = PLAIN_TAGS.get(node.tag, node.tag)
    if isinstance(node, yaml.MappingNode) and tag == MAPPING:
        return {_key(key): _value(value, remaining) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode) and tag == SEQUENCE:
        return [_value(item, remaining) for item in node.value]
    if isinstance(node, yaml.ScalarNode) and tag in SCALARS:
        scalar = yaml.ScalarNode(tag, node.value, node.start_mark, node.end_mark)
        # YAML's own numbers and words
        return yaml.constructor.SafeConstructor().construct_document(scalar)
    name = node.tag.removeprefix(PYTHON)
    raise ModelError(
        f"line {node.start_mark.line + 1} of its YAML is an object of Python ({name}), which is "
        "never made; save the architecture with model.to_json()"
    )


def _key(node: Any) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("a key that is not a word")
    return str(node.value)


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split()).strip("'\"") or type(problem).__name__
