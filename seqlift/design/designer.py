"""Design sequences that a model predicts high, or high for one target and low for another.

    design = Designer("model.h5", "tasks:1", against=("tasks:2",), search="beam", seed=3)
    result = design("ACGT" * 50)

Knows models, targets and searches; knows nothing of files but those of the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.draws import generator_of
from seqlift.attribution.methods.ism import Mutagenesis
from seqlift.attribution.registry import DEFAULT_RULE
from seqlift.design.candidates import Candidate, Codes, Space
from seqlift.design.constraints import Constraints, constraints_of
from seqlift.design.design_settings import SEARCHES, STEPWISE, DesignSettings
from seqlift.design.generators import Generated, Generator
from seqlift.design.objective import Objective
from seqlift.design.placements import MOST_MOTIFS, Placements, placeable_words
from seqlift.design.step_searches import beam, greedy
from seqlift.design.straight_through import gradient_search
from seqlift.design.substitutions import Substitutions
from seqlift.errors import InputError, ModelError
from seqlift.explain.arguments import check_choice, check_number, requests_of
from seqlift.explain.explainer import Explainer
from seqlift.explain.explainer_settings import signature_with
from seqlift.inputs.meme import read_motifs
from seqlift.inputs.onehot import codes_of, decode, encode, one_hot
from seqlift.intervals import CHANNELS, UNKNOWN

FEWEST_RESTARTS, MOST_RESTARTS = 4, 40
BASES_OF_RESTARTS = 1000
"""Free bases of all restarts of a short sequence: 40 of 25 bases, 4 from 250 on."""


@dataclass(frozen=True)
class DesignStep:
    """A sequence on the way: its number, the edits that made it, the bases and the score.

    `predictions` are in the order of `Designer.targets`; `score` is their sum, less
    those that are driven down; `prior` what the background added to it in the search.
    """

    step: int
    edit: str
    sequence: str
    score: float
    prior: float
    predictions: tuple[float, ...]


@dataclass(frozen=True)
class DesignedSequence:
    """The steps from a starting sequence, step 0, to the designed one, the last."""

    steps: tuple[DesignStep, ...]

    @property
    def sequence(self) -> str:
        """The designed bases."""
        return self.steps[-1].sequence

    @property
    def before(self) -> float:
        """The score of the starting sequence."""
        return self.steps[0].score

    @property
    def after(self) -> float:
        """The score of the designed sequence."""
        return self.steps[-1].score

    @property
    def substitutions(self) -> int:
        """How many bases differ between the two."""
        pairs = zip(self.steps[0].sequence, self.sequence, strict=True)
        return sum(a != b for a, b in pairs)


class Designer:
    """Designs sequences to the targets of a model.

    Parameters
    ----------
    model
        A Keras model, or the path of a model file.
    target
        What to drive up: a name, several names, or None for the only output, or for nothing where
        there is something `against`.
    settings
        Every other option, as `seqlift.design.design_settings.DesignSettings`.
    **options
        The same by keyword, before those of `settings`.
    """

    def __init__(
        self,
        model: Any,
        target: str | Sequence[str] | None = None,
        settings: DesignSettings | None = None,
        **options: Any,
    ) -> None:
        """Load the model and find its targets.

        Raises ModelError for a model or target that cannot be used, InputError for an option that
        does not fit.
        """
        chosen = replace(settings or DesignSettings(), **options)
        check_settings(chosen)
        self.settings = chosen
        # what the search asks the model for
        method = "ism" if chosen.search in STEPWISE else "gradient"
        up, down = requests_of(target), list(chosen.against)
        plain = replace(chosen, method=method, rule=DEFAULT_RULE, method_options=())
        self.explainer = Explainer(model, [*up, *down] or None, plain)
        self._generators: dict[int, Generator] = {}
        if self.explainer.layout is None:
            raise ModelError(self.explainer.no_bases())
        self.objective = Objective(
            self.explainer, down, prior=chosen.prior, background=chosen.background
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, in the order of predictions."""
        return self.objective.names

    @property
    def length(self) -> int | None:
        """Bases that the model takes, None for any number."""
        return self.explainer.input_shape[0]

    def random_start(self, number: int, length: int | None = None) -> str:
        """Draw the bases of random background number `number`, of the model's length."""
        size = self.length or length
        if size is None:
            raise InputError("length: the model takes any number of bases; give one")
        draw = np.random.default_rng([self.settings.seed, number])
        gc = self.settings.background
        bases = draw.choice(CHANNELS, size=size, p=np.array([1 - gc, gc, gc, 1 - gc]) / 2)
        return decode(bases.astype(np.uint8))

    def __call__(self, start: str | NDArray[Any]) -> DesignedSequence:
        """Design a sequence from a starting one: bases, codes (L,) or one-hot (L, 4).

        N in the starting sequence becomes a random base of the background. Raises InputError where
        the sequence does not fit the model, or no sequence keeps the constraints.
        """
        codes = self.checked(start)
        constraints = self.constraints(codes)
        draw = generator_of(codes, self.settings.seed)  # by content: a design has no neighbours
        space = self.space(codes, constraints)
        first = space.first(self.filled(codes, draw), draw)
        best = self.searched(space, first, draw)
        return self.described(codes, best)

    def checked(self, start: str | NDArray[Any]) -> Codes:
        """Read a starting sequence as codes (L,) of a length that the model takes."""
        if isinstance(start, str):
            codes = encode(start)
        else:
            array = np.asarray(start)
            codes = array.astype(np.uint8) if array.ndim == 1 else codes_of(array)
        if codes.ndim != 1 or not codes.size or (codes > UNKNOWN).any():
            raise InputError("start: not one sequence of bases; give letters, codes or (L, 4)")
        if self.length not in (None, len(codes)):
            raise InputError(
                f"start: it has {len(codes)} bases, and the model takes {self.length}; give as many"
            )
        return codes

    def constraints(self, codes: Codes) -> Constraints:
        """Make the constraints of the designs that begin from a sequence."""
        chosen = self.settings
        return constraints_of(
            codes,
            left_flank=chosen.left_flank,
            right_flank=chosen.right_flank,
            gc_range=chosen.gc_range,
            forbid=chosen.forbid,
        )

    def space(self, codes: Codes, constraints: Constraints) -> Space:
        """Choose how sequences are written."""
        chosen, size = self.settings, len(codes)
        if chosen.motifs is not None:
            words = placeable_words(read_motifs(chosen.motifs), size)
            most = chosen.edits or MOST_MOTIFS
            return Placements(self.objective, constraints, words, chosen.seed, most)
        if chosen.generator is not None:
            if size not in self._generators:
                self._generators[size] = Generator(chosen.generator, size)
            return Generated(self.objective, constraints, self._generators[size])
        return Substitutions(self.objective, constraints)

    def filled(self, codes: Codes, draw: np.random.Generator) -> Codes:
        """Put random bases of the background in the place of N."""
        gc, unknown = self.settings.background, codes == UNKNOWN
        shares = np.array([1 - gc, gc, gc, 1 - gc]) / 2
        filled = codes.copy()
        filled[unknown] = draw.choice(CHANNELS, size=int(unknown.sum()), p=shares)
        return filled

    def searched(self, space: Space, first: Candidate, draw: np.random.Generator) -> Candidate:
        """Search from the first candidate and from random edits of it: the best sequence found."""
        chosen = self.settings
        restarts = restarts_of(chosen, int(space.constraints.free.sum()))
        shaken = [space.shaken(first, chosen.edits, draw) for _ in range(restarts - 1)]
        firsts = [first, *shaken]
        if chosen.search not in STEPWISE:
            return gradient_search(space, self.objective, firsts, chosen.iterations, draw)
        if chosen.search == "beam":
            found = [beam(space, one, chosen.edits, chosen.width) for one in firsts]
        else:
            found = [greedy(space, one, chosen.edits) for one in firsts]
        return max(found, key=lambda one: one.value)

    def described(self, codes: Codes, best: Candidate) -> DesignedSequence:
        """List the steps from a starting sequence to the best one, each predicted by itself."""
        path = [one for one in best.path() if one.parent is not None or one.edit]
        rows = np.stack([codes, *(one.codes for one in path)])
        predictions, priors = self.objective.predictions(rows), self.objective.priors(rows)
        edits = ["", *(one.edit for one in path)]
        numbers = [0, *(one.step for one in path)]
        found = zip(numbers, edits, rows, predictions, priors.tolist(), strict=True)
        signs = self.objective.signs
        return DesignedSequence(
            tuple(
                DesignStep(number, edit, decode(row), float(f @ signs), prior, tuple(f.tolist()))
                for number, edit, row, f, prior in found
            )
        )

    def importance(self, sequence: str) -> NDArray[np.float64]:
        """Compute the in-silico mutagenesis of the score at the observed bases: (L, 4).

        Minus the mean change of the score over the three substitutions, without the prior.
        """
        codes = encode(sequence)
        changes, _ = Mutagenesis("ism").changes(self.objective.engine(len(codes)), codes[None], {})
        score = np.tensordot(self.objective.signs, changes[:, 0].astype(np.float64), axes=1)
        # the observed base has the change 0, so the sum is that of the other three
        mean = -score.sum(axis=1, keepdims=True) / (CHANNELS - 1)
        return np.asarray(mean * one_hot(codes, np.float64))


def restarts_of(chosen: DesignSettings, free: int) -> int:
    """Count the searches of a sequence with so many free bases.

    A greedy or a gradient search misses the best of a short sequence about half the time, and costs
    little there; a beam holds several sequences already.
    """
    if chosen.restarts is not None:
        return chosen.restarts
    if chosen.search == "beam":
        return FEWEST_RESTARTS
    return min(max(BASES_OF_RESTARTS // free, FEWEST_RESTARTS), MOST_RESTARTS)


def check_settings(chosen: DesignSettings) -> None:
    """Raise InputError for options out of range or that contradict each other."""
    check_choice("search", chosen.search, SEARCHES)
    for name in ("edits", "restarts", "width", "iterations"):
        check_number(name, getattr(chosen, name), "edit" if name == "edits" else "step")
    if not 0.0 < chosen.background < 1.0:
        raise InputError(
            f"background {chosen.background:g}: not between 0 and 1; give a GC content such as 0.41"
        )
    if not 0.0 <= chosen.prior < float("inf"):
        raise InputError(f"prior {chosen.prior:g}: not a weight; give 0 or more")
    if chosen.motifs is not None and chosen.generator is not None:
        raise InputError("motifs, generator: two ways to write sequences; give one of them")
    if chosen.edits is not None and chosen.search not in STEPWISE and chosen.motifs is None:
        raise InputError(
            f"edits {chosen.edits}: the gradient search changes any number of bases; leave it out,"
            " or search by greedy or beam"
        )


Designer.__signature__ = signature_with(  # type: ignore[attr-defined]
    DesignSettings,
    *list(signature(Designer).parameters.values())[:-1],
)
