"""The names a user chooses rules and precisions by; importing them costs nothing."""

from typing import Literal, get_args

Rule = Literal["rescale", "gradient"]
MaxRule = Literal["complete", "winner"]
Precision = Literal["float32", "float64"]

RULES: tuple[Rule, ...] = get_args(Rule)
MAX_RULES: tuple[MaxRule, ...] = get_args(MaxRule)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

COMPLETE_RULES: tuple[Rule, ...] = ("rescale",)
"""The rules whose contributions sum to the difference from reference."""
