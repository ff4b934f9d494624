"""chrombpnet's explainers, one for each target, one region at a time, as its `interpret` does.

References take the place of its own shuffles, which it draws without a seed.
"""

import chrombpnet.evaluation.interpret.interpret  # noqa: F401 - turns eager execution off
import keras_model
import numpy as np
import protocol
import shap
import tensorflow as tf
from chrombpnet.evaluation.interpret import shap_utils


def prepare(options):
    """Return the run and its notes."""
    case = protocol.Case(options.folder)
    model = keras_model.build(tf.keras, case.description, case.weights)
    waiting = []

    def next_references(_sequence):
        return [waiting.pop(0)]

    scalars = {
        "counts": lambda: tf.reduce_sum(model.outputs[1], axis=-1),
        "profile": lambda: shap_utils.get_weightedsum_meannormed_logits(model),
    }
    explainers = [
        shap.explainers.deep.TFDeepExplainer(
            (model.input, scalars[target]()),
            next_references,
            combine_mult_and_diffref=shap_utils.combine_mult_and_diffref,
        )
        for target in case.targets
    ]

    def run():
        scores = []
        for explainer in explainers:
            waiting[:] = list(case.references)
            scores.append(explainer.shap_values(case.sequences, progress_message=None))
        return np.stack(scores)

    versions = protocol.versions("chrombpnet", "kundajelab-shap", "tensorflow", "numpy")
    return run, {"pairs": case.references.shape[1], "versions": versions}


if __name__ == "__main__":
    protocol.serve(prepare)
