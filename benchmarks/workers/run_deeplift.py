"""The original deeplift, on a file of Keras 2 that is written here."""

import tempfile
from pathlib import Path

import keras
import keras_model
import numpy as np
import protocol
from deeplift.conversion import kerasapi_conversion
from deeplift.layers import NonlinearMxtsMode

MODES = {
    "genomics": NonlinearMxtsMode.DeepLIFT_GenomicsDefault,
    "rescale": NonlinearMxtsMode.Rescale,
}


def converted(case):
    """Return the model as deeplift reads it from a file."""
    model = keras_model.build(keras, case.description, case.weights)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.h5")
        model.save(path)
        return kerasapi_conversion.convert_model_from_saved_files(
            path, nonlinear_mxts_mode=MODES[case.fields["rule"]], verbose=False
        )


def prepare(options):
    """Return the run and its notes."""
    case = protocol.Case(options.folder)
    output, unit = case.output(case.targets[0])
    model = converted(case)
    function = model.get_target_contribs_func(
        find_scores_layer_name=model.get_input_layer_names()[0],
        pre_activation_target_layer_name=output + "_0",  # deeplift numbers its nodes
    )
    number = case.references.shape[1]

    def explain(count, pairs):
        scores = function(
            task_idx=unit,
            input_data_list=[np.repeat(case.sequences[:count], number, axis=0)],
            input_references_list=[case.references[:count].reshape(-1, *case.sequences.shape[1:])],
            batch_size=pairs,
            progress_update=None,
        )
        of_pairs = np.array(scores).reshape(count, number, *case.sequences.shape[1:])
        return case.sequences[:count] * of_pairs.mean(axis=1).sum(axis=-1, keepdims=True)

    sizes = case.sizes(options.pairs)

    def trial(pairs):
        count = case.first(max(sizes))
        explain(count, pairs)
        return count

    best = protocol.fastest(sizes, trial)

    def run():
        return explain(len(case.sequences), best)[None]

    versions = protocol.versions("deeplift", "tensorflow", "keras", "numpy")
    return run, {"pairs": best, "versions": versions}


if __name__ == "__main__":
    protocol.serve(prepare)
