"""tangermeme's `deep_lift_shap` on a GPU: seconds per sequence of one target, float32 and TF32.

Started as ``run_gpu_tangermeme.py FOLDER NETWORK REFERENCES SEQUENCES``; each answer is that of one
arithmetic, with the fastest of several batch sizes.
"""

import importlib.util
import sys
import time
import warnings

import models
import numpy as np
import protocol

PAIRS = (20, 80, 320)
REPEATS = 3


def one_hot(codes):
    """Return codes (..., L) as (..., 4, L)."""
    return np.ascontiguousarray(np.moveaxis(np.eye(4, dtype=np.float32)[codes], -1, -2))


def prepared(network, references, sequences):
    """Return a function of the batch size that explains all sequences once."""
    import torch
    import torch_model
    from tangermeme.deep_lift_shap import deep_lift_shap

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = models.describe(network)
    net = torch_model.Network(model, models.weights(model, seed=1), models.COUNTS).to(device)
    rng = np.random.default_rng(1)
    x = torch.tensor(one_hot(rng.integers(0, 4, (sequences, model["length"]))))
    x0 = torch.tensor(one_hot(rng.integers(0, 4, (sequences, references, model["length"]))))

    def run(pairs):
        more = {"batch_size": pairs, "device": device, "hypothetical": True}
        return deep_lift_shap(net, x, references=x0, **more)

    return run, device


def best(run, sequences):
    """Return the seconds per sequence and the batch size of the fastest, or why there is none."""
    import torch

    found = []
    for pairs in PAIRS:
        try:
            run(pairs)
            seconds = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                run(pairs)
                seconds.append(time.perf_counter() - start)
            found.append((min(seconds) / sequences, pairs))
        except torch.OutOfMemoryError:
            break
    if not found:
        return {"why": "the device's memory is full"}
    seconds, pairs = min(found)
    return {"seconds": seconds, "pairs": pairs}


def main():
    """Answer once for each arithmetic."""
    warnings.simplefilter("ignore")
    _, network, references, sequences = sys.argv[1:]
    answer = protocol.answering()
    missing = [name for name in ("torch", "tangermeme") if not importlib.util.find_spec(name)]
    if missing:
        answer(notes={"why": f"{' and '.join(missing)} not installed"})
        return
    import torch

    run, device = prepared(network, int(references), int(sequences))
    answer(notes={"device": device, "versions": protocol.versions("tangermeme", "torch")})
    for precision, rounded in (("float32", False), ("tf32", True)):
        torch.backends.cuda.matmul.allow_tf32 = rounded
        torch.backends.cudnn.allow_tf32 = rounded
        answer(precision=precision, **best(run, int(sequences)))


if __name__ == "__main__":
    main()
