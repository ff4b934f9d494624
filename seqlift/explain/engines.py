"""The engines of an explainer: one for each shape of the input, made when it is first needed.

Knows models, targets and methods; knows nothing of sequences or of batches.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from seqlift.attribution.engine import Engine
from seqlift.attribution.method import Method
from seqlift.attribution.registry import chosen_method
from seqlift.device.backend import weights_store
from seqlift.device.precision import ROUNDED
from seqlift.errors import ModelError
from seqlift.explain import batches
from seqlift.explain.explainer_settings import NAMED_OPTIONS, ExplainerSettings
from seqlift.explain.extra_inputs import ExtraInputs
from seqlift.explain.padded import can_pad, check_padding, padded_length
from seqlift.explain.target import Target
from seqlift.explain.target_heads import heads_of, unvarying
from seqlift.lowering.check import check_forward
from seqlift.lowering.input_layout import Layout
from seqlift.lowering.walk import lower
from seqlift.models.keras_settings import default_settings
from seqlift.network.graph import Graph
from seqlift.network.mean_base import mean_normalised
from seqlift.network.padding import with_padding
from seqlift.network.reach import TRACK_RANK

log = logging.getLogger(__name__)

MOST_ENGINES, MOST_PADDED = 8, 32  # each holds compiled code: some megabytes
ENGINE_LOCK = Lock()  # held while an engine is made

Key = tuple[tuple[int, ...], frozenset[int], bool]


class Engines:
    """Makes engines for a model and its targets, and remembers the latest.

    Attributes
    ----------
    blind
        Names of targets that do not depend on the sequence, as the latest engine found them.
    """

    def __init__(
        self,
        *,
        model: Any,
        of_a_file: bool,
        targets: Sequence[Target],
        method: Method,
        extra_inputs: ExtraInputs,
        layout: Layout | None,
        settings: ExplainerSettings,
    ) -> None:
        self.model, self.of_a_file, self.targets = model, of_a_file, targets
        self.method, self.extra_inputs, self.layout = method, extra_inputs, layout
        self.settings = settings
        self.blind: frozenset[str] = frozenset()
        self._engines: dict[Any, Engine] = {}
        # one for all: engines of other lengths have the same weights
        self._stored = weights_store()
        self._pads, self._has_padded, self._shortest = can_pad(method), False, 1

    def of(self, input_shape: tuple[int, ...], rows: frozenset[int], *, alike: bool) -> Engine:
        """Find or make the engine for an input shape and the inputs that are fed row by row.

        `alike` is whether sequences have one length, for which compiling pays.
        """
        key = input_shape, rows, alike
        return self._remembered(key, lambda: self._made(*key))

    def padded(self, input_shape: tuple[int, ...], rows: frozenset[int]) -> Engine:
        """Find or make the engine for sequences of one of many lengths.

        Where that is exact it is one for longer sequences, too: see `seqlift.explain.padded`.
        """
        if self._pads and not rows and len(input_shape) == TRACK_RANK:
            length, channels = input_shape
            key = "padded", padded_length(length), channels
            try:
                engine = self._remembered(key, lambda: self._padded(input_shape))
                if length >= self._shortest:
                    return engine
            except ModelError as error:  # one of the model itself is raised again below
                log.info("each length has an engine of its own: %s", error)
                self._pads = False
        return self.of(input_shape, rows, alike=False)

    def _remembered(self, key: Any, make: Callable[[], Engine]) -> Engine:
        with ENGINE_LOCK:  # two threads would lower and check the model for one shape twice
            engine = self._engines.pop(key, None)
            if engine is None:
                engine = make()
            self._engines[key] = engine  # the latest is last
            most = MOST_PADDED if self._has_padded else MOST_ENGINES
            while len(self._engines) > most:
                del self._engines[next(iter(self._engines))]
            return engine

    def _padded(self, input_shape: tuple[int, ...]) -> Engine:
        """Make the engine for a length and shorter ones.

        Raises ModelError where padding is not known to change nothing.
        """
        length, channels = input_shape
        none = frozenset[int]()
        found = with_padding(self._checked_graph((padded_length(length), channels), none))
        self._shortest = found.shortest
        if not self._has_padded:  # the same nodes are rewritten for every length
            computed = max(length, found.shortest), channels
            check_padding(found.graph, self._checked_graph(computed, none))
        engine = self._engine(found.graph, alike=False, exact=found.exact)
        self._has_padded = True
        return engine

    def _made(self, input_shape: tuple[int, ...], rows: frozenset[int], alike: bool) -> Engine:
        return self._engine(self._checked_graph(input_shape, rows), alike=alike)

    def _engine(self, graph: Graph, *, alike: bool, exact: frozenset[int] | None = None) -> Engine:
        precision = self.settings.precision
        heads = heads_of(
            self.targets,
            graph,
            pre_activation=self.settings.pre_activation,
            centred=self.method.linear_in_target,
        )
        if exact is not None and not exact.issuperset(head.node for head in heads):
            raise ModelError(
                "a target depends on how the sequence is padded; score regions of one length to"
                " have one engine"
            )
        self.blind = unvarying(self.targets, heads, graph)
        engine = Engine(
            graph,
            heads,
            self.method,
            dtype="float64" if precision == "float64" else "float32",
            products=precision if precision in ROUNDED else None,
            fused=alike and precision != "float64",  # XLA is slow at it
            stored=self._stored,
        )
        batches.check_weights(engine)
        return engine

    def _checked_graph(self, input_shape: tuple[int, ...], rows: frozenset[int]) -> Graph:
        lower_kwargs: dict[str, Any] = self.extra_inputs.without(rows) | {"layout": self.layout}
        # a notebook's floatx and epsilon change no score
        with default_settings(of_a_file=self.of_a_file):
            graph = lower(self.model, input_shape, **lower_kwargs)
            graph = as_weighed(graph, self.settings)
            check_forward(graph, self.model, stored=self._stored, **lower_kwargs)
        return graph


def as_weighed(graph: Graph, settings: ExplainerSettings) -> Graph:
    """Weigh bases against their mean, where it is asked for."""
    return mean_normalised(graph) if settings.mean_normalise else graph


def method_asked(settings: ExplainerSettings) -> Method:
    """Make the method that settings ask for.

    Raises InputError for a name, an option or a value that does not fit.
    """
    return chosen_method(
        settings.method,
        dict(settings.method_options),
        rule_for=dict(settings.rule_for),
        **{name: getattr(settings, name) for name in NAMED_OPTIONS},
    )
