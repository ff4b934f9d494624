"""Networks nobody thought of: what is lowered computes the same, and its scores sum up."""

import os

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nets import (
    graph_of,
    inputs_for,
    largest,
    predicted,
    random_head,
    relative_residual,
    valued,
)
from random_nets import LENGTH, Plan, network, plans

EXAMPLES = int(os.environ.get("SEQLIFT_RANDOM_NETS", "12"))
RULES = ["genomics", "rescale"]
SEEDS = 10  # each a test of its own, so that they share out processors


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_networks_compute_the_same_and_their_scores_sum_up(seed: int) -> None:
    number = EXAMPLES // SEEDS + (seed < EXAMPLES % SEEDS)
    settled = settings(
        max_examples=number,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    drawn = given(plan=plans(), seed=st.integers(0, 2**16), rule=st.sampled_from(RULES))
    hypothesis.seed(seed)(settled(drawn(check_network)))()


def check_network(plan: Plan, seed: int, rule: str) -> None:
    """Check one network in float64 and in float32."""
    keras.utils.clear_session(free_memory=False)
    model = network(plan, seed=seed)
    graph = graph_of(model)
    head = random_head(graph)
    x, x0 = inputs_for((LENGTH, 4), 2, 3)
    expected = predicted(model, x)
    for dtype, computes, completes in (("float64", 1e-7, 1e-10), ("float32", 1e-4, 1e-5)):
        value, result = valued(graph, head, x, x0, rule=rule, dtype=dtype)
        assert largest(value, expected) <= computes * np.abs(expected).max()
        assert relative_residual(result) <= completes
