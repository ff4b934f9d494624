"""Which score files have contributions of one unit, so that their tracks can share a scale.

Contributions have the unit of what they explain: logits, logarithms of counts. A unit is that of a
head, the target without its task, position or unit.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

KERAS_NUMBER = re.compile(r"_\d+$")
"""What Keras puts behind names that it makes up, in each model another number."""


def scale_groups(files: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the head of each score file by its attributes; those of one name can be compared.

    Between models, ``dense_1`` and ``dense_4`` are one head, unless one model has both.
    """
    heads = [head_name(facts) for facts in files]
    plain = [KERAS_NUMBER.sub("", head) for head in heads]
    models = [str(facts.get("model_sha256", "")) for facts in files]
    whole = {*zip(models, heads, strict=True)}
    return plain if len({*zip(models, plain, strict=True)}) == len(whole) else heads


def head_name(facts: Mapping[str, Any]) -> str:
    return str(facts.get("target", "")).partition(":")[0]
