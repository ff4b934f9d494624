"""The facts about a run: what its files carry, and what must be the same when it is continued.

Knows runs; knows nothing of how files store facts. Where files lie, how they are called and how the
work is shared out is not a fact about scores: equal runs write equal bytes.
"""

import hashlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlift.explain.explainer_settings import ExplainerSettings, flag_of
from seqlift.pipeline.fact_table import answering, fact_of
from seqlift.pipeline.output_files import shard_name
from seqlift.pipeline.provenance import versions
from seqlift.pipeline.run import Run
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.tracks.batch import Attribute
from seqlift.tracks.doubts import BLIND, WARNING

if TYPE_CHECKING:
    from seqlift.explain.explainer import Explainer


LONGEST_COMMAND = 8000
"""Characters: an attribute of HDF5 has at most 64 kB, and a letter up to four bytes."""


def run_attributes(run: Run, target: str) -> dict[str, Attribute]:
    """Collect the facts about a run that the score file of `target` carries."""
    options, loaded, workload = run.options, run.explainer.loaded, run.workload
    method = run.explainer.method
    attributes: dict[str, Attribute] = {
        **versions(),
        "backend": run.explainer.backend,
        "command": command_of(options),
        "model": options.model,
        "model_sha256": loaded.sha256 if loaded else "",
        "model_saved_by": loaded.saved_by if loaded else "",
        "notes": "; ".join(run.explainer.notes) or "none",
        "genome": options.regions if workload.regions.is_fasta else str(options.genome),
        "genome_sizes_sha256": workload.genome.digest(),
        "regions": options.regions,
        "regions_sha256": workload.regions.digest(),
        "windows_sha256": run.survey.digest,
        **run.survey.facts,
        "target": target,
        "method": method.name,
        "rule": method.facts.get("rule", method.name),
        "rule_for": ",".join("=".join(pair) for pair in options.rule_for) or "none",
        "max_rule": method.max_rule,
        "sums_to": method.sums_to,
        "signed": int(method.signed),
        "reference": options.reference,
        "references": run.references.number,
        **option_facts(options),
        "strands": strands_of(options),
        "batch_size": run.batch_size,
        "device": run.explainer.device,
    }
    if run.complete:
        attributes["tolerance"] = run.tolerance
    if run.gc is not None:
        attributes["gc"] = run.gc
    if run.survey.framing.stride is not None:
        attributes["stride"] = run.survey.framing.stride
    if options.keep != "all":
        attributes["kept_scores"] = options.keep
    if options.recipes:
        attributes["recipe"] = "; ".join("=".join(pair) for pair in options.recipes)
    for name in ("reference", "custom_objects", "arch"):
        value = getattr(options, name)
        if value is not None and Path(value).is_file():
            attributes |= {name: value, f"{name}_sha256": digest_of(Path(value))}
    attributes |= {name: value for name, value in method.facts.items() if name != "rule"}
    for name, text in run.explainer.extra_inputs.descriptions.items():
        attributes[f"input {name}"] = text
    attributes |= doubts_of(run.explainer, target)
    return {name: storable(value) for name, value in attributes.items()}


def option_facts(options: ExplainerSettings) -> dict[str, Attribute]:
    """Collect the options that are facts by their own names, as a file stores them.

    Options that are not set are left out.
    """
    plain = [one.name for one in fields(options) if "fact" not in one.metadata]
    chosen = {name: getattr(options, name) for name in plain}
    return {name: stored_form(value) for name, value in chosen.items() if value is not None}


def stored_form(value: Any) -> Attribute:
    if isinstance(value, tuple):
        return "; ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float) else str(value)


def doubts_of(explainer: "Explainer", target: str) -> dict[str, Attribute]:
    """Collect what is doubtful about the scores of a target before any is computed."""
    warned = {WARNING: "; ".join(explainer.warnings)} if explainer.warnings else {}
    return warned | ({BLIND: 0} if target in explainer.blind else {})


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(run: Run) -> dict[str, Attribute]:
    """Collect the facts that must not change before a run is continued."""
    facts = run_attributes(run, ",".join(files.target for files in run.outputs.targets))
    apart = answering("continued", facts)
    return {name: value for name, value in facts.items() if name not in apart} | asked_facts(run)


def asked_facts(run: Run) -> dict[str, Attribute]:
    """Collect what a run is known by that `run_attributes` does not have, or has as it came out."""
    options = run.options
    facts: dict[str, Attribute] = {
        "length": run.row_length,
        "dtype": options.dtype,
        "multipliers": options.multipliers,
    }
    # asked for, it is a choice; chosen by the device it may change
    return facts | ({} if options.batch_size is None else {"batch_size": options.batch_size})


def score_file_facts(run: Run, target: str) -> dict[str, Attribute]:
    """Collect the facts by which the score file of a target is known, as `fingerprint` has them."""
    facts = asked_facts(run) | run_attributes(run, target) | shard_attributes(run)
    if run.options.batch_size is None:
        del facts["batch_size"]
    return facts


def may_differ(run: Run) -> frozenset[str]:
    """Name the facts in which files of an earlier run of the same fingerprint may differ."""
    apart = answering("continued", fingerprint(run))
    return apart - {"batch_size"} if run.options.batch_size is not None else apart


def shard_attributes(run: Run) -> dict[str, str | int]:
    """Say which rows of the whole a file has; nothing where it has all."""
    if run.options.shard is None:
        return {}
    name = shard_name(run.options.shard)
    return {"shard": name, "shard_start": run.first, "shard_of_rows": run.survey.rows}


def strands_of(options: ScoreOptions) -> str:
    if options.both_strands:
        return "mean of both"
    return "that of the region" if options.strand else "forward"


def command_of(options: ScoreOptions) -> str:
    """Write the command of a run; of a very long one, as of thousands of targets, the beginning."""
    text = shlex.join(["seqlift", "score", options.model, options.regions, *words_of(options)])
    more = len(text) - LONGEST_COMMAND
    return f"{text[:LONGEST_COMMAND]} ... and {more} characters more" if more > 0 else text


def words_of(options: ScoreOptions) -> Iterator[str]:
    """Yield every option that was set and changes a score file, but MODEL and REGIONS."""
    for item in fields(options):
        value: Any = getattr(options, item.name)
        # Not what was typed: a shard, or a run with -q, must have the bytes of the others.
        if item.default is MISSING or value == item.default or item.metadata.get("fact") is False:
            continue
        word = flag_of(item)
        if isinstance(value, bool):
            yield word
            continue
        for one in value if isinstance(value, tuple) else (value,):
            yield from (word, "=".join(one) if isinstance(one, tuple) else str(one))


def changes(before: Mapping[str, Attribute], now: Mapping[str, Attribute]) -> list[str]:
    """Describe the differences between two fingerprints, a phrase each."""
    names = [*now, *(name for name in before if name not in now)]
    return [
        f"{fact_words(name)} was {before.get(name, 'missing')} and is {now.get(name, 'missing')}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def fact_words(name: str) -> str:
    """Name a fact in a message, with what it is of where the name does not say."""
    means = fact_of(name).means
    return f"{name} (of {means})" if means else name


def storable(value: Attribute) -> Attribute:
    """Make a fact storable in HDF5: what of a file's name is not text becomes an escape."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
