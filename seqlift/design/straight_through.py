"""Gradient search: the parameters of random sequences follow the straight-through gradient.

    x = argmax(theta + noise),   d theta = gradient of f at x, through the softmax of theta

The model sees a sequence of whole bases; the step back is taken as if it had seen probabilities
(Bengio et al. 2013, arXiv:1308.3432; Linder and Seelig 2021, doi:10.1186/s12859-021-04437-5). The
noise is Gumbel's, so that a sequence is a draw from the softmax, and falls to nothing; steps are
Adam's (Kingma and Ba 2014, arXiv:1412.6980). All restarts pass the model as one batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqlift.design.candidates import Candidate, Relaxed, Space, edits_between
from seqlift.design.objective import Objective
from seqlift.design.step_searches import is_better

LAST_EDITS = 10
"""Most edits after the last step: each costs an in-silico mutagenesis, a step only a gradient."""

LEARNING_RATE = 0.2
MEAN_DECAY, SQUARE_DECAY = 0.9, 0.99
SMALLEST = 1e-12


@dataclass
class Climber:
    """One restart: its parameters, the moments of their slopes, and the best sequence so far."""

    relaxed: Relaxed
    best: Candidate
    mean: NDArray[np.float64]
    square: NDArray[np.float64]

    def climb(self, slope: NDArray[np.float64], step: int) -> None:
        """Take a step of Adam upwards; steps count from 1."""
        self.mean = MEAN_DECAY * self.mean + (1 - MEAN_DECAY) * slope
        self.square = SQUARE_DECAY * self.square + (1 - SQUARE_DECAY) * slope**2
        # moments begin at 0: without this, first steps are short
        mean = self.mean / (1 - MEAN_DECAY**step)
        square = self.relaxed.scale(self.square / (1 - SQUARE_DECAY**step))
        theta = self.relaxed.theta + LEARNING_RATE * mean / (np.sqrt(square) + SMALLEST)
        self.relaxed.theta = self.relaxed.bounded(theta)


def gradient_search(
    space: Space,
    objective: Objective,
    firsts: Sequence[Candidate],
    iterations: int,
    draw: np.random.Generator,
) -> Candidate:
    """Climb from every first candidate; the best sequence that any has drawn."""
    climbers = []
    for first in firsts:
        relaxed = space.relaxed(first, draw)
        zeros = np.zeros_like(relaxed.theta)
        climbers.append(Climber(relaxed, first, zeros, zeros))
    for step in range(1, iterations + 1):
        # from 1 to 0: at the end a sequence is the argmax
        noise = 1.0 - (step - 1) / max(iterations - 1, 1)
        drawn = [one.relaxed.sample(noise, draw) for one in climbers]
        values, gradients = objective.gradients(np.stack([codes for codes, _, _ in drawn]))
        for one, (codes, written, code), value, gradient in zip(
            climbers, drawn, values, gradients, strict=True
        ):
            edit = written or edits_between(one.best.codes, codes)
            found = Candidate(codes, float(value), edit, one.best, step, code)
            one.best = found if is_better(found, one.best) else one.best
            one.climb(one.relaxed.slope(gradient, code), step)
    best = max((one.best for one in climbers), key=lambda best: best.value)
    return finished(space, best, iterations)


def finished(space: Space, best: Candidate, iterations: int) -> Candidate:
    """Take the best edits of the best sequence drawn, until none raises the score.

    The gradient is that of one linear piece of the network, and can lead past a single edit.
    """
    # motifs that were placed stay, and their number is that of the slots
    for step in range(LAST_EDITS if space.most is None else 0):
        move = next(space.moves(best), None)
        if move is None or not is_better(move, best):
            break
        best = replace(move, step=iterations + 1 + step)
    return best
