"""The rule of every node: a preset's, or another one for single layers.

Knows graphs; knows nothing of how a rule works.
"""

from collections.abc import Iterable, Mapping

from seqlift.attribution.propagation.passes import asked, rules_by
from seqlift.attribution.propagation.rule import Preset, Rule
from seqlift.errors import ModelError
from seqlift.network.graph import Graph


def rules_of(
    graph: Graph, preset: Preset, overrides: Mapping[str, Rule] | None = None
) -> dict[int, Rule]:
    """Choose the rule of each node that depends on the sequence.

    `overrides` names layers, with a rule for all calls of each. Raises ModelError for a layer that
    is not in the model or whose multipliers no rule changes.
    """
    rules = rules_by(preset, graph)
    for layer, rule in (overrides or {}).items():
        special = dict.fromkeys(rules, rule)
        # A rule of a linear node would be taken without a word, and change nothing.
        changed = [i for i in rules if asked(graph, rules, i) or asked(graph, special, i)]
        nodes = [i for c in graph.calls if c.layer == layer for i in c.nodes if i in changed]
        if not nodes:
            known = dict.fromkeys(c.layer for c in graph.calls for i in c.nodes if i in changed)
            raise ModelError(
                f"layer {layer}: not in the model, or linear, so that all rules agree; layers with"
                f" a rule are {', '.join(known) or 'none'}"
            )
        rules.update(dict.fromkeys(nodes, rule))
    return rules


def check_defined(graph: Graph, rules: Mapping[int, Rule], needed: Iterable[int]) -> None:
    """Raise ModelError for the layers, of those `needed`, that their rule is not defined for."""
    explained = set(needed) & set(rules)
    problems: dict[str, None] = {}
    for call in graph.calls:
        for i in call.nodes:
            reason = rules[i].refuses(graph.nodes[i].primitive) if i in explained else None
            if reason:
                problems[f"layer {call.layer}: {reason}"] = None
    if problems:
        raise ModelError(*problems)
