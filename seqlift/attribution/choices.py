"""The names a user chooses rules by; importing them costs nothing."""

from typing import Literal, get_args

Rule = Literal[
    "rescale",
    "revealcancel",
    "gradient",
    "guided-backprop",
    "guided-backprop-rescale",
    "deconvnet",
]
Preset = Literal[
    "genomics",
    "rescale",
    "revealcancel",
    "gradient",
    "integrated-gradients",
    "guided-backprop",
    "guided-backprop-rescale",
    "deconvnet",
]
MaxRule = Literal["complete", "winner"]

RULES: tuple[Rule, ...] = get_args(Rule)
PRESETS: tuple[Preset, ...] = get_args(Preset)
MAX_RULES: tuple[MaxRule, ...] = get_args(MaxRule)

COMPLETE_RULES: tuple[Preset, ...] = ("genomics", "rescale", "revealcancel")
"""The rules whose contributions sum to the difference from reference."""

LOCAL_RULES: tuple[Rule, ...] = ("gradient", "guided-backprop", "deconvnet")
"""The rules that look at the sequence alone, and not at its reference."""

GATED_RULES: tuple[Preset, ...] = ("guided-backprop", "guided-backprop-rescale", "deconvnet")
"""The rules whose scores of a sum of targets are not the sum of their scores."""
