"""The options of an explainer: of the command line and in Python, each declared once.

A field is a keyword of `seqlift.Explainer` and, by the same name, an option of `seqlift score`; its
default is the default of both, and its type and help make the option. Importing this costs nothing.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal

from seqlift.attribution.registry import (
    DEEPLIFT_RULES,
    DEFAULT_METHOD,
    DEFAULT_RULE,
    STEPS,
    single_rules,
)
from seqlift.device.precision import Precision

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Values by name, as a mapping or as pairs."""


def option(default: Any, about: str, **shown: Any) -> Any:
    """Declare an option: its default, its help, and how the command line shows it.

    `shown` may have the `group` of the help it stands in; `flag`, where it is not the field's name;
    `short`; `metavar`; `least` and `most`, the bounds of a number; `once`, where each name may have
    one value only; `not_in`, the commands that do without it. `fact` is False for an option that
    does not change a score file, or the fact by which `seqlift.pipeline.facts` records it; any
    other option is a fact of a run by its own name.
    """
    return field(default=default, metadata={"help": about, **shown})


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
    layer, positions
        Options of methods by names of their own: the layer that ``cam`` and its relatives map, by
        default the last convolution, and the bases ``START-END`` that ``ism`` substitutes.
    mean_normalise
        Weigh bases against their mean: see `seqlift.network.mean_base`.
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

    arch: str | None = option(
        None,
        "Architecture, where MODEL holds weights only.",
        metavar="JSON",
        fact="arch_sha256",
        group="Model",
    )
    recipes: Pairs = option(
        (),
        "What a Lambda layer computes, as an expression of its input x; LAYER may be a pattern such"
        " as 'lambda_*', for all layers it fits that cannot be read. A wrong one gives wrong"
        " scores: nothing can check it. Repeatable.",
        flag="--recipe",
        metavar="LAYER=EXPRESSION",
        once=True,
        fact="recipe",
        group="Model",
    )
    custom_objects: str | None = option(
        None,
        "Python file with the classes of the model's own layers, or rules and methods that it"
        " registers; it is run.",
        metavar="FILE.py",
        fact="custom_objects_sha256",
        group="Model",
    )
    inputs: Pairs = option(
        (),
        "Value of a model input other than the sequence: zeros, a number, or a .npy file of its"
        " shape or with a row for each region; sequence or reverse-complement if it takes the"
        " sequence. Repeatable.",
        flag="--input",
        metavar="NAME=VALUE",
        fact="input NAME",
        group="Model",
    )
    method: str = option(
        DEFAULT_METHOD,
        "Attribution method, listed below. Not all sum to the difference from reference: the"
        " attribute sums_to of a score file names what its scores sum to.",
        metavar="METHOD",
        fact="method",
        not_in=("design", "evaluate"),
        group="Method",
    )
    method_options: Pairs = option(
        (),
        "Option of the method, listed below; repeatable.",
        flag="--method-option",
        metavar="NAME=VALUE",
        once=True,
        fact="NAME of the method",
        not_in=("design", "evaluate"),
        group="Method",
    )
    rule: str = option(
        DEFAULT_RULE,
        f"Rule of DeepLIFT: {', '.join(DEEPLIFT_RULES)}; genomics is RevealCancel after dense"
        " layers and Rescale elsewhere.",
        metavar="RULE",
        fact="rule",
        not_in=("design", "evaluate"),
        group="Method",
    )
    rule_for: Pairs = option(
        (),
        f"Another rule for one layer: {', '.join(single_rules())}; repeatable.",
        metavar="LAYER=RULE",
        fact="rule_for",
        not_in=("design", "evaluate"),
        group="Method",
    )
    max_rule: Literal["complete", "winner"] = option(
        "complete",
        "How max pooling is explained; winner is the original DeepLIFT's, which does not sum to the"
        " difference.",
        fact="max_rule",
        not_in=("design", "evaluate"),
        group="Method",
    )
    steps: int | None = option(
        None,
        "Points between reference and sequence that integrated-gradients takes gradients at."
        f"  [default: {STEPS}]",
        metavar="N",
        least=1,
        fact="steps",
        not_in=("design", "evaluate", "inspect"),
        group="Method",
    )
    layer: str | None = option(
        None,
        "Layer whose activations cam, grad-cam and grad-cam++ map."
        "  [default: the last convolution]",
        metavar="NAME",
        fact="NAME of the method",
        not_in=("design", "evaluate", "inspect"),
        group="Method",
    )
    positions: str | None = option(
        None,
        "Bases of the window that ism substitutes, from 0; the others have the score 0."
        "  [default: all]",
        metavar="START-END",
        fact="NAME of the method",
        not_in=("design", "evaluate", "inspect"),
        group="Method",
    )
    mean_normalise: bool = option(
        False,
        "Take the mean over A C G T from the weights of the layers that read the sequence, and add"
        " it to their bias; N then counts as the mean base.",
        not_in=("design",),
        group="Method",
    )
    pre_activation: bool = option(
        True,
        "Explain the logit before a final sigmoid or softmax, or the probability after it.",
        flag="--pre-activation/--post-activation",
        not_in=("inspect",),
        group="Target",
    )
    seed: int = option(
        0,
        "Seed of the shuffles.",
        metavar="SEED",
        least=0,
        most=2**64 - 1,
        not_in=("inspect",),
        group="References",
    )
    batch_size: int | None = option(
        None,
        "Sequences of a batch; auto chooses from the model's size.",
        short="-b",
        metavar="N|auto",
        fact="batch_size",
        not_in=("design", "inspect"),
        group="Computation",
    )
    precision: Precision = option(
        "float32",
        "Type the contributions are computed in; tf32 and bfloat16 round the factors of products.",
        not_in=("inspect",),
        group="Computation",
    )
    device: str = option(
        "auto",
        "auto, cpu, gpu or gpu:INDEX.",
        fact="device",
        not_in=("inspect",),
        group="Computation",
    )


NAMED_OPTIONS = ("rule", "max_rule", "steps", "layer", "positions")
"""Options of methods that are fields of the settings."""


def flag_of(declared: Field[Any]) -> str:
    """Name the flag of a field on the command line, the last where it has several."""
    flag = str(declared.metadata.get("flag", f"--{declared.name.replace('_', '-')}"))
    return flag.rpartition("/")[2]


def signature_with(settings: type, *first: inspect.Parameter) -> inspect.Signature:
    """Make the signature of a function whose keywords are the fields of `settings`."""
    keywords = [
        inspect.Parameter(
            one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type
        )
        for one in fields(settings)
    ]
    return inspect.Signature([*first, *keywords])
