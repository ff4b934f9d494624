"""The options of `seqlift score`: those of an explainer, and what is scored and written."""

from dataclasses import dataclass
from typing import Literal

from seqlift.explain.explainer_settings import ExplainerSettings
from seqlift.inputs.summits import Summits
from seqlift.tracks.overlap_policies import Overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions(ExplainerSettings):
    """A run of `seqlift score`; see its help for what each option means.

    `model` and `regions` are paths, `regions` may be ``-``. A `batch_size` of None is chosen from
    the model, a `gc` of None measured from the regions, a `length` of None the model's own;
    `references` and `steps` of None are 20 and 50, a `tolerance` of None what the precision allows;
    a `stride` of None is half the model's length. A `shard` is (number, of how many), from 1.
    """

    model: str
    regions: str
    genome: str | None = None
    output: str | None = None
    target: tuple[str, ...] = ()
    reference: str = "dinucleotide"
    references: int | None = None
    gc: float | None = None
    length: int | None = None
    summit: Summits = "auto"
    tile: bool = False
    stride: int | None = None
    strand: bool = False
    both_strands: bool = False
    tolerance: float | None = None
    dtype: Literal["float32", "float16"] = "float32"
    multipliers: bool = False
    overlap: Overlap = "nearest"
    shard: tuple[int, int] | None = None
    force: bool = False
