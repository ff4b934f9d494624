"""The engines of an explainer: one for each shape of the input, made when it is first needed.

Knows models, targets and methods; knows nothing of sequences or of batches.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from seqlift.attribution.engine import Engine
from seqlift.attribution.method import Method
from seqlift.attribution.registry import chosen_method
from seqlift.device.backend import weights_store
from seqlift.device.precision import ROUNDED
from seqlift.explain import batches
from seqlift.explain.explainer_settings import NAMED_OPTIONS, ExplainerSettings
from seqlift.explain.extra_inputs import ExtraInputs
from seqlift.explain.target import Target
from seqlift.explain.target_heads import heads_of, unvarying
from seqlift.lowering.check import check_forward
from seqlift.lowering.input_layout import Layout
from seqlift.lowering.walk import lower
from seqlift.models.keras_settings import default_settings
from seqlift.network.graph import Graph
from seqlift.network.mean_base import mean_normalised

MOST_ENGINES = 8  # each holds compiled code: some megabytes
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
        self._engines: dict[Key, Engine] = {}
        # one for all: engines of other lengths have the same weights
        self._stored = weights_store()

    def of(self, input_shape: tuple[int, ...], rows: frozenset[int], *, alike: bool) -> Engine:
        """Find or make the engine for an input shape and the inputs that are fed row by row.

        `alike` is whether sequences have one length, for which compiling pays.
        """
        key = input_shape, rows, alike
        with ENGINE_LOCK:  # two threads would lower and check the model for one shape twice
            engine = self._engines.pop(key, None)
            if engine is None:
                engine = self._made(*key)
            self._engines[key] = engine  # the latest is last
            if len(self._engines) > MOST_ENGINES:
                del self._engines[next(iter(self._engines))]
            return engine

    def _made(self, input_shape: tuple[int, ...], rows: frozenset[int], alike: bool) -> Engine:
        graph, precision = self._checked_graph(input_shape, rows), self.settings.precision
        heads = heads_of(
            self.targets,
            graph,
            pre_activation=self.settings.pre_activation,
            centred=self.method.linear_in_target,
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
