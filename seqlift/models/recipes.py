"""Find the expressions from which Lambdas and nodes of tf.keras are rebuilt.

They are read from a layer's record, or written by the user. Builds nothing, and runs nothing that a
file holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqlift.errors import ModelError
from seqlift.models.expressions import language, nodes, tree
from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.lambda_code import lambdas
from seqlift.models.plans.plan import Call, LayerPlan, NetworkPlan, TensorRef, refs
from seqlift.models.refused import is_pattern, matches
from seqlift.models.safety import is_refused

RECIPE_CLASSES = nodes.NODE_CLASSES | {"Lambda"}
"""Classes whose layers are read as expressions."""

SEQUENTIAL = (Call((TensorRef("", 0, 0),)),)
"""The call of a layer of a Sequential model, whose file lists no calls."""


def resolved(network: NetworkPlan, recipes: Mapping[str, str]) -> NetworkPlan:
    """Add the expression of each Lambda and node of tf.keras to the plan, or why it is unknown.

    `recipes` are the user's expressions by layer name, or by a pattern of names (``lambda_*``) for
    all layers it fits that are refused otherwise. Raises `ModelError` for a recipe that is not an
    expression, or of a layer that does not exist.
    """
    names = list(_names(network))
    exact = {name: recipe for name, recipe in recipes.items() if name in names}
    found = _resolved(network, exact)
    refused = [*_refused(found)]
    for pattern, recipe in recipes.items():
        if pattern not in names and is_pattern(pattern):
            exact |= {name: recipe for name in refused if matches(name, pattern)}
    problems = [*_misplaced(recipes, names, refused, network)]
    if problems:
        raise ModelError(*problems)
    return _resolved(network, exact)


def _refused(network: NetworkPlan) -> Iterator[str]:
    for layer in network.layers:
        if isinstance(layer, NetworkPlan):
            yield from _refused(layer)
        elif is_refused(layer):
            yield layer.name


def _misplaced(
    recipes: Mapping[str, str], names: Sequence[str], refused: Sequence[str], network: NetworkPlan
) -> Iterator[str]:
    """Yield a line for each recipe that fits no layer, or whose layer has another."""
    fits: dict[str, str] = {}
    for name in recipes:
        if name in names:
            continue
        if not is_pattern(name):
            yield _unknown(name, network)
            continue
        fitting = [layer for layer in refused if matches(layer, name)]
        if not fitting:
            yield f"no layer that needs a recipe has a name like {name!r}; check the name"
        for layer in fitting:
            if layer in fits:
                both = f"{fits[layer]!r} and {name!r}"
                yield f"layer {layer!r} has two recipes, {both}; leave one out"
            fits[layer] = name


def _names(network: NetworkPlan) -> Iterator[str]:
    for layer in network.layers:
        if isinstance(layer, NetworkPlan):
            yield from _names(layer)
        elif layer.class_name != "InputLayer":
            yield layer.name


def _unknown(name: str, network: NetworkPlan) -> str:
    layers = [
        layer.name
        for layer in network.layers
        if isinstance(layer, LayerPlan) and layer.class_name in RECIPE_CLASSES
    ]
    has = f"; layers that a recipe may be for: {', '.join(layers)}" if layers else ""
    return f"no layer is named {name!r}, for which there is a recipe{has}; check the name"


def _resolved(network: NetworkPlan, recipes: Mapping[str, str]) -> NetworkPlan:
    layers = tuple(
        _resolved(layer, recipes) if isinstance(layer, NetworkPlan) else _layer(layer, recipes)
        for layer in network.layers
    )
    return replace(network, layers=layers)


def _layer(plan: LayerPlan, recipes: Mapping[str, str]) -> LayerPlan:
    recipe = recipes.get(plan.name)
    if recipe is None and (plan.class_name not in RECIPE_CLASSES or plan.operation):
        return replace(plan, inner={key: _within(plan, one) for key, one in plan.inner.items()})
    calls = plan.calls or SEQUENTIAL
    if recipe is not None:
        try:
            found = tuple(
                language.parse_expression(recipe, _input_expression(call)) for call in calls
            )
        except NoRecipeError as problem:
            raise ModelError(
                f"layer {plan.name!r}: the recipe {recipe!r} {problem}; give an expression of x, "
                f"such as --recipe '{plan.name}=logsumexp(x, axis=-1, keepdims=True)'"
            ) from problem
        return replace(plan, expressions=found, inner={})
    try:
        return replace(plan, expressions=tuple(_expression(plan, call) for call in calls))
    except NoRecipeError as problem:
        return replace(plan, refusal=str(problem))


def _within(wrapper: LayerPlan, plan: Any) -> Any:
    if isinstance(plan, tuple):
        return tuple(_within(wrapper, one) for one in plan)
    if not isinstance(plan, LayerPlan) or plan.class_name not in RECIPE_CLASSES:
        return plan
    return replace(plan, refusal=f"is inside {wrapper.name!r} ({wrapper.class_name})")


def _expression(plan: LayerPlan, call: Call) -> Expression:
    if plan.class_name in nodes.NODE_CLASSES:
        return nodes.node_expression(plan, call)
    keywords = dict(call.kwargs)
    training = keywords.pop("training", None)
    odd = [key for key, value in keywords.items() if value is not None]
    odd += ["training"] * (refs(training) != []) + ["more arguments"] * (len(call.args) > 1)
    if odd:
        raise NoRecipeError(f"is called with {', '.join(odd)} besides its input")
    return lambdas.lambda_expression(
        plan.settings, _input_expression(call), training=bool(training)
    )


def _input_expression(call: Call) -> Expression:
    (first,) = call.args[:1] or (None,)
    if isinstance(first, TensorRef):
        return tree.InputTensor(0)
    return tree.several(tree.InputTensor(number) for number in range(len(refs(first))))
