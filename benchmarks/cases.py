"""What is measured: a network, its targets, its references, and who else can compute it.

Knows the table of cases and makes the folder of one; knows nothing of processes or of time.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import models
import numpy as np

from seqlift.inputs.onehot import one_hot
from seqlift.inputs.references import parse

SEED = 1
GC = 0.41  # of the human genome


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the benchmark.

    `sequences` is their number, chosen so that one run of the slowest takes some 20 seconds on two
    cores. `scores` says what is compared: hypothetical contributions, or those at the observed base
    where the rules leave a multiplier open whose difference from reference is zero.
    """

    name: str
    model: str
    targets: tuple[str, ...]
    reference: str
    references: int
    sequences: int
    rivals: tuple[str, ...]
    rule: str = "rescale"
    scores: str = "hypothetical"


TORCH = ("tangermeme", "captum")
OBSERVED = "contributions"
BOTH = ("counts", "profile")

CASES = (
    Case("bpnet-64-counts", "bpnet-64", ("counts",), "dinucleotide", 20, 4, (*TORCH, "chrombpnet")),
    Case("bpnet-64-counts-profile", "bpnet-64", BOTH, "dinucleotide", 20, 4, ("chrombpnet",)),
    Case("bpnet-64-counts-gc", "bpnet-64", ("counts",), "gc", 1, 32, (*TORCH, "chrombpnet")),
    Case(
        "bpnet-512-counts", "bpnet-512", ("counts",), "dinucleotide", 20, 1, (*TORCH, "chrombpnet")
    ),
    Case("bpnet-512-counts-profile", "bpnet-512", BOTH, "dinucleotide", 20, 1, ("chrombpnet",)),
    Case("basset", "basset", ("tasks:0",), "dinucleotide", 20, 16, TORCH, scores=OBSERVED),
    Case("deepstarr", "deepstarr", ("tasks:0",), "dinucleotide", 20, 32, TORCH, scores=OBSERVED),
    Case(
        "two-dense",
        "two-dense",
        ("tasks:0",),
        "dinucleotide",
        20,
        64,
        ("deeplift",),
        rule="genomics",
        scores=OBSERVED,
    ),
)


def prepare(case: Case, folder: Path) -> Path:
    """Return the folder of a case, written anew: what each worker reads.

    case.json has the network and the fields of the case, weights.npz the weights, sequences.npy
    (N, L, 4) and references.npy (N, R, L, 4) one-hot bases as uint8, or frequencies as float32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = models.describe(case.model)
    rng = np.random.default_rng(SEED)
    codes = rng.integers(0, 4, (case.sequences, model["length"]), dtype=np.uint8)
    kind = parse(
        case.reference, number=case.references, seed=SEED, gc=GC if case.reference == "gc" else None
    )
    drawn = kind.draw(codes)
    references = one_hot(drawn) if drawn.ndim == codes.ndim + 1 else drawn
    np.save(folder / "sequences.npy", one_hot(codes).astype(np.uint8))
    np.save(
        folder / "references.npy",
        references.astype(np.uint8 if drawn.ndim == codes.ndim + 1 else np.float32),
    )
    np.savez(folder / "weights.npz", **models.weights(model, seed=SEED))
    text = json.dumps(asdict(case) | {"description": model}, indent=1)
    (folder / "case.json").write_text(text + "\n")
    return folder
