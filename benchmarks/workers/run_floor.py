"""The floor: how long the framework takes to predict as often as the scores need at least.

That is each sequence once, each reference once, and a pass back for each pair and target, which
cannot take less than a pass forward. Nothing is read, copied to the host or added up.
"""

import keras
import keras_model
import numpy as np
import protocol
import tensorflow as tf


def prepare(options):
    """Return the run and its notes."""
    case = protocol.Case(options.folder)
    whole = keras_model.build(keras, case.description, case.weights)
    named = dict(zip(case.description["outputs"], whole.outputs, strict=True))
    profile = case.description["outputs"][0]
    wanted = {profile if t == "profile" else case.output(t)[0] for t in case.targets}
    model = keras.Model(whole.input, [named[name] for name in sorted(wanted)])
    predict = tf.function(lambda x: model(x, training=False), autograph=False)
    count, number = case.references.shape[:2]
    forwards = (1 + number) * count + number * count * len(case.targets)
    rows = case.references.reshape(-1, *case.references.shape[2:])
    batches = {p: tf.constant(np.resize(rows, (p, *rows.shape[1:]))) for p in options.pairs}

    def trial(pairs, total=None):
        steps = -(-(total or max(options.pairs)) // pairs)
        for _ in range(steps):
            outputs = predict(batches[pairs])
        float(tf.reduce_sum(outputs[0]))  # waits until it is there
        return steps * pairs

    best = protocol.fastest(options.pairs, trial)

    def run():
        seconds, done = protocol.timed(trial, best, forwards)
        return float(seconds * forwards / done)

    versions = protocol.versions("keras", "tensorflow", "numpy")
    return run, {"pairs": best, "forwards": forwards, "versions": versions}


if __name__ == "__main__":
    protocol.serve(prepare)
