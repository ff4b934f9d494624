"""By which method and rule the scores of a file were made, as its attributes say."""

from collections.abc import Mapping
from typing import Any


def made_by(facts: Mapping[str, Any], unnamed: str = "an unnamed method") -> tuple[str, str]:
    """Name the method of a file, and its rule; "" where the method has none of its own."""
    method, rule = str(facts.get("method", unnamed)), str(facts.get("rule", ""))
    return method, "" if rule in ("none", method) else rule
