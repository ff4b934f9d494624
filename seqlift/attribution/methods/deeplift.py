"""DeepLIFT: difference from reference, propagated by a rule; contributions sum to the difference.

Shrikumar, Greenside and Kundaje 2017 (arXiv:1704.02685).
"""

from collections.abc import Mapping
from typing import Any

from seqlift.attribution.method import Backward
from seqlift.attribution.registry import DEFAULT_METHOD, DEFAULT_RULE, preset_named, rule_named


def method(
    *,
    rule: str = DEFAULT_RULE,
    rule_for: Mapping[str, str] | None = None,
    max_rule: str = "complete",
) -> Backward:
    """Make DeepLIFT by a rule, with other rules for single layers by name.

    `max_rule` is ``complete`` to split the difference of a maximum between its two winners, or
    ``winner`` to give it to the first winner on the sequence, as the original does.
    """
    special = {layer: rule_named(name) for layer, name in (rule_for or {}).items()}
    preset = preset_named(rule)
    used: list[Any] = [one for one in (preset, *special.values()) if hasattr(one, "rows")]
    complete = all(one.sums_to == "difference" for one in used) and max_rule == "complete"
    return Backward(
        DEFAULT_METHOD,
        preset,
        special,
        max_rule,
        sums_to="difference" if complete else "nothing",
        linear_in_target=all(one.linear_in_target for one in used),
        facts={"rule": rule},
    )
