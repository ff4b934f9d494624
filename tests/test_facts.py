"""The facts of a run follow from the fields of its options."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from commands import make_inputs
from stand_in import settings

from seqlift.explain.explainer_settings import option
from seqlift.pipeline.facts import (
    fingerprint,
    may_differ,
    option_facts,
    run_attributes,
    score_file_facts,
    words_of,
)
from seqlift.pipeline.preflight import prepared
from seqlift.pipeline.score_options import ScoreOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpOptions(ScoreOptions):
    """The options of a run, and some that the engine might have one day."""

    widths: int = option(3, "Widths of a bell.", group="Method")
    shape: Literal["bell", "box"] = option("bell", "Shape.", flag="--form", group="Method")
    quick: bool = option(False, "Quickly.", group="Computation")
    weight: float | None = option(None, "Weight of the bell.", group="Method")
    parts: tuple[str, ...] = option((), "Parts of the bell.", group="Method")
    colour: str = option("red", "Of the progress bar.", fact=False, group="Computation")


def asked(**changed: object) -> MadeUpOptions:
    return MadeUpOptions(**({"model": "m.h5", "regions": "r.bed"} | changed))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the genome, the regions and the models."""
    return make_inputs(tmp_path_factory.mktemp("inputs"))


CHANGES = {"widths": 5, "shape": "box", "quick": True, "weight": 0.5, "parts": ("rim", "clapper")}
STORED = {"widths": 5, "shape": "box", "quick": 1, "weight": 0.5, "parts": "rim; clapper"}


def test_a_new_option_is_a_fact_of_the_run_and_nothing_else_is_needed(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither continued nor taken for finished where it differs, and recorded in the file."""
    monkeypatch.chdir(tmp_path)
    files = {
        "model": str(inputs / "one.keras"),
        "regions": str(inputs / "peaks.narrowPeak"),
        "genome": str(inputs / "genome.fa"),
    }
    with prepared(asked(**files), settings()) as run:
        before, target = fingerprint(run), run.outputs.targets[0].target
        for name, value in CHANGES.items():
            other = dataclasses.replace(run, options=asked(**files, **{name: value}))
            assert run_attributes(other, target)[name] == STORED[name]
            assert fingerprint(other)[name] != before.get(name)
            assert score_file_facts(other, target)[name] == STORED[name]
            assert name not in may_differ(other)
        other = dataclasses.replace(run, options=asked(**files, colour="blue"))
        assert fingerprint(other) == before
        assert run_attributes(other, target) == run_attributes(run, target)


def test_an_option_that_is_not_set_is_left_out() -> None:
    facts = option_facts(asked())
    assert [facts.get(name) for name in CHANGES] == [3, "bell", 0, None, "none"]


def test_the_command_has_every_option_that_changes_a_score_file() -> None:
    assert list(words_of(asked(**CHANGES, colour="blue", output="x"))) == [
        *("--widths", "5", "--form", "box", "--quick", "--weight", "0.5"),
        *("--parts", "rim", "--parts", "clapper"),
    ]


RECORDED = {
    *("model_sha256", "regions_sha256", "genome_sizes_sha256", "arch_sha256"),
    *("custom_objects_sha256", "windows_sha256", "input NAME", "NAME of the method", "recipe"),
    *("method", "rule", "rule_for", "max_rule", "steps", "batch_size", "device", "target"),
    *("reference", "references", "gc", "length", "stride", "strands", "tolerance", "dtype"),
    *("multipliers", "kept_scores"),
}
"""Facts that an option has no name of its own for, each of which other tests look at."""


def test_every_option_is_a_fact_or_says_why_not() -> None:
    declared = {one.name: one.metadata.get("fact", one.name) for one in dataclasses.fields(
        ScoreOptions
    )}  # fmt: skip
    plain = {name for name, fact in declared.items() if fact == name} - RECORDED
    assert plain == {"summit", "seed", "precision", "pre_activation", "mean_normalise"}
    unchanged = {name for name, fact in declared.items() if fact is False}
    assert unchanged == {
        "output", "overlap", "shard", "timings", "threads", "force", "drop_stale_parts",
    }  # fmt: skip
    assert {fact for fact in declared.values() if fact is not False} - plain == RECORDED
