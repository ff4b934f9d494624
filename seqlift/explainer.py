"""Scores for arrays of sequences: the way in for notebooks, and what the command line runs.

Knows models, targets, rules and references; knows nothing of genomes, regions or score files.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqlift.arguments import check_choice, requests_of, with_outputs
from seqlift.attribution import choices
from seqlift.attribution.backend import use_device
from seqlift.attribution.choices import MaxRule, Precision, Preset, Rule
from seqlift.attribution.engine import Engine, Result, SharedReferences
from seqlift.attribution.graph import Graph
from seqlift.attribution.heads import Head, ProfileHead, WeightedHead, unit_weights
from seqlift.attribution.lowering.check import check_forward
from seqlift.attribution.lowering.walk import lower
from seqlift.attribution.primitives.elementwise import SIGMOID
from seqlift.attribution.primitives.softmax import Softmax
from seqlift.batches import automatic_size, batches, joined, number_of, run
from seqlift.errors import InputError
from seqlift.inputs import references as reference_kinds
from seqlift.inputs.onehot import codes_of
from seqlift.inputs.references import References
from seqlift.inputs.references import SharedReferences as SharedKind
from seqlift.model import target as targets
from seqlift.model.load import LoadedModel, load

CHANNELS = 4
MOST_ENGINES = 8  # each holds compiled code: some megabytes


class Explainer:
    """DeepLIFT scores of a model's targets, for arrays of sequences.

    The model's weights are taken as they are when the explainer is made.

    Parameters
    ----------
    model
        A Keras model, or the path of a model file.
    target
        What to explain: a name, several names, or None for the only output. See
        `seqlift.model.target`.
    rule
        ``genomics``: ``revealcancel`` for activations of dense layers, ``rescale`` for all others;
        ``rescale`` or ``revealcancel`` for all (Shrikumar et al. 2017, sections 3.5.1, 3.5.3); or
        ``gradient``, which multiplies by derivatives at the sequence and so does not complete.
    rule_for
        Rules of single layers, by layer name.
    max_rule
        ``complete`` splits a maximum's difference over the two winners; ``winner`` gives it to the
        winner on the sequence, as the original DeepLIFT does.
    pre_activation
        Explain what goes into a final sigmoid or softmax (default) rather than what comes out.
    precision
        ``float32`` or ``float64``, of the whole computation.
    batch_size
        Sequences computed at once; by default chosen from the size of the model.
    seed
        Seed of references that are drawn by name.
    arch
        Path of the architecture (JSON), for a `model` file that holds weights only.
    device
        ``auto``, ``cpu``, ``gpu`` or ``gpu:INDEX``.
    """

    def __init__(
        self,
        model: Any,
        target: str | Sequence[str] | None = None,
        *,
        rule: Preset = "genomics",
        rule_for: Mapping[str, Rule] | None = None,
        max_rule: MaxRule = "complete",
        pre_activation: bool = True,
        precision: Precision = "float32",
        batch_size: int | None = None,
        seed: int = 0,
        arch: str | Path | None = None,
        device: str = "auto",
    ) -> None:
        """Load the model, find its targets and, where its length is fixed, lower and check it.

        Raises ModelError for a model, layer or target that cannot be explained, InputError for an
        option that does not exist, DeviceError for a GPU that is not there.
        """
        check_choice("rule", rule, choices.PRESETS)
        for layer, special in (rule_for or {}).items():
            check_choice(f"rule for {layer}", special, choices.RULES)
        check_choice("max_rule", max_rule, choices.MAX_RULES)
        check_choice("precision", precision, choices.PRECISIONS)
        if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", device):
            raise InputError(f"device {device!r}: give one of auto, cpu, gpu, gpu:INDEX")
        if batch_size is not None and batch_size < 1:
            raise InputError(f"batch_size {batch_size}: fewer than one sequence; give 1 or more")
        self.device = use_device(device, precision=precision)
        self.loaded: LoadedModel | None = None
        if isinstance(model, (str, Path)):
            self.loaded = load(Path(model), arch=None if arch is None else Path(arch))
            model = self.loaded.model
        self.model = with_outputs(model)
        self.several = target is not None and not isinstance(target, str)
        requests = requests_of(target)
        self.targets = targets.parse(requests, model)
        self.rule, self.rule_for, self.max_rule = rule, dict(rule_for or {}), max_rule
        self.pre_activation = pre_activation
        self.precision, self.batch_size, self.seed = precision, batch_size, seed
        self.input_shape = tuple(model.inputs[0].shape[1:])
        self._engines: dict[tuple[int, ...], Engine] = {}
        self._shared: tuple[Any, SharedReferences] | None = None
        if None not in self.input_shape:
            self.engine(self.input_shape)

    def engine(self, input_shape: tuple[int, ...]) -> Engine:
        """Return the engine for inputs of `input_shape`, lowering and checking the model for it.

        Of a model of any length, the engines of the lengths last asked for are remembered.
        """
        engine = self._engines.pop(input_shape, None)
        if engine is None:
            graph = lower(self.model, input_shape)
            check_forward(graph, self.model)
            heads = [self.head(target, graph) for target in self.targets]
            engine = Engine(
                graph,
                heads,
                rule=self.rule,
                rule_for=self.rule_for,
                max_rule=self.max_rule,
                dtype=self.precision,
            )
        self._engines[input_shape] = engine  # the latest is last
        if len(self._engines) > MOST_ENGINES:
            del self._engines[next(iter(self._engines))]
        return engine

    def head(self, target: targets.Target, graph: Graph) -> Head:
        """Return the scalar of `graph` that `target` names."""
        node, was_softmax = graph.outputs[target.output], False
        if self.pre_activation:
            node, was_softmax = before_activation(graph, node)
        if target.kind in ("profile", "profile-complete"):
            return ProfileHead(node, complete=target.kind == "profile-complete")
        shape = graph.nodes[node].shape
        return WeightedHead(node, unit_weights(shape, target.index, centred=was_softmax))

    def __call__(
        self, one_hot: NDArray[Any], references: NDArray[Any] | References | str = "dinucleotide"
    ) -> Result | dict[str, Result]:
        """Return the scores of sequences against references.

        Parameters
        ----------
        one_hot
            (N, L, 4), channels A C G T, N as zeros; need not be one-hot where `references` are
            arrays.
        references
            (N, R, L, 4), each sequence's own; (R, L, 4) or (L, 4), the same for all; or a kind of
            `seqlift.references`, as an object or by name.

        Returns
        -------
        Result
            Of the one target; where several were asked for, a dictionary from name to result.

        Raises
        ------
        InputError
            Where the shapes do not fit the model or each other.
        """
        one_hot = np.asarray(one_hot)
        self.check_shape(one_hot)
        if not np.isfinite(one_hot).all():
            raise InputError("sequences: some values are not finite; give finite ones")
        results = self.explain(one_hot, self.check_references(references, one_hot))
        return results if self.several else next(iter(results.values()))

    def explain(
        self, sequences: NDArray[Any], references: NDArray[Any] | References
    ) -> dict[str, Result]:
        """Return a result per target, by the target's name.

        `sequences` (N, L, 4) and array `references`, (N, R, L, 4) or (R, L, 4), may be uint8 codes
        without their last axis.
        """
        coded = sequences.ndim == len(self.input_shape)
        engine = self.engine((*sequences.shape[1:], CHANNELS) if coded else sequences.shape[1:])
        size = self.batch_size_for(engine, number_of(references, sequences))
        results = [
            self.explain_batch(engine, batch, own, size)
            for batch, own in batches(sequences, references, size)
        ]
        return {
            target.name: joined([batch[k] for batch in results])
            for k, target in enumerate(self.targets)
        }

    def explain_batch(
        self,
        engine: Engine,
        batch: NDArray[Any],
        references: NDArray[Any] | References,
        size: int,
    ) -> list[Result]:
        """Return a result per target for at most `size` sequences.

        References that all sequences share pass the model once per run. Only a sequence with an N
        needs its own, as its references have that N too.
        """
        if isinstance(references, np.ndarray):
            if references.ndim > batch.ndim:
                return run(engine, batch, references, size)
            return run(engine, batch, self.share(engine, references), size)
        codes = batch if batch.ndim == len(self.input_shape) else codes_of(batch)
        if not references.shared:
            return run(engine, batch, references.draw(codes), size)
        known = (codes < CHANNELS).all(axis=1)
        parts = []
        if known.any():
            common = cast(SharedKind, references).common(codes.shape[1])
            parts.append(run(engine, batch[known], self.share(engine, common), size))
        if not known.all():
            parts.append(run(engine, batch[~known], references.draw(codes[~known]), size))
        order = np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)]))
        return [joined([part[k] for part in parts]).rows(order) for k in range(len(self.targets))]

    def share(self, engine: Engine, references: NDArray[Any]) -> SharedReferences:
        """Return `references` passed through the model; the last ones are remembered."""
        key = (id(engine), references.shape, references.tobytes())
        if self._shared is None or self._shared[0] != key:
            self._shared = (key, engine.share(references))
        return self._shared[1]

    def batch_size_for(self, engine: Engine, number: int) -> int:
        """Return how many sequences, with `number` references each, are computed at once.

        Where it was not given it depends on the model and the number of references only. A model of
        any length takes one sequence at a time, as the next may have another length.
        """
        if self.batch_size is not None:
            return self.batch_size
        return 1 if None in self.input_shape else automatic_size(engine, number)

    def check_shape(self, one_hot: NDArray[Any]) -> None:
        """Raise InputError where `one_hot` is not a batch of inputs of the model."""
        wanted = self.input_shape
        fits = one_hot.ndim == len(wanted) + 1 and all(
            extent in (None, given) for extent, given in zip(wanted, one_hot.shape[1:], strict=True)
        )
        if fits and not len(one_hot):
            raise InputError("sequences: there are none; give one or more")
        if not fits:
            raise InputError(
                f"sequences have shape {one_hot.shape}; the model takes (N, "
                f"{', '.join('any' if extent is None else str(extent) for extent in wanted)})"
            )

    def check_references(
        self, references: NDArray[Any] | References | str, one_hot: NDArray[Any]
    ) -> NDArray[Any] | References:
        """Return references as an object, (N, R, *input shape) or (R, *input shape)."""
        if isinstance(references, str):
            return reference_kinds.parse(references, seed=self.seed)
        if hasattr(references, "draw"):
            return cast(References, references)
        array, shape = np.asarray(references), one_hot.shape
        if np.issubdtype(array.dtype, np.number) and not np.isfinite(array).all():
            raise InputError("references: some values are not finite; give finite ones")
        if array.shape == shape[1:]:
            return array[None]
        if array.size and array.ndim == one_hot.ndim and array.shape[1:] == shape[1:]:
            return array
        if array.size and (*array.shape[:1], *array.shape[2:]) == shape:
            return array
        raise InputError(
            f"references have shape {array.shape}, which does not fit sequences of shape {shape};"
            " give (N, R, L, 4), (R, L, 4) or (L, 4)"
        )


def before_activation(graph: Graph, node: int) -> tuple[int, bool]:
    """Return the node before a final sigmoid or softmax, and whether it was a softmax."""
    primitive = graph.nodes[node].primitive
    if primitive is SIGMOID:
        return graph.nodes[node].inputs[0], False
    if isinstance(primitive, Softmax):
        return graph.nodes[node].inputs[0], True
    return node, False
