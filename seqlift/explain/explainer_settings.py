"""The options of an explainer: of the command line and in Python, each declared once.

A field is a keyword of `seqlift.Explainer` and, by the same name, an option of `seqlift score`; its
default is the default of both. Importing this costs nothing.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from seqlift.device.precision import Precision

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Values by name, as a mapping or as pairs."""


FLAGS = {
    "method_options": "--method-option",
    "inputs": "--input",
    "recipes": "--recipe",
    "pre_activation": "--post-activation",
}
"""Options that are called otherwise on the command line: one at a time, or the opposite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainerSettings:
    """How a model is explained.

    Parameters
    ----------
    method
        How scores are made: ``deeplift`` or another of `seqlift.attribution.methods`.
    method_options
        Options of the method, by name.
    rule
        The rule of DeepLIFT: ``genomics`` is ``revealcancel`` for activations of dense layers and
        ``rescale`` for all others; ``rescale`` or ``revealcancel`` for all (Shrikumar et al. 2017,
        sections 3.5.1, 3.5.3). Rules of `seqlift.attribution.rules` other than these do not sum to
        the difference.
    rule_for
        Rules of single layers, by layer name.
    max_rule
        ``complete`` splits a maximum's difference over the two winners; ``winner`` gives it to the
        winner on the sequence, as the original DeepLIFT does.
    steps
        Points on the line that integrated gradients are taken at, by default 50.
    mean_normalise
        Weigh bases against their mean: see `seqlift.network.normalise`.
    inputs
        Values of inputs other than the sequence, by name or number: a number, an array,
        ``sequence`` or ``reverse-complement``. See `seqlift.explain.extra_inputs`.
    pre_activation
        Explain what goes into a final sigmoid or softmax (default) rather than what comes out.
    precision
        ``float32`` or ``float64``, of the whole computation; ``tf32`` or ``bfloat16``, float32 but
        for the factors of products: see `seqlift.device.products`.
    batch_size
        Sequences of a batch; by default chosen from the size of the model.
    seed
        Seed of references that are drawn by name.
    arch, recipes, custom_objects
        What a model file does not say itself: see `seqlift.models.load.load`.
    device
        ``auto``, ``cpu``, ``gpu`` or ``gpu:INDEX``.
    """

    arch: str | None = None
    method: str = "deeplift"
    method_options: Pairs = ()
    rule: str = "genomics"
    rule_for: Pairs = ()
    max_rule: str = "complete"
    steps: int | None = None
    mean_normalise: bool = False
    inputs: Pairs = ()
    recipes: Pairs = ()
    custom_objects: str | None = None
    pre_activation: bool = True
    seed: int = 0
    batch_size: int | None = None
    precision: Precision = "float32"
    device: str = "auto"


def flag_of(option: Field[Any]) -> str:
    """Name the flag of a field on the command line."""
    return FLAGS.get(option.name, f"--{option.name.replace('_', '-')}")


def default_of(settings: type, name: str) -> Any:
    """Look up the default of a field; MISSING where there is no such field, or it has none."""
    return next((one.default for one in fields(settings) if one.name == name), MISSING)


def signature_with(settings: type, *first: inspect.Parameter) -> inspect.Signature:
    """Make the signature of a function whose keywords are the fields of `settings`."""
    keywords = [
        inspect.Parameter(
            one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type
        )
        for one in fields(settings)
    ]
    return inspect.Signature([*first, *keywords])
