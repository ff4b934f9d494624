"""Read the user's own layers and functions from one file that the user names.

Only that file is imported: nothing ever is because a model file names it. Layers of these classes
are then allowed; each is made from the settings in the model file by its own constructor.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from seqlift.errors import ModelError
from seqlift.models import classes, legacy
from seqlift.models.plans.plan import LayerPlan, NetworkPlan
from seqlift.system.paths import not_regular

MODULE = "seqlift_custom_objects"
"""Name under which the user's file is imported, with its own name behind."""


@dataclass(frozen=True, slots=True)
class CustomObjects:
    """Classes of layers and functions, by their names and by those they are registered under."""

    classes: Mapping[str, type]
    functions: Mapping[str, Callable[..., Any]]


def read_custom_objects(path: str | Path) -> CustomObjects:
    """Run the Python file at `path` and collect the layers and functions that it defines.

    A file that does not exist, does not run or defines neither raises `ModelError`.
    """
    path = Path(path)
    module = _imported(path)
    classes: dict[str, type] = {}
    functions: dict[str, Callable[..., Any]] = {}
    for value in vars(module).values():
        if getattr(value, "__module__", None) != module.__name__:  # imported there, not defined
            continue
        if inspect.isclass(value) and issubclass(value, keras.layers.Layer):
            classes |= dict.fromkeys(_names(value), value)
        elif inspect.isfunction(value):
            functions |= dict.fromkeys(_names(value), value)
    if not classes and not functions:
        raise ModelError(
            f"{path}: defines no layer and no function; give the Python file that has the classes"
        )
    return CustomObjects(classes, functions)


def _imported(path: Path) -> ModuleType:
    name = f"{MODULE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise ModelError(f"{path}: not a Python file; give one that ends in .py")
    other = not_regular(path)
    if other is not None:
        raise ModelError(f"{path}: {other}; give a Python file")
    if not path.exists():
        raise ModelError(f"{path}: no such file; check the path of the custom objects")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:  # the user's code may raise anything
        del sys.modules[name]
        raise ModelError(
            f"{path}:{_line(problem, path)}: {type(problem).__name__}: "
            f"{' '.join(str(problem).split()) or 'no message'}; mend the file, or leave out "
            "--custom-objects"
        ) from problem
    return module


def _line(problem: BaseException, path: Path) -> int:
    if isinstance(problem, SyntaxError) and problem.lineno:
        return problem.lineno
    lines = [1]  # a file that fails before its first line runs
    trace = problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


def _names(value: Any) -> set[str]:
    return {value.__name__, keras.saving.get_registered_name(value)}


def with_own(network: NetworkPlan, objects: CustomObjects) -> NetworkPlan:
    """Put the user's classes and functions in the plan where its names are theirs.

    A record that names a class of Keras keeps it, whatever the user's classes are named.
    """
    layers = tuple(_own(layer, objects) for layer in network.layers)
    own_class = None
    if network.subclass is not None:
        found = objects.classes.get(network.registered_name or network.subclass)
        found = found or objects.classes.get(network.subclass)
        own_class = found if found is not None and issubclass(found, keras.Model) else None
    return replace(network, layers=layers, own_class=own_class)


def _own(plan: Any, objects: CustomObjects) -> Any:
    if isinstance(plan, tuple):
        return tuple(_own(item, objects) for item in plan)
    if isinstance(plan, NetworkPlan):
        return with_own(plan, objects)
    if not isinstance(plan, LayerPlan):
        return plan
    own_class = _class(plan, objects)
    settings = plan.settings if own_class is None else _as_written(plan, own_class)
    settings = {
        key: _function(value, objects) if key.endswith("activation") else value
        for key, value in settings.items()
    }
    inner = {key: _own(value, objects) for key, value in plan.inner.items()}
    operation = plan.operation and own_class is None
    return replace(plan, settings=settings, inner=inner, own_class=own_class, operation=operation)


def _class(plan: LayerPlan, objects: CustomObjects) -> type | None:
    # Keras writes the module of its own classes: a user's class of the same name is not meant.
    of_keras = (plan.module or "").split(".")[0] == "keras"
    if of_keras and plan.registered_name in (None, plan.class_name):
        return None
    for name in (plan.registered_name, plan.written[0]):
        if name is not None and name in objects.classes:
            return objects.classes[name]
    return None


def _as_written(plan: LayerPlan, own_class: type) -> dict[str, Any]:
    """Select the settings of a layer of the user's class as they are in the file.

    Settings of Keras's class of that name may have other words today, or none. What matters in
    training only stays out.
    """
    _, written = plan.written
    taken = {
        key: value
        for key, value in written.items()
        if key in classes.accepted_by(own_class)
        and key not in ("dtype", "name", "trainable")
        and not key.endswith(("activation", *legacy.TRAINING_ONLY))  # initial weights are replaced
    }
    return {key: value for key, value in plan.settings.items() if key in written} | taken


def _function(value: Any, objects: CustomObjects) -> Any:
    names: list[Any] = [value]
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        names = [value.get("registered_name"), value.get("config")]
    for name in names:
        if isinstance(name, str) and name in objects.functions:
            return _named_apart(objects.functions[name])
    return value


def _named_apart(function: Callable[..., Any]) -> Callable[..., Any]:
    # Keras would take its own where a wrapper copies what it holds, which is by name.
    if not hasattr(keras.activations, function.__name__):
        return function

    def applied(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    applied.__name__ = f"own_{function.__name__}"
    return applied
