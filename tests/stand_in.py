"""Scores made of the bases alone, in the place of a model: no TensorFlow, and nothing to compile.

For tests of what a run does with scores, wherever they come from.
"""

import hashlib
import signal
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from seqlift.explain.schedule import Schedule
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings

LENGTH = 50
TARGETS = ("first", "second")
BATCH = 16


@dataclass(frozen=True)
class MadeResult:
    """The fields of `seqlift.attribution.result.Result`."""

    hypothetical: np.ndarray
    multipliers: np.ndarray
    contributions: np.ndarray
    prediction: np.ndarray
    reference_prediction: np.ndarray
    difference: np.ndarray
    residual: np.ndarray

    def rows(self, which: Any) -> "MadeResult":
        return replace(
            self, **{item.name: getattr(self, item.name)[which] for item in fields(self)}
        )


class StandIn:
    """What a run needs of `seqlift.Explainer`."""

    device, backend = "no device", "no backend"
    input_shape, layout = (LENGTH, 4), object()
    extra_inputs = SimpleNamespace(rows={}, descriptions={})
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()

    def __init__(self, options: ScoreOptions) -> None:
        digest = hashlib.sha256(Path(options.model).name.encode()).hexdigest()
        self.loaded = SimpleNamespace(sha256=digest, saved_by="nobody")
        self.targets = [SimpleNamespace(name=name) for name in options.target or TARGETS[:1]]
        self.size = options.batch_size or BATCH
        facts = {"rule": options.rule}
        self.method = SimpleNamespace(
            name="deeplift",
            sums_to="difference",
            signed=True,
            sequences_at_once=None,
            facts=facts,
            needs_references=True,
            max_rule=options.max_rule,
        )

    def engine(self, input_shape: Any, rows: Any = None, *, alike: bool = True) -> None:
        """One is not needed."""

    def schedule_for(self, engine: None, number: int, *, alike: bool) -> Schedule:
        return Schedule(self.size, 2, alike)

    def explain_by(
        self, schedule: Schedule, codes: np.ndarray, references: Any, others: Any
    ) -> dict[str, MadeResult]:
        return {
            target.name: made(codes, f"{self.loaded.sha256} {target.name}")
            for target in self.targets
        }


class LongStandIn(StandIn):
    """The same for windows of which few make a chunk of a score file, and so a part: eight."""

    input_shape = (1000, 4)


def made(codes: np.ndarray, target: str) -> MadeResult:
    """Return scores that are whole numbers over 1024, so that they sum up exactly."""
    random = np.random.default_rng(zlib.crc32(target.encode()))
    weights = (random.integers(-999, 999, (codes.shape[1], 4)) / 1024).astype(np.float32)
    observed = codes[..., None] == np.arange(4)
    hypothetical = np.broadcast_to(weights, observed.shape)
    contributions = np.where(observed, hypothetical, np.float32(0))
    prediction = contributions.sum(axis=(1, 2))
    zeros = np.zeros((len(codes), 1), np.float32)
    return MadeResult(
        hypothetical, hypothetical, contributions, prediction, zeros, prediction[:, None], zeros
    )


def settings(**changed: Any) -> Settings:
    """Return settings of runs that a stand-in scores, in parts of one chunk."""
    return Settings(**{"load": StandIn, "part_seconds": 0.0, **changed})


def stop_after(reads: int) -> type:
    """Make a stop of a run that is asked for when it has been looked for so often."""

    class StopSoon:
        seen = 0

        def __enter__(self) -> "StopSoon":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        @property
        def asked(self) -> int | None:
            self.seen += 1
            return signal.SIGTERM if self.seen >= reads else None

    return StopSoon


def write_inputs(size: int, regions: int) -> None:
    """Write any.keras, g.fa (one chromosome of `size` bases) and r.bed to the current folder."""
    random = np.random.default_rng(0)
    Path("g.fa").write_text(f">chr1\n{''.join(random.choice(list('ACGT'), size))}\n")
    starts = random.integers(0, size - 60, regions)
    Path("r.bed").write_text("".join(f"chr1\t{start}\t{start + 60}\n" for start in starts))
    Path("any.keras").touch()
