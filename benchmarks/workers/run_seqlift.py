"""seqlift, as a notebook runs it: `seqlift.Explainer` on arrays, all targets in one pass."""

import keras
import keras_model
import numpy as np
import protocol

import seqlift


def prepare(options):
    """Return the run and its notes."""
    case = protocol.Case(options.folder)
    model = keras_model.build(keras, case.description, case.weights)
    chosen = {"target": case.targets, "rule": case.fields["rule"]}
    references = case.references
    if case.fields["reference"] == "gc":
        references = references[0]  # the same for all sequences: (R, L, 4)
    number = case.references.shape[1]
    explain = seqlift.Explainer(model, **chosen)
    engine = explain.engine(explain.input_shape)
    fill_batches(explain, number, len(case.sequences))

    def run():
        results = explain(case.sequences, references)
        kind = "hypothetical" if case.hypothetical else "contributions"
        return np.stack([getattr(result, kind) for result in results.values()])

    versions = protocol.versions("seqlift", "keras", "tensorflow", "numpy")
    schedule = explain.schedule_for(engine, number)
    lanes = min(schedule.lanes, len(case.sequences) // schedule.size)
    pairs = lanes * schedule.size * number
    return run, {"pairs": pairs, "backend": keras.backend.backend(), "versions": versions}


def fill_batches(explain, number, sequences):
    """Have so many sequences, with `number` references each, be full batches, as of thousands."""
    automatic = explain.schedule_for(explain.engine(explain.input_shape), number).size
    explain.batch_size = max(n for n in range(1, automatic + 1) if sequences % n == 0)


if __name__ == "__main__":
    protocol.serve(prepare)
