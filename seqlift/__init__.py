"""Which bases made the model say that? Batched DeepLIFT for Keras models of DNA sequence.

    explain = seqlift.Explainer("model.h5", target="counts")
    result = explain(one_hot, "dinucleotide")

`Explainer` imports TensorFlow, which takes seconds; nothing does before it is asked for.
"""

from typing import TYPE_CHECKING, Any

from seqlift.errors import (
    DeviceError,
    InputError,
    ModelError,
    NumericError,
    OutputError,
    SeqliftError,
)

if TYPE_CHECKING:
    from seqlift.attribution.registry import register
    from seqlift.attribution.result import Result
    from seqlift.design.designer import Designer
    from seqlift.evaluate.comparison import measure_methods as measure
    from seqlift.explain.explainer import Explainer
    from seqlift.inputs import references
    from seqlift.inputs.onehot import sequence_one_hot as one_hot
    from seqlift.plots.logos import logo
    from seqlift.plots.picture import plot
    from seqlift.tracks.reading import read_scores as read

__version__ = "0.1.0"

__all__ = [
    "Designer",
    "DeviceError",
    "Explainer",
    "InputError",
    "ModelError",
    "NumericError",
    "OutputError",
    "Result",
    "SeqliftError",
    "logo",
    "measure",
    "one_hot",
    "plot",
    "read",
    "references",
    "register",
]

_ELSEWHERE = {
    "Designer": ("seqlift.design.designer", "Designer"),
    "Explainer": ("seqlift.explain.explainer", "Explainer"),
    "Result": ("seqlift.attribution.result", "Result"),
    "logo": ("seqlift.plots.logos", "logo"),
    "measure": ("seqlift.evaluate.comparison", "measure_methods"),
    "plot": ("seqlift.plots.picture", "plot"),
    "one_hot": ("seqlift.inputs.onehot", "sequence_one_hot"),
    "read": ("seqlift.tracks.reading", "read_scores"),
    "references": ("seqlift.inputs.references", None),
    "register": ("seqlift.attribution.registry", "register"),
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for (PEP 562)."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module 'seqlift' has no attribute {name!r}")
    from importlib import import_module

    from seqlift.models.keras_environment import choose_backend
    from seqlift.system.quiet import quiet_loading

    choose_backend()
    module, attribute = _ELSEWHERE[name]
    with quiet_loading():
        found = import_module(module)
    return found if attribute is None else getattr(found, attribute)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, "__version__"])
