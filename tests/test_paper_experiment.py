"""The paper's genomics experiment on the demonstration network, at a small size."""

import sys
from collections.abc import Iterator
from types import ModuleType

import keras
import numpy as np
import pytest
from conftest import ROOT

import seqlift

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("step_by_step")]

NUMBER = 60
GATA1, TAL1 = "false negatives, GATA1", "false negatives, TAL1"


@pytest.fixture(scope="module")
def experiment() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "examples"))
    import paper_experiment

    yield paper_experiment
    sys.path.remove(str(ROOT / "examples"))


def test_hits_are_the_places_that_a_motif_fits_on_either_strand(experiment: ModuleType) -> None:
    from simulated_peaks import LEAST_BITS, MOTIFS, simulate, stream

    codes, planted = simulate(np.ones((40, 2), bool), stream(5))
    for row, instances in zip(codes, planted, strict=True):
        for motif in MOTIFS:
            found = {(one.start, one.end) for one in experiment.hits(row, motif, LEAST_BITS)}
            own = {(one.start, one.end) for one in instances if one.motif is motif}
            assert own <= found


def test_the_order_of_methods_is_that_of_the_paper(experiment: ModuleType) -> None:
    from simulated_peaks import simulate, stream

    codes, _ = simulate(np.ones((NUMBER, 2), bool), stream(experiment.SEED))
    found = {
        (name, title): one.mean
        for name in experiment.METHODS
        for name, title, one in experiment.figures_of(name, codes)
    }
    *_, rescale, reveal_cancel, genomics, shuffled = experiment.METHODS
    for local in ("gradient x input", "integrated gradients, 10", rescale):
        assert found[local, GATA1] > 0.04
        assert found[local, GATA1] > found[reveal_cancel, GATA1]
        assert found[local, GATA1] > found[genomics, GATA1]
    for name in (genomics, shuffled, "guided backprop"):
        assert found[name, GATA1] <= 0.01
        assert found[name, TAL1] <= 0.01
    assert found["gradient x input", TAL1] > 0.1
    shares = {name: found[name, "share inside"] for name in experiment.METHODS}
    assert min(shares, key=shares.__getitem__) == reveal_cancel
    assert shares[shuffled] > shares[genomics] + 0.05
    for title in ("off / on, GATA1", "off / on, TAL1"):
        assert found[genomics, title] < found["guided backprop", title]
    assert found[shuffled, "off / on, TAL1"] < found[genomics, "off / on, TAL1"]


def test_used_hits_are_those_without_which_the_network_predicts_less(
    experiment: ModuleType,
) -> None:
    from simulated_peaks import BACKGROUND, LEAST_BITS, MOTIFS, simulate, stream

    codes, _ = simulate(np.ones((30, 2), bool), stream(experiment.SEED))
    sequences = np.eye(4, dtype=np.float32)[codes]
    rows = [[h for m in MOTIFS for h in experiment.hits(row, m, LEAST_BITS)] for row in codes]
    subject = experiment.ExplainedModel(seqlift.Explainer(experiment.NETWORK, "tasks:0"))
    kept = experiment.used(subject, sequences, rows)
    network = keras.models.load_model(experiment.NETWORK, compile=False)
    left_out = 0
    for bases, row, used in zip(sequences, rows, kept, strict=True):
        without = np.repeat(bases[None], len(row), axis=0)
        for variant, one in zip(without, row, strict=True):
            variant[one.start : one.end] = BACKGROUND
        both = network.predict(np.concatenate([bases[None], without]), verbose=0)[:, 0]
        assert used == [one for one, after in zip(row, both[1:], strict=True) if after < both[0]]
        left_out += len(row) - len(used)
    assert left_out > 0
