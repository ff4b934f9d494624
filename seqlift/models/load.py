"""Load any Keras file as a `keras.Model`; nothing in the file runs.

One way for all: read the architecture record, put it in today's words, check every layer against
the allow-list, build, assign the weights. Keras's own model readers are not used, because they make
whatever a file names. Optimizers, losses and metrics are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras

from seqlift.errors import ModelError
from seqlift.models import build, calls, custom, damage, files, legacy, records, weights
from seqlift.models.keras_settings import default_settings
from seqlift.models.plans.plan import NetworkPlan
from seqlift.system.refusals import new_temporary_folder


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """A model file's description of itself: nothing is built, and the weights are not read.

    `sha256`, `saved_by` and `format` are those of a `LoadedModel`.
    """

    plan: NetworkPlan
    sha256: str
    saved_by: str
    format: str


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to predict, and where it came from.

    `sha256` is of the model file's bytes, followed by those of the architecture file if there was
    one; `saved_by` and `format` are words for people, `class_name` is Sequential or Functional.
    `notes` say, a sentence each, what the file's calls of layers fix and scores do without.
    """

    model: keras.Model
    path: Path
    arch: Path | None
    sha256: str
    saved_by: str
    format: str
    class_name: str
    notes: tuple[str, ...] = ()


@default_settings()
def load(
    path: str | Path,
    *,
    arch: str | Path | None = None,
    recipes: Mapping[str, str] | None = None,
    custom_objects: str | Path | None = None,
) -> LoadedModel:
    """Load the model in a file of any Keras, uncompiled, computing in float32.

    `path` is a `.h5` or `.keras` file, or a file of weights, whose architecture is then in `arch`,
    JSON or YAML. Raises `ModelError` with a line for each problem: a layer that would run code or
    that Keras does not bring, weights that do not fit, a file that is something else.

    `recipes` say, by layer name, what a layer computes whose code is not read, as expressions of
    its input: ``"logsumexp(x, axis=-1)[:, None] * 2"`` (`seqlift.models.expressions.language`).
    `custom_objects` is a Python file of the user's with the classes of layers that Keras does not
    bring; it is the only code that is ever run.
    """
    objects = None if custom_objects is None else custom.read_custom_objects(custom_objects)
    path, arch = Path(path), None if arch is None else Path(arch)
    found = files.read_model_file(path, arch)
    described = _described(found, path, arch)
    with damage.report_as_model_error(arch or path):
        plan = build.checked(described.plan, recipes=recipes, objects=objects)
        model = build.made(plan, most_weights=files.most_weights(path, found))
        notes = (*calls.call_notes(model), *calls.without_recipe(plan), *unchecked(recipes or {}))
    with damage.report_as_model_error(path, what="weights"):
        _assign(model, path, found=found, plan=described.plan)
    return LoadedModel(
        model=model,
        path=path,
        arch=arch,
        sha256=described.sha256,
        saved_by=described.saved_by,
        format=described.format,
        class_name=described.plan.class_name,
        notes=notes,
    )


def unchecked(recipes: Mapping[str, str]) -> Iterator[str]:
    """Yield a note on the recipes, of whose layers the file has no prediction to compare with."""
    if recipes:
        listed = ", ".join(f"{name}={recipe}" for name, recipe in recipes.items())
        yield (
            f"computed as --recipe says, which cannot be checked: {listed}; compare predictions"
            " with some that you know"
        )


def describe(path: str | Path, *, arch: str | Path | None = None) -> DescribedModel:
    """Describe the network in a model file, also where it may not be built.

    The arguments are those of `load`. Raises `ModelError` where the file is not a Keras model or
    its architecture is damaged.
    """
    path, arch = Path(path), None if arch is None else Path(arch)
    return _described(files.read_model_file(path, arch), path, arch)


def _described(found: files.ModelFile, path: Path, arch: Path | None) -> DescribedModel:
    """Describe the network in a file that was read, and where it came from."""
    with damage.report_as_model_error(arch or path):
        plan = _plan(found)
    return DescribedModel(
        plan=plan,
        sha256=files.file_digest(path, *([arch] if arch else [])),
        saved_by=_saved_by(found),
        format=found.format,
    )


def _plan(found: files.ModelFile) -> NetworkPlan:
    """Plan the network in a file of any Keras."""
    generation = legacy.generation(found.version, found.record)
    described = isinstance(found.record, dict) and (generation < 2 or "class_name" in found.record)
    if not described:
        raise ModelError(
            "the architecture does not describe a Keras model; "
            "give the architecture as written by model.to_json()"
        )
    return records.plan_network(found.record, generation=generation)


def _assign(model: keras.Model, path: Path, *, found: files.ModelFile, plan: NetworkPlan) -> None:
    """Assign the weights in the file to the model, whichever of the layouts they are in."""
    if found.weights == "named":
        with files.opened(path) as file:
            group = files.weights_group(file)
            order = [layer.name for layer in plan.layers]
            weights.assign(model, group, order=order, backend=found.backend)
        return
    with new_temporary_folder() as folder:  # Keras's reader wants a file of this ending
        numbered = Path(folder) / files.WEIGHTS_MEMBER
        if found.weights == "archive":
            files.extract_weights(path, Path(folder))
        else:
            files.link_weights(path, numbered)
        weights.read_numbered(model, numbered)


def _saved_by(found: files.ModelFile) -> str:
    version = f"Keras {found.version}" if found.version else "an unknown version of Keras"
    return f"{version} ({found.backend})"
