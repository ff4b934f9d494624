"""The names of rules and methods, known from their files without importing any of them.

A user's own are added by `register`. Importing this costs nothing.
"""

import ast
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seqlift.errors import InputError
from seqlift.system.named_modules import first_lines

if TYPE_CHECKING:
    from seqlift.attribution.method import Method
    from seqlift.attribution.propagation.rule import Preset, Rule

DEFAULT_METHOD = "deeplift"
DEFAULT_RULE = "genomics"
MAX_RULES = ("complete", "winner")
STEPS = 50  # of integrated gradients, where none are chosen
YES_OR_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
DEEPLIFT_RULES = (DEFAULT_RULE, "rescale", "revealcancel")
"""Presets whose contributions sum to the difference from reference: what DeepLIFT's paper has."""

PRESETS = (DEFAULT_RULE,)
"""Rules that choose between others, so that a single layer cannot have one."""

ONCE_RULES = ("integrated-gradients",)
"""Methods that were a rule's name once, which `--rule` still takes."""

_OWN_RULES: dict[str, Any] = {}
_OWN_METHODS: dict[str, Callable[..., Any]] = {}


@cache
def names_in(folder: str) -> dict[str, str]:
    """Map each name in a folder of this package to the first line of its file's docstring."""
    lines = first_lines(Path(__file__).with_name(folder))
    # grad-cam++ is the one name that no Python file can have.
    return {name.replace("_plus", "+").replace("_", "-"): line for name, line in lines.items()}


def stem_of(name: str) -> str:
    return name.replace("+", "_plus").replace("-", "_")


def rules() -> dict[str, str]:
    """List the rules and presets with a line of help each; DeepLIFT's own come first."""
    files = names_in("rules")
    first = {name: files[name] for name in DEEPLIFT_RULES}
    return first | files | {name: first_line(rule) for name, rule in _OWN_RULES.items()}


def accepted_rules() -> list[str]:
    """List the rules, and the methods that once were named by one."""
    return [*dict.fromkeys((*rules(), *ONCE_RULES))]


def method_label(method: str, rule: str) -> str:
    """Name a method with its rule, as `seqlift evaluate --methods` takes it."""
    return method if rule in ("", DEFAULT_RULE) else f"{method}:rule={rule}"


def single_rules() -> list[str]:
    """List the rules that a layer can have: all but presets, which choose between rules."""
    return [name for name in rules() if name not in PRESETS]


def methods() -> dict[str, str]:
    """List the methods with a line of help each; the default comes first."""
    files = names_in("methods")
    first = {DEFAULT_METHOD: files[DEFAULT_METHOD]}
    return first | files | {name: first_line(own) for name, own in _OWN_METHODS.items()}


@cache
def options_of(name: str) -> dict[str, str]:
    """List the options of a method of seqlift's with their defaults as they are written."""
    path = Path(__file__).with_name("methods") / f"{stem_of(name)}.py"
    if name in _OWN_METHODS:
        return {}
    # Read, not imported: the file imports Keras, which --help does without.
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (make,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "method"
    )
    return {
        # STEPS and others
        argument.arg: str(globals().get(ast.unparse(default), ast.unparse(default)))
        for argument, default in zip(make.args.kwonlyargs, make.args.kw_defaults, strict=True)
        if default is not None
    }


def first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0] if callable(thing) else ""


def register(thing: Any, name: str | None = None) -> Any:
    """Add a rule or a method of the user's own, and return it, so that it can be a decorator.

    A `Rule` (`seqlift.attribution.propagation.rule`) is known by its name; a function of keyword
    options that returns a method by `name`, or else its own name, with ``-`` for ``_``. Both count
    for explainers that are made later. Raises InputError for a name that is taken.
    """
    is_rule = hasattr(thing, "rows")
    known = name or (thing.name if is_rule else thing.__name__.replace("_", "-"))
    if known in (names_in("rules") if is_rule else names_in("methods")):
        kind = "rule" if is_rule else "method"
        raise InputError(f"{known}: seqlift has a {kind} of this name; give yours another")
    (_OWN_RULES if is_rule else _OWN_METHODS)[known] = thing
    return thing


def preset_named(name: str) -> "Preset":
    """Import the rule or preset of a name. Raises InputError for an unknown one."""
    check_known("rule", name, rules())
    if name in _OWN_RULES:
        preset: Preset = _OWN_RULES[name]
        return preset
    module = import_module(f"seqlift.attribution.rules.{stem_of(name)}")
    found: Preset = module.RULE
    return found


def rule_named(name: str) -> "Rule":
    """Import the rule of a name. Raises InputError for a preset, which is several rules."""
    preset = preset_named(name)
    if not hasattr(preset, "rows"):
        raise InputError(f"rule {name}: chooses between rules; give one of them for a layer")
    rule: Rule = cast(Any, preset)
    return rule


def method_named(name: str, options: Mapping[str, Any]) -> "Method":
    """Make the method of a name with its options.

    Options may be text, as on the command line. Raises InputError for an unknown name or option,
    or a value that does not fit.
    """
    check_known("method", name, methods())
    make = factory_named(name)
    parameters = inspect.signature(make).parameters
    unknown = [option for option in options if option not in parameters]
    if unknown:
        known = ", ".join(parameters) or "none"
        raise InputError(f"method {name}: no option {unknown[0]!r}; its options are {known}")
    values = {
        option: option_value(f"method {name}, option {option}", value, parameters[option].default)
        for option, value in options.items()
    }
    if "max_rule" in values:
        check_known("max_rule", values["max_rule"], dict.fromkeys(MAX_RULES, ""))
    method: Method = make(**values)
    return method


def chosen_method(
    name: str,
    options: Mapping[str, Any],
    *,
    rule: str = DEFAULT_RULE,
    rule_for: Mapping[str, str] | None = None,
    max_rule: str = "complete",
    steps: int | None = None,
    **named: str | None,
) -> "Method":
    """Make the method that was asked for by its name, or by the rule that once named it.

    `named` are more of its options, each by a name of its own; None is not set. Raises InputError
    for a name, an option or a value that does not fit.
    """
    special = dict(rule_for or {})
    check_known("method", name, methods())
    if name == DEFAULT_METHOD:
        name, rule = named_by_rule(rule, special)
    known = inspect.signature(factory_named(name)).parameters
    chosen = dict(options)
    asked: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    if rule != DEFAULT_RULE:
        asked["rule"] = rule
    if special:
        asked["rule_for"] = special
    if max_rule != "complete":
        asked["max_rule"] = max_rule
    for option, value in asked.items():
        if option not in known:
            flag = option.replace("_", "-")
            raise InputError(f"--{flag}: method {name} has no such option; leave it out")
        if chosen.get(option, value) != value:
            raise InputError(
                f"--method-option {option}={chosen[option]}: not {value}; leave one out"
            )
        chosen.setdefault(option, value)
    if steps is not None and "steps" in known:
        chosen.setdefault("steps", steps)
    return method_named(name, chosen)


def named_by_rule(rule: str, special: Mapping[str, str]) -> tuple[str, str]:
    """Find the method and the rule of DeepLIFT that a rule means: some once named a method."""
    if rule in ONCE_RULES and special:
        raise InputError(
            f"rule for {', '.join(special)}: integrated gradients use the derivative at every"
            " layer; leave it out, or give another rule"
        )
    # `--rule gradient` and others chose what has since become a method of its own.
    was_method = rule in ONCE_RULES or (rule in rules() and rule in methods())
    return (rule, DEFAULT_RULE) if was_method and not special else (DEFAULT_METHOD, rule)


def factory_named(name: str) -> Callable[..., Any]:
    if name in _OWN_METHODS:
        return _OWN_METHODS[name]
    module = import_module(f"seqlift.attribution.methods.{stem_of(name)}")
    make: Callable[..., Any] = module.method
    return make


def option_value(what: str, value: Any, default: Any) -> Any:
    """Read a value as text, as the type of an option's default."""
    if isinstance(value, str) and default is None:
        raise InputError(f"{what}: not settable as text; use --rule-for LAYER=RULE")
    if not isinstance(value, str) or not isinstance(default, bool | int | float):
        return value
    if isinstance(default, bool):  # before int, which a bool is too
        if value.lower() not in YES_OR_NO:
            raise InputError(f"{what}: {value!r} is neither yes nor no; give one of them")
        return YES_OR_NO[value.lower()]
    try:
        return type(default)(value)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise InputError(f"{what}: {value!r} is not {kind}; give one") from None


def check_known(kind: str, name: str, known: Mapping[str, str]) -> None:
    if name not in known:
        raise InputError(f"{kind} {name!r}: give one of {', '.join(known)}")
