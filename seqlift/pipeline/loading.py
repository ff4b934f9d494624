"""The explainer that the options of a run ask for: what loads Keras and its backend.

Apart from the rest, which imports neither: they take seconds.
"""

from seqlift.explain.explainer import Explainer
from seqlift.pipeline.score_options import ScoreOptions


def load_explainer(options: ScoreOptions) -> Explainer:
    """Load the model and check its targets."""
    return Explainer(options.model, options.target, options)
