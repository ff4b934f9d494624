"""Contributions far larger than the prediction: they sum up only because they cancel.

So do those of a layer that divides by nearly zero. Their sum may be right to the last digit in
float64, and no single one of them means anything.
"""

from pathlib import Path

import numpy as np

from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.several_files import SeveralFiles

CANCELLING = 30.0
"""The most that a contribution of one base may be, in predictions, without a doubt.

Seventeen models of one function written in other ways had 0.02 to 0.3, those of them that divide
by nearly zero 1,400 and 2,300.
"""

MOST_ROUNDED = 1e-3
"""The largest residual, in contributions, that more digits mend: float32 rounds 1e-7 of each."""

SIZES = ("qc/prediction", "qc/reference_prediction", "qc/difference")


def remedy(found: float, ratio: float, stored: str) -> str:
    """Say what to do about a residual `found`, where the largest contribution is `ratio`.

    Both are in predictions. `stored` is the type of a file that the contributions were rounded to,
    if they were. More digits do not help against what is not rounding: they would make a sum right
    whose parts are wrong.
    """
    if ratio > CANCELLING:
        return (
            f"single contributions are up to {ratio:.0e} times the prediction and cancel, as where"
            " a layer divides by nearly zero: more digits make the sum right, not them; explain an"
            " output before that layer, or give other references"
        )
    more = {"": "--precision float64, or ", "float16": "--dtype float32, or "}.get(stored, "")
    if not stored and found > MOST_ROUNDED * max(ratio, 1.0):
        more = "other references, as this is more than rounding takes, or "
    return f"give {more}a larger --tolerance if you can accept it"


def ratio_in(scores: ScoreFile | SeveralFiles) -> float:
    """Measure the largest contribution of a file in units of its largest prediction; 0 if empty."""
    sizes = [np.abs(scores.values(name, slice(None))).max(initial=0.0) for name in SIZES]
    size = float(max(sizes))
    return scores.largest_contribution / size if size else 0.0


def cancelling_in(scores: ScoreFile | SeveralFiles, path: Path) -> tuple[str, ...]:
    """Warn of contributions that cancel, in `path`: a sentence, or none."""
    ratio = ratio_in(scores)
    if not ratio > CANCELLING:  # so is NaN, of a file without a largest contribution
        return ()
    note = (
        f"{path}: contributions are up to {ratio:.0e} times the largest prediction and"
        " cancel, as where a layer divides by nearly zero; their sum is right, single bases are"
        " not to be trusted"
    )
    return (note,)
