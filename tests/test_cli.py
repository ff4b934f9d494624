"""The command line as the shell sees it: streams, names of files, help, and interruptions."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import numpy as np
import pytest
from click.testing import CliRunner
from commands import (
    LENGTH,
    Ran,
    attributes_of,
    command,
    contents,
    device,
    fasta,
    listing,
    make_inputs,
    program,
    regions_text,
    score,
    scores_in,
)
from conftest import SINGLE_THREADED

import seqlift
from seqlift.cli import main
from seqlift.cli.grouped import GroupedCommand
from seqlift.cli.options import settings_of
from seqlift.explain.explainer_settings import ExplainerSettings, option
from seqlift.pipeline.output_files import default_prefix
from seqlift.tracks.consumers import next_commands

HEAVY = ("tensorflow", "keras", "jax", "numba", "h5py", "pyBigWig")
COMPUTED = 400_000  # bytes of a part that has more than a chunk, 163 rows
PATIENCE = 120.0  # seconds until a test gives up on a process

LOADED = """
import sys
from seqlift.cli import main
try:
    main(sys.argv[2:], prog_name="seqlift")
finally:
    found = [name for name in sys.argv[1].split(",") if name in sys.modules]
    print("loaded:", *found)
"""

INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started with
from seqlift.cli import main
main(prog_name="seqlift")
"""

PROGRESS = """
from seqlift.cli.report import progress
with progress(quiet=QUIET)("scoring", 3) as bar:
    bar.update(3)
"""

pytestmark = pytest.mark.usefixtures("step_by_step")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the genome, the regions and the models."""
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def scores(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a score file."""
    prefix = tmp_path_factory.mktemp("scores") / "made"
    scored(inputs, "-o", prefix)
    return prefix.with_suffix(".h5")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


STEPWISE = ("-n", 1, "--precision", "float64")  # not compiled, which takes longer than such a run


def scored(inputs: Path, *options: object, regions: object = None, **more: object) -> Ran:
    """Run a model step by step, with one reference."""
    bed = inputs / "peaks.narrowPeak" if regions is None else regions
    words = (inputs / "one.keras", bed, "-g", inputs / "genome.fa", *STEPWISE)
    return score(*words, *options, **more)


def process(*words: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the installed program in a process of its own, with threads as for users."""
    return subprocess.run(
        [program(), *map(str, words)],
        env={name: value for name, value in os.environ.items() if name not in SINGLE_THREADED},
        input=given,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0), ("-h", 0), ("score -h", 0), ("inspect --help", 0), ("-V", 0),
        ("--version", 0), ("score --nonsense", 2), ("score m.h5", 2), ("nonsense", 2),
        ("score m.h5 r.bed --rule x", 2), ("score m.h5 r.bed --tolerance 0", 2),
        ("score m.h5 r.bed --device tpu", 2), ("score m.h5 r.bed -n 0", 2),
    ],
)  # fmt: skip
def test_help_and_mistakes_answer_without_tensorflow(words: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, ",".join(HEAVY), *words.split()],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_the_program_has_the_exit_codes_of_its_commands(workplace: Path) -> None:
    done = process("-V")
    assert (done.returncode, done.stdout) == (
        0,
        f"seqlift, version {seqlift.__version__}\n".encode(),
    )
    done = process("inspect")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"Usage: seqlift inspect [OPTIONS] PATH\n")
    assert list(workplace.iterdir()) == []


def walk(command: click.Command) -> Iterator[click.Option]:
    yield from (found for found in command.params if isinstance(found, click.Option))


def test_every_option_has_a_help_text() -> None:
    assert isinstance(main, click.Group)
    for name in main.commands:
        text = command(name, "--help").out
        for each in walk(main.commands[name]):
            assert each.help
            assert all(word in text for word in each.opts)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreOptions(ExplainerSettings):
    """The options of an explainer, and three more."""

    widths: int = option(3, "Widths of a bell.", least=2, group="Method")
    shape: Literal["bell", "box"] = option("bell", "Shape.", flag="--form", group="Method")
    quick: bool = option(False, "Quickly.", group="Computation")


def test_a_field_of_the_settings_is_an_option_of_the_command_and_nothing_else_is_needed() -> None:
    @click.command(cls=GroupedCommand)
    @settings_of(MoreOptions)
    def command_of_all(**chosen: object) -> None:
        click.echo(MoreOptions(**chosen))

    run = CliRunner().invoke
    made = MoreOptions(widths=5, shape="box", quick=True)
    assert run(command_of_all, ["--widths", "5", "--form", "box", "--quick"]).output == f"{made}\n"
    assert run(command_of_all, []).output == f"{MoreOptions()}\n"
    assert "--widths" in run(command_of_all, ["--widths", "1"]).output
    shown = run(command_of_all, ["--help"]).output
    assert re.search(r"Method:(.|\n)*--form \[bell\|box\] +Shape.  \[default: bell\]", shown)


@pytest.mark.parametrize(("given", "size"), [((), None), (("-b", "auto"), None), (("-b", "3"), 3)])
def test_a_batch_size_is_automatic_or_a_number(given: tuple[str, ...], size: int | None) -> None:
    assert isinstance(main, click.Group)
    context = main.commands["score"].make_context("score", ["model.h5", "peaks.bed", *given])
    assert context.params["batch_size"] == size


def test_what_was_done_is_summed_up_on_standard_error(inputs: Path) -> None:
    ran = scored(inputs)
    assert ran.out == ""
    lines = dict(line.split(maxsplit=1) for line in ran.err.splitlines())
    assert list(lines) == [
        "sequences", "windows", "seconds", "residual", "computed", "files", "note",
    ]  # fmt: skip
    assert lines["sequences"] == "23 (18 ok, 3 padded, 1 N, 1 all N)"
    none = sum(line.endswith("\t-1") for line in regions_text().splitlines())
    windows = f"{23 - none} around summits, {none} around centres ({none} with -1 in column 10)"
    assert lines["windows"] == windows
    found = attributes_of(Path("peaks.seqlift.h5"))
    assert [found[f"windows_around_{what}"] for what in ("summits", "centres")] == [23 - none, none]
    assert found["summit"] == "auto"
    assert re.fullmatch(r"\d+\.\d, \d+\.\d sequences per second", lines["seconds"])
    worst = rf"at most (\d\.\de-\d\d) of the prediction, at {re.escape(str(inputs))}/peaks.*:(\d+)"
    found = re.fullmatch(worst, lines["residual"])
    assert found
    relative = scores_in(Path("peaks.seqlift.h5"))["qc/relative_residual"]
    assert f"{relative.max():.1e}" == found[1]
    assert relative[int(found[2]) - 1] == relative.max()
    assert lines["computed"] == f"in float64 on {device()}"
    assert lines["files"].split() == [
        "peaks.seqlift.h5", "peaks.seqlift.regions.bed", "peaks.seqlift.bw",
    ]  # fmt: skip
    assert set(lines["files"].split()) == set(contents(Path()))


def test_quiet_prints_nothing(inputs: Path) -> None:
    assert scored(inputs, "-q") == Ran(0, "", "")


def test_verbose_tells_what_was_decided(inputs: Path) -> None:
    from seqlift.device.backend import most_lanes

    told = scored(inputs, "-v", "-b", 4).err.splitlines()
    assert told[0] == (
        "seqlift: 23 regions, windows of 50 bases, 1 references (dinucleotide) each; batches of 4,"
        f" {most_lanes()} at once; {device()}"
    )
    assert told[1] == "seqlift: targets: task"


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_is_shown_on_a_terminal_unless_quiet(quiet: bool) -> None:
    terminal, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    code = PROGRESS.replace("QUIET", str(quiet))
    subprocess.run([sys.executable, "-c", code], stderr=follower, check=True)
    os.write(follower, b"end")
    shown = b""
    while not shown.endswith(b"end"):
        shown += os.read(terminal, 10_000)
    os.close(terminal)
    os.close(follower)
    assert (b"scoring: 100%" in shown) is not quiet
    assert (shown == b"end") is quiet


def test_progress_is_not_shown_elsewhere() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRESS.replace("QUIET", "False")], capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize(
    ("regions", "prefix"),
    [
        ("peaks.bed", "peaks"), ("a/b/peaks.bed.gz", "peaks"), ("x.narrowPeak", "x"),
        ("x.narrowPeak.bgz", "x"), ("s.fa", "s"), ("s.fasta.gz", "s"), ("s.fna", "s"),
        ("notes.txt", "notes"), ("a.b.bed", "a.b"), ("peaks", "peaks"), ("peaks.tsv", "peaks.tsv"),
        (".bed", ".bed"), ("-", "stdin"),
    ],
)  # fmt: skip
def test_files_are_named_after_the_regions(regions: str, prefix: str) -> None:
    assert default_prefix(regions) == f"{prefix}.seqlift"


def test_the_prefix_names_all_files(inputs: Path, workplace: Path) -> None:
    (workplace / "deep").mkdir()
    scored(inputs, "-o", "deep/my.run")
    assert set(contents(workplace)) == {
        "deep/my.run.h5", "deep/my.run.bw", "deep/my.run.regions.bed",
    }  # fmt: skip


def test_existing_files_are_replaced_only_when_forced(inputs: Path, workplace: Path) -> None:
    scored(inputs)
    before = listing(workplace)
    words = (inputs / "one.keras", inputs / "peaks.narrowPeak", "-g", inputs / "genome.fa")
    assert command("score", *words, "-n", 2).code == 5
    assert listing(workplace) == before
    score(*words, *STEPWISE, "-n", 2, "--force")
    assert attributes_of(Path("peaks.seqlift.h5"))["references"] == 2
    assert set(listing(workplace)) == set(before)


def test_the_genome_can_come_from_the_environment(inputs: Path) -> None:
    words = (inputs / "one.keras", inputs / "peaks.narrowPeak", *STEPWISE)
    score(*words, SEQLIFT_GENOME=str(inputs / "genome.fa"))
    assert attributes_of(Path("peaks.seqlift.h5"))["genome"] == str(inputs / "genome.fa")


def test_regions_come_from_a_pipe_or_compressed(inputs: Path, scores: Path) -> None:
    text = (inputs / "peaks.narrowPeak").read_bytes()
    Path("r.bed.gz").write_bytes(gzip.compress(text))
    scored(inputs, regions="r.bed.gz")
    scored(inputs, "-o", "both", regions="-", given=gzip.compress(text))
    for name in ("r.seqlift", "both"):
        for kind in ("bw", "regions.bed"):
            plain = scores.with_suffix(f".{kind}")
            assert Path(f"{name}.{kind}").read_bytes() == plain.read_bytes()


def test_sequences_need_no_genome() -> None:
    inputs = make_inputs(Path())
    Path("s.fa").write_text(fasta({"s1": "ACGT" * 30}))
    score("one.keras", "s.fa", *STEPWISE)
    assert scores_in(Path("s.seqlift.h5"))["regions/chrom"].tolist() == ["s1"]
    assert (inputs / "s.fa.fai").exists()


def test_a_score_file_is_inspected_as_text(scores: Path) -> None:
    ran = command("inspect", scores)
    assert (ran.code, ran.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert lines["scores"] == str(scores)
    assert lines["rows"] == f"23 of {LENGTH} bases"
    assert lines["status"] == "18 ok, 3 padded, 1 N, 1 all N"
    share = r"\d\.\de[-+]\d\d"
    shares = ", ".join(f"{percent} % within {share}" for percent in (50, 90, 99, 100))
    assert re.fullmatch(shares, lines["residual"])
    assert re.fullmatch(shares, lines["relative"])
    assert " around summits, " in lines["windows"]
    assert lines["rule"] == "genomics"
    assert lines["seqlift_version"] == seqlift.__version__
    shown = [line.split(maxsplit=1)[1] for line in ran.out.splitlines() if line.startswith("next")]
    assert shown == next_commands(scores)


def test_a_score_file_is_inspected_as_json(scores: Path) -> None:
    ran = command("inspect", scores, "--json")
    assert (ran.code, ran.err) == (0, "")

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    told, rows = json.loads(ran.out, parse_constant=refuse), scores_in(scores)
    assert (told["rows"], told["length"]) == (23, LENGTH)
    assert told["next_commands"] == next_commands(scores)
    assert told["relative_residual"]["1.0"] == rows["qc/relative_residual"].max()
    assert told["largest_contribution"] == np.abs(rows["projected_shap/seq"]).max()
    assert told["provenance"] == {
        name: value.item() if hasattr(value, "item") else value
        for name, value in attributes_of(scores).items()
    }


def test_output_that_nobody_reads_on_is_no_error(scores: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [program(), "inspect", scores],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.slow
def test_an_interrupted_run_leaves_what_it_can_be_continued_from(
    inputs: Path, workplace: Path
) -> None:
    text = (inputs / "peaks.narrowPeak").read_text()
    (workplace / "long.narrowPeak").write_text(text * 400)
    words = [inputs / "one.keras", "long.narrowPeak", "-g", inputs / "genome.fa", "-n", "100"]
    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "score", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    limit = time.monotonic() + PATIENCE
    while running.poll() is None and time.monotonic() < limit:
        if sum(path.stat().st_size for path in workplace.glob("*.parts/*/scores.h5")) > COMPUTED:
            break
        time.sleep(0.05)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130, err
    kept = "[1-9][0-9]* of 9200 sequences are kept in long.seqlift.parts"
    said = f"seqlift: interrupted; {kept}; the same command goes on from there\n"
    assert re.fullmatch(said, err.decode()), err
    assert out == b""
    names = {path.name for path in workplace.iterdir()}
    assert names == {"long.narrowPeak", "long.seqlift.parts"}
    assert not list(workplace.rglob("*.partial"))


def test_the_program_reads_standard_input_and_writes_to_standard_error_only(inputs: Path) -> None:
    words = ("score", inputs / "averaging.keras", "-", "-g", inputs / "genome.fa", "-n", 1)
    done = process(*words, given=(inputs / "peaks.narrowPeak").read_bytes())
    assert (done.returncode, done.stdout) == (0, b"")
    told = done.stderr.decode().splitlines()
    assert [line.split()[0] for line in told] == [
        "sequences", "windows", "seconds", "residual", "computed", "files", "note",
    ]  # fmt: skip
    assert set(contents(Path())) == {
        "stdin.seqlift.h5", "stdin.seqlift.bw", "stdin.seqlift.regions.bed",
    }  # fmt: skip
    score(inputs / "averaging.keras", inputs / "peaks.narrowPeak", *words[3:])
    assert Path("peaks.seqlift.bw").read_bytes() == Path("stdin.seqlift.bw").read_bytes()
