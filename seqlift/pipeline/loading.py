"""The explainer that the options of a run ask for: what loads Keras and its backend.

Apart from the rest, which imports neither: they take seconds.
"""

from seqlift.explain.explainer import Explainer
from seqlift.pipeline.options import ScoreOptions


def load_explainer(options: ScoreOptions) -> Explainer:
    """Load the model and check its targets."""
    return Explainer(
        options.model,
        options.target,
        method=options.method,
        method_options=dict(options.method_option),
        rule=options.rule,
        rule_for=dict(options.rule_for),
        max_rule=options.max_rule,
        steps=options.steps,
        mean_normalise=options.mean_normalise,
        inputs=dict(options.input),
        pre_activation=options.pre_activation,
        precision=options.precision,
        batch_size=options.batch_size,
        arch=options.arch,
        recipes=dict(options.recipe),
        custom_objects=options.custom_objects,
        device=options.device,
    )
