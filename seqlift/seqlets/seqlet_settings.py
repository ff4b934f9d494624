"""How seqlets are called and named. Importing this costs nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeqletSettings:
    """How seqlets are called and named.

    Attributes
    ----------
    width
        Bases of the windows whose sums are compared: about those of a motif. 11 to 15 find the
        demonstration's nearly alike.
    rate
        Highest false discovery rate of the called seqlets, of either sign.
    motif_p
        Highest p-value of a motif's match, corrected for places, strands and motifs.
    seed
        Of the shuffles.
    """

    width: int = 13
    rate: float = 0.1
    motif_p: float = 0.01
    seed: int = 0
