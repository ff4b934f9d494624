"""The score that a design raises: targets up less targets down, and a prior of the bases.

    score(x) = sum of f_up(x) - sum of f_down(x),   searched: score(x) + lambda sum_i log q(x_i)

q are the background frequencies (Simonyan et al. 2013, arXiv:1312.6034, section 2, whose prior is
the L2 norm; with log frequencies as in Montavon et al. 2018, doi:10.1016/j.dsp.2017.10.011, section
3.1). Knows explainers and codes; knows nothing of searches.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.changed_windows import ChangedWindows
from seqlift.attribution.engine import Engine
from seqlift.attribution.forward_only import predicted
from seqlift.attribution.methods.ism import Mutagenesis
from seqlift.errors import InputError
from seqlift.explain.explainer import Explainer
from seqlift.explain.target import parse_targets
from seqlift.inputs.onehot import one_hot
from seqlift.intervals import CHANNELS, UNKNOWN

Codes = NDArray[np.uint8]


class Objective:
    """Scores of sequences under an explainer of targets, of which some go `down`.

    Attributes
    ----------
    names
        Names of the targets, in the order of `predictions`.
    signs
        1 for a target that is driven up, -1 for one that is driven down.
    log_prior
        The weight of the prior times the log frequencies of A C G T, (4,).
    """

    def __init__(
        self,
        explainer: Explainer,
        down: Sequence[str] = (),
        *,
        prior: float = 0.0,
        background: float = 0.5,
    ) -> None:
        """Find which of the explainer's targets are driven down."""
        if explainer.extra_inputs.rows:
            raise InputError(
                "inputs: some have a row for each sequence, and designed sequences have none; give"
                " a number or one array"
            )
        lowered = {one.name for one in parse_targets(down, explainer.model)} if down else set()
        self.explainer = explainer
        self.names = tuple(target.name for target in explainer.targets)
        self.signs = np.array([-1.0 if name in lowered else 1.0 for name in self.names])
        frequencies = np.array([1 - background, background, background, 1 - background]) / 2
        self.log_prior = prior * np.log(frequencies) if prior else np.zeros(CHANNELS)

    def engine(self, length: int) -> Engine:
        return self.explainer.engine((length, CHANNELS))

    def predictions(self, codes: Codes) -> NDArray[np.float64]:
        """Predict every target for sequences (N, L): (N, targets)."""
        found = predicted(self.engine(codes.shape[1]), codes, {})
        return np.asarray(found.T, np.float64)

    def priors(self, codes: Codes) -> NDArray[np.float64]:
        """Sum the weighed log frequencies of the bases of (N, L): (N,); N adds nothing."""
        table = np.append(self.log_prior, 0.0)
        return np.asarray(table[codes].sum(axis=1))

    def values(self, codes: Codes) -> NDArray[np.float64]:
        """Compute the searched score of sequences (N, L): (N,)."""
        return np.asarray(self.predictions(codes) @ self.signs + self.priors(codes))

    def substituted(self, codes: Codes) -> NDArray[np.float64]:
        """Compute the searched score of all substitutions of (L,): (L, 4)."""
        changes, own = Mutagenesis("ism").changes(self.engine(len(codes)), codes[None], {})
        score = np.tensordot(self.signs, changes[:, 0].astype(np.float64), axes=1)
        prior = self.log_prior - np.append(self.log_prior, 0.0)[codes][:, None]
        base = float(self.signs @ own[:, 0]) + self.priors(codes[None])[0]
        return np.asarray(base + score + prior)

    def replaced(self, codes: Codes, starts: Sequence[int], windows: Codes) -> NDArray[np.float64]:
        """Compute the searched score where windows of (L,) are replaced: (starts, G).

        `windows` are (starts, G, width) codes. Only what a window reaches is computed anew.
        """
        width = windows.shape[2]
        changed = ChangedWindows(self.engine(len(codes)), starts, width)
        rows = [one_hot(block, np.float32) for block in windows]
        found = changed.values(codes[None], {}, rows)
        score = np.tensordot(self.signs, np.array([values for _, values in found]), axes=1)
        table = np.append(self.log_prior, 0.0)
        before = table[np.array([codes[start : start + width] for start in starts])].sum(axis=1)
        prior = table[windows].sum(axis=2) - before[:, None]
        return np.asarray(score + prior + self.priors(codes[None])[0])

    def gradients(self, codes: Codes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the searched score of (N, L), (N,), and its gradients there, (N, L, 4).

        The explainer's method is ``gradient``.
        """
        zeros = np.full((1, codes.shape[1]), UNKNOWN, np.uint8)
        results = list(self.explainer.explain(codes, zeros).values())
        values = sum(s * r.prediction for s, r in zip(self.signs, results, strict=True))
        slopes = sum(s * r.multipliers for s, r in zip(self.signs, results, strict=True))
        total: Any = values + self.priors(codes)
        return np.asarray(total, np.float64), np.asarray(slopes + self.log_prior, np.float64)
