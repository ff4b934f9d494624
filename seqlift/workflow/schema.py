"""Check a value against a schema, with a line in plain words for each problem.

The schema is JSON Schema 2020-12, of which only the words in `CHECKS` and `ABOUT` may be used.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from seqlift.workflow.lines import Place, read_yaml

Problem = tuple[Place, str]
Schema = Mapping[str, Any]

JSON_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "object": ((dict,), "keys with values"),
    "array": ((list,), "a list"),
    "string": ((str,), "text"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
}
"""Types of JSON, as types of Python and in words."""

ABOUT = {"$schema", "$defs", "$ref", "title", "description", "default"}
"""Words of a schema that refuse nothing by themselves."""


def configuration_schema() -> dict[str, Any]:
    """Read the schema of the workflow's configuration."""
    path = files("seqlift.workflow") / "config.schema.yaml"
    schema: dict[str, Any] = read_yaml(path.read_text(), path.name).value
    return schema


def problems_of(value: Any, schema: Schema, root: Schema, place: Place = ()) -> Iterator[Problem]:
    """Yield the problems of a value, with their places; `root` has the definitions."""
    schema = referred_to(schema, root)
    wrong = wrong_type(value, schema)
    if wrong:
        yield place, wrong
        return
    for word, check in CHECKS.items():
        if word in schema:
            # all of them: a user mends them at once
            yield from ((place, text) for text in check(value, schema))
    if isinstance(value, dict):
        yield from problems_of_keys(value, schema, root, place)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from problems_of(item, schema["items"], root, (*place, number))
    for branch in schema.get("oneOf", ()):
        if not wrong_type(value, branch):
            yield from problems_of(
                # what the key is for stands above the branches
                value,
                branch | {"description": schema.get("description", "")},
                root,
                place,
            )


def problems_of_keys(
    value: Mapping[Any, Any], schema: Schema, root: Schema, place: Place
) -> Iterator[Problem]:
    """Yield the problems of the keys of an object, and of their values."""
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield place, f"{name!r} is missing{description_of(known[name])}"
    for name, item in value.items():
        here = (*place, str(name))
        if "propertyNames" in schema:
            yield from problems_of(name, schema["propertyNames"], root, here)
        if name in known or isinstance(others, dict):
            yield from problems_of(item, known.get(name, others), root, here)
        elif others is False:
            yield here, f"{UNKNOWN_KEY}; {known_key_near(str(name), list(known))}"


def known_key_near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def referred_to(schema: Schema, root: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2]
    return root["$defs"][name] if name else schema


def description_of(schema: Schema) -> str:
    text: str = schema.get("description", "").removesuffix(".")
    return f" ({text})" if text else ""


def wrong_type(value: Any, schema: Schema) -> str:
    """Word the problem of a value of another type; empty where there is none."""
    branches = [schema, *schema.get("oneOf", ())]
    types = [one for branch in branches for one in as_list(branch.get("type", ()))]
    if not types or any(is_of_type(value, one) for one in types):
        return ""
    if value is None:
        return f"it has no value; give one, or leave the key out{description_of(schema)}"
    kinds = " or ".join(JSON_TYPES[one][1] for one in types)
    return f"{value!r} is not {kinds}; {retyped(value, types)}{description_of(schema)}"


def retyped(value: Any, types: list[str]) -> str:
    if "string" in types and isinstance(value, int | float):
        return f"quote it: '{value}'"
    if isinstance(value, str) and {"integer", "number"} & {*types}:
        return "give a number without quotes"
    return f"give {' or '.join(JSON_TYPES[one][1] for one in types)}"


def is_of_type(value: Any, kind: str) -> bool:
    """Compare with a type of JSON, where true and false are not numbers."""
    if isinstance(value, bool):  # which is an int of Python
        return kind == "boolean"
    return isinstance(value, JSON_TYPES[kind][0])


def as_list(value: Any) -> list[Any]:
    """Make a list of a value that may be one already."""
    return [value] if isinstance(value, str) else list(value)


def not_chosen(value: Any, schema: Schema) -> Iterator[str]:
    if value not in schema["enum"]:
        yield f"{value!r} is unknown; {known_key_near(str(value), as_list(schema['enum']))}"


def too_small(value: Any, schema: Schema) -> Iterator[str]:
    least = schema["minimum"]
    if value < least:
        yield f"{value} is below {least}; give {least} or more{description_of(schema)}"


def too_short(value: Any, schema: Schema) -> Iterator[str]:
    if isinstance(value, str) and len(value) < schema["minLength"]:
        yield f"it is empty; give it a value, or leave the key out{description_of(schema)}"


def too_few(value: Any, schema: Schema) -> Iterator[str]:
    if len(value) < schema["minProperties"]:
        yield f"none is named; give one or more{description_of(schema)}"


def unlike(value: Any, schema: Schema) -> Iterator[str]:
    if not re.search(schema["pattern"], value):
        yield f"{value!r} has another form; change it{description_of(schema)}"


def ruled_out(value: Any, schema: Schema) -> Iterator[str]:
    barred = schema["not"]
    found = re.search(barred["pattern"], value) if "pattern" in barred else None
    if value == barred.get("const") or found:
        word = found.group().strip(" \t\n=") if found else value
        yield f"{word!r} may not stand here; leave it out{description_of(schema)}"


def stands_twice(value: Any, schema: Schema) -> Iterator[str]:
    if schema["uniqueItems"]:
        seen = [one for number, one in enumerate(value) if one in value[:number]]
        yield from (f"{one!r} stands twice; leave one out" for one in seen)


CHECKS: dict[str, Callable[[Any, Schema], Iterator[str]]] = {
    "enum": not_chosen,
    "minimum": too_small,
    "minLength": too_short,
    "minProperties": too_few,
    "pattern": unlike,
    "not": ruled_out,
    "uniqueItems": stands_twice,
}
"""What may be wrong with a value of the right type, by the word of the schema."""

UNKNOWN_KEY = "unknown key"
"""Begins the only problem that leaves the rest of a configuration as it should be."""

STRUCTURE = {
    "type", "properties", "additionalProperties", "propertyNames", "required", "items", "oneOf",
}  # fmt: skip
"""Words of a schema that are followed into the parts of a value."""
