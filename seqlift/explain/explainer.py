"""Scores for arrays of sequences: the way in for notebooks, and what the command line runs.

Knows models, targets, rules and references; knows nothing of genomes, regions or score files.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.engine import Engine
from seqlift.attribution.result import Result, joined_results
from seqlift.device.backend import backend_version, use_device
from seqlift.device.precision import PRECISIONS
from seqlift.explain import batches
from seqlift.explain import target as targets
from seqlift.explain.arguments import (
    check_choice,
    check_device,
    check_drawn,
    check_number,
    check_references,
    check_shape,
    letters_encoded,
    requests_of,
    with_outputs,
)
from seqlift.explain.batches import ExtraRows, LastShared
from seqlift.explain.concurrent_batches import ConcurrentBatches
from seqlift.explain.copied_inputs import InputValue
from seqlift.explain.engines import Engines, method_asked
from seqlift.explain.explainer_settings import ExplainerSettings, signature_with
from seqlift.explain.extra_inputs import no_bases, resolve, rows_for
from seqlift.explain.schedule import Schedule
from seqlift.inputs.references import References
from seqlift.intervals import CHANNELS
from seqlift.lowering.input_layout import layout_of
from seqlift.models.calls import call_notes
from seqlift.models.load import LoadedModel, load
from seqlift.models.model_inputs import shape_text
from seqlift.system.described import Described
from seqlift.system.notebook import notebook_progress


class Explainer(Described):
    """DeepLIFT scores of a model's targets, for arrays of sequences; or those of another method.

    DeepLIFT: Shrikumar et al. 2017, arXiv:1704.02685; several references are averaged over. The
    model's weights are taken as they are when the explainer is made.

    Parameters
    ----------
    model
        A Keras model, or the path of a model file.
    target
        What to explain: a name, several names, or None for the only output. See
        `seqlift.explain.target`.
    settings
        Every other option, as `seqlift.explain.explainer_settings.ExplainerSettings`.
    **options
        The same by keyword, before those of `settings`.
    """

    def __init__(
        self,
        model: Any,
        target: str | Sequence[str] | None = None,
        settings: ExplainerSettings | None = None,
        **options: Any,
    ) -> None:
        """Load the model, find its targets and, where its length is fixed, lower and check it.

        Raises ModelError for a model, layer or target that cannot be explained, InputError for an
        option or a value that does not fit, DeviceError for a GPU that is not there.
        """
        chosen = replace(settings or ExplainerSettings(), **options)
        check_choice("precision", chosen.precision, PRECISIONS)
        check_device(chosen.device)
        check_number("batch_size", chosen.batch_size, "sequence")
        check_number("steps", chosen.steps, "point")
        self.device = use_device(chosen.device, precision=chosen.precision)
        self.backend = backend_version()
        self.loaded: LoadedModel | None = None
        if isinstance(model, (str, Path)):
            self.loaded = load(
                model,
                arch=chosen.arch,
                recipes=dict(chosen.recipes),
                custom_objects=chosen.custom_objects,
            )
            model = self.loaded.model
        self.model = with_outputs(model)
        self.method = method_asked(chosen)
        self.notes = self.loaded.notes if self.loaded else call_notes(model)
        self.extra_inputs = resolve(model, dict(chosen.inputs))
        self.warnings = self.extra_inputs.warnings(model)
        for text in self.warnings:
            warnings.warn(text, stacklevel=2)
        self.targets = targets.parse_targets(requests_of(target), model)
        self.several = len(self.targets) > 1 or not isinstance(target, str | None)
        self.precision, self.seed = chosen.precision, chosen.seed
        self.batch_size = chosen.batch_size
        own = tuple(model.inputs[self.extra_inputs.sequence].shape[1:])
        self.layout = layout_of(own)
        self.input_shape = self.layout.shape if self.layout else own
        self._engines = Engines(
            model=self.model,
            of_a_file=self.loaded is not None,
            targets=self.targets,
            method=self.method,
            extra_inputs=self.extra_inputs,
            layout=self.layout,
            settings=chosen,
        )
        self._shared = LastShared()
        self._schedules: dict[Any, Schedule] = {}
        if None not in self.input_shape:
            # refused now and not in the first call
            self.engine(cast(tuple[int, ...], self.input_shape))

    def engine(
        self,
        input_shape: tuple[int, ...],
        rows: frozenset[int] | None = None,
        *,
        alike: bool | None = None,
    ) -> Engine:
        """Find or make the engine for `input_shape`, lowering and checking the model for it.

        `rows` are the numbers of inputs that are fed row by row, by default the explainer's. For a
        model of any length, the engines of the latest lengths are remembered.
        """
        fed = frozenset(self.extra_inputs.rows) if rows is None else rows
        return self._engines.of(input_shape, fed, alike=self.is_alike(alike))

    @property
    def blind(self) -> frozenset[str]:
        """Names of targets that do not depend on the sequence; known once an engine was made."""
        return self._engines.blind

    def __call__(
        self,
        one_hot: NDArray[Any] | Sequence[str],
        references: NDArray[Any] | References | str = "dinucleotide",
        *,
        inputs: Mapping[str, InputValue] | None = None,
    ) -> Result | dict[str, Result]:
        """Score sequences against references.

        Parameters
        ----------
        one_hot
            (N, L, 4), channels A C G T, N as zeros; need not be one-hot where `references` are
            arrays. Sequences of letters, all of one length, are encoded. Of a model that takes
            images, (N, H, W, C).
        references
            (N, R, L, 4), each sequence's own; (R, L, 4) or (L, 4), the same for all; or a kind of
            `seqlift.references`, as an object or by name; "gc" has the GC content of all these
            sequences. A method that needs none ignores them.
        inputs
            Values of other inputs in this call; they replace those set on the explainer.

        Returns
        -------
        Result
            Of the one target; where several were asked for, a dictionary from name to result.

        Raises
        ------
        InputError
            Where the shapes do not fit the model or each other.
        """
        one_hot = letters_encoded(one_hot, self.layout)
        check_shape(one_hot, self.input_shape)
        if not self.method.needs_references:
            # kinds are of bases only
            references = np.zeros_like(one_hot[:1]) if self.layout is None else "zeros"
        check_drawn(references, self.layout)
        compared = check_references(references, one_hot, seed=self.seed)
        rows = rows_for(self.model, inputs or {}, self.extra_inputs, len(one_hot))
        with notebook_progress(len(one_hot)) as report:
            results = self.explain(one_hot, compared, rows, report)
        return results if self.several else next(iter(results.values()))

    def explain(
        self,
        sequences: NDArray[Any],
        references: NDArray[Any] | References,
        rows: ExtraRows | None = None,
        report: Callable[[int], object] | None = None,
    ) -> dict[str, Result]:
        """Score sequences in batches, several at once; map each target's name to its result.

        `sequences` (N, L, 4) and array `references`, (N, R, L, 4) or (R, L, 4), may be uint8 codes
        without their last axis. `rows` are the values of other inputs, a row for each sequence, by
        the number of the input. `report` is called with the number of sequences of each batch.
        """
        rows = rows_for(self.model, {}, self.extra_inputs, len(sequences)) if rows is None else rows
        schedule = self.schedule_for(
            self._engine_of(sequences, rows, alike=self.is_alike(None)),
            batches.number_of(references, sequences),
        )
        whole = schedule.size

        def part(start: int, size: int) -> list[Result]:
            which = slice(start, start + whole)
            some = batches.rows_of(which, sequences, references, rows)
            return [*self.explain_by(replace(schedule, size=size), *some).values()]

        concurrent = ConcurrentBatches(schedule)
        parts = []
        for found in concurrent.each(part, range(0, len(sequences), whole)):
            parts.append(found)
            if report is not None:
                report(len(found[0].prediction))
        self._schedules[schedule] = concurrent.schedule  # what fitted is where later calls begin
        results = [joined_results(found) for found in zip(*parts, strict=True)]
        return {target.name: r for target, r in zip(self.targets, results, strict=True)}

    def explain_by(
        self,
        schedule: Schedule,
        sequences: NDArray[Any],
        references: NDArray[Any] | References,
        rows: ExtraRows,
    ) -> dict[str, Result]:
        """Score sequences in batches of a schedule's size, one after another.

        Raises DeviceMemoryError where the device's memory does not hold one.
        """
        engine = self._engine_of(sequences, rows, alike=schedule.compiled)
        one = partial(self.explain_batch, engine)
        results = batches.in_batches(one, sequences, references, rows, schedule.size)
        return {target.name: r for target, r in zip(self.targets, results, strict=True)}

    def _engine_of(self, sequences: NDArray[Any], rows: ExtraRows, *, alike: bool) -> Engine:
        shape, fed = self.shape_of(sequences), frozenset(rows)
        return self.engine(shape, fed, alike=True) if alike else self._engines.padded(shape, fed)

    def shape_of(self, sequences: NDArray[Any]) -> tuple[int, ...]:
        """Tell the shape of one of the sequences, which may be codes, as the model takes it."""
        coded = sequences.ndim == len(self.input_shape)
        return (*sequences.shape[1:], CHANNELS) if coded else sequences.shape[1:]

    def is_alike(self, alike: bool | None) -> bool:
        """Tell whether sequences have one length; by default, whether the model takes one only."""
        return None not in self.input_shape if alike is None else alike

    def explain_batch(
        self,
        engine: Engine,
        batch: NDArray[Any],
        references: NDArray[Any] | References,
        rows: ExtraRows,
        size: int,
    ) -> list[Result]:
        """Score at most `size` sequences: a result per target."""
        coded = batch.ndim == len(self.input_shape)
        if isinstance(references, np.ndarray):
            return batches.with_arrays(engine, batch, references, rows, size, self._shared)
        return batches.with_kind(engine, batch, references, rows, size, self._shared, coded=coded)

    def schedule_for(self, engine: Engine, number: int, *, alike: bool | None = None) -> Schedule:
        """Divide sequences with `number` references each into batches (`batches.schedule_for`).

        `alike` is whether they have one length, by default whether the model takes one only.
        """
        asked = self.batch_size
        schedule = batches.schedule_for(engine, number, asked, alike=self.is_alike(alike))
        return self._schedules.get(schedule, schedule)

    def facts(self) -> dict[str, str]:
        """List what is explained and how, in words."""
        own = ", ".join(f"{name} {value}" for name, value in self.method.facts.items())
        shown = {
            "model": str(self.loaded.path) if self.loaded else self.model.name,
            "input": shape_text(self.input_shape),
            "targets": ", ".join(target.name for target in self.targets),
            "method": f"{self.method.name} ({own})" if own else self.method.name,
            "computed": f"in {self.precision} on {self.device}",
        }
        return {"Explainer": "call it with sequences (N, L, 4) or letters", **shown}

    def no_bases(self) -> str:
        """Explain why the input that takes the sequence does not take one-hot bases."""
        return no_bases(self.model, self.extra_inputs, self.loaded)


Explainer.__signature__ = signature_with(  # type: ignore[attr-defined]
    ExplainerSettings,
    *list(signature(Explainer).parameters.values())[:-1],
)
