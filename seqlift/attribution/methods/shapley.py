"""Shapley sampling: the mean gain of putting each base in the place of the reference's.

    R_i = mean over orders of  f(x on i and all before it, else x0) - f(x on all before i, else x0)

Castro, Gomez and Tejada 2009 (doi:10.1016/j.cor.2008.04.004). A player is a position, and one where
sequence and reference agree gains nothing. Each order sums to the difference exactly; the mean over
all of them is the Shapley value.
"""

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.draws import generator_of
from seqlift.attribution.forward_only import (
    ForwardOnly,
    output_of,
    predicted,
    scores_at_observed,
)
from seqlift.attribution.forward_only import numpy as to_numpy
from seqlift.attribution.method import Others, Scores
from seqlift.errors import InputError

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

MOST_PLAYERS = 12
"""Positions of which all orders are taken: 4,096 predictions."""

ALL = 0


@dataclass(frozen=True)
class Shapley(ForwardOnly):
    """So many random `orders` of the positions, drawn from a seed and the pair; 0 for all."""

    orders: int = 10
    seed: int = 0

    def scores(
        self, engine: "Engine", sequences: Any, references: Any, others: Others
    ) -> list[Scores]:
        inputs, x0 = (to_numpy(array) for array in engine.expanded(sequences, references))
        number, places = len(inputs), inputs.shape[1:-1]
        gains = np.zeros((len(engine.heads), number, int(np.prod(places))))
        predictions = np.zeros((len(engine.heads), number), engine.dtype)
        for n, row in enumerate(inputs):
            own = {i: extra[n : n + 1] for i, extra in others.items()}
            predictions[:, n] = predicted(engine, row[None], own)[:, 0]
            for reference in x0[n if len(x0) > 1 else 0]:
                gains[:, n] += self.gains_of(engine, row, reference, own) / x0.shape[1]
        found = []
        for h, against in enumerate(self.compared(engine, references, others)):
            score = gains[h].reshape(number, *places).astype(engine.dtype)
            scores = scores_at_observed(score, inputs)
            found.append(output_of(scores, scores, scores, predictions[h], against))
        return found

    def gains_of(
        self, engine: "Engine", row: NDArray[Any], reference: NDArray[Any], others: Others
    ) -> NDArray[Any]:
        """Average the gains of the positions of one pair: (heads, positions)."""
        x, x0 = (array.reshape(-1, array.shape[-1]) for array in (row, reference))
        free = np.flatnonzero((x != x0).any(axis=-1))  # the others gain nothing in any order
        gains = np.zeros((len(engine.heads), len(x)))
        if not len(free):
            return gains

        def of_sets(present: NDArray[np.bool_]) -> NDArray[Any]:
            mixed = np.tile(x0, (len(present), 1, 1))
            mixed[:, free] = np.where(present[..., None], x[free], x0[free])
            return predicted(engine, mixed.reshape(-1, *row.shape), others)

        if self.orders == ALL:
            gains[:, free] = exact(of_sets, len(free))
            return gains
        draw = generator_of(np.concatenate([x, x0]), self.seed)  # each pair has orders of its own
        for _ in range(self.orders):
            order = draw.permutation(len(free))
            # argsort of an order is ranks
            present = np.argsort(order)[None] < np.arange(len(free) + 1)[:, None]
            gains[:, free[order]] += np.diff(of_sets(present), axis=1) / self.orders
        return gains


def exact(of_sets: Any, players: int) -> NDArray[Any]:
    """Weigh the gains from every set by how many orders pass it: (heads, players)."""
    if players > MOST_PLAYERS:
        raise InputError(
            f"orders 0: {players} positions differ from the reference, too many for all orders"
            f" (at most {MOST_PLAYERS}); give a number of orders"
        )
    masks = np.arange(2**players)
    present = (masks[:, None] >> np.arange(players) & 1).astype(bool)
    values, sizes = of_sets(present), present.sum(axis=1)
    # s! (n - 1 - s)! / n!, the share of orders in which exactly a set of s comes before.
    weights = np.array([1.0 / (players * comb(players - 1, s)) for s in range(players)])
    gains = np.zeros((len(values), players))
    for i in range(players):
        without = masks[~present[:, i]]
        change = values[:, without | 1 << i] - values[:, without]
        gains[:, i] = (change * weights[sizes[without]]).sum(axis=1)
    return gains


def method(*, orders: int = 10, seed: int = 0) -> Shapley:
    """Draw `orders` of the positions for each pair, from a `seed`; 0 takes all orders of a few."""
    if orders < 0 or seed < 0:
        raise InputError(f"orders {orders}, seed {seed}: negative; give 0 or more")
    facts = {"orders": orders, "draws_seed": seed}
    return Shapley("shapley", sums_to="difference", facts=facts, orders=orders, seed=seed)
