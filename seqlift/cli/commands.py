"""The commands that load a model, and the group of all."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqlift import __version__
from seqlift.cli import options, report
from seqlift.cli.browse_command import browse
from seqlift.cli.check_command import check
from seqlift.cli.failures import quiet_imports, show_failures
from seqlift.cli.grouped import GroupedCommand
from seqlift.cli.score_file_commands import export, merge, plot, seqlets, track, write_page
from seqlift.cli.screen import Commands
from seqlift.errors import ModelError

if TYPE_CHECKING:
    from seqlift.pipeline.settings import Settings

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, "-V", "--version", prog_name="seqlift")
def main() -> None:
    """Show which bases made a model say what it says.

    DeepLIFT scores of DNA regions under a Keras model, as a genome-browser track and HDF5.
    """


@main.command(cls=GroupedCommand, epilog=options.methods_listed())
@options.model
@options.regions
@options.run
@options.backend
@options.quiet
@options.verbose
@options.debug
@show_failures
def score(*, quiet: bool, verbose: int, **chosen: Any) -> None:
    """Write the contribution of every base to PREFIX.h5 and PREFIX.bw.

    A window of the model's length is scored around the summit or centre of each region.
    """
    from seqlift.pipeline.score_options import ScoreOptions

    with quiet_imports(verbose):
        from seqlift.pipeline.score import score as run

        settings = click.get_current_context().obj or load_settings()
    summary = run(ScoreOptions(**chosen), settings, progress=report.progress(quiet=quiet))
    if not quiet:
        report.show_summary(summary)
    if chosen["timings"]:
        report.show_timings(summary.timings)


def load_settings() -> "Settings":
    from seqlift.pipeline.loading import load_explainer
    from seqlift.pipeline.settings import Settings

    return Settings(load=load_explainer)


@main.command("evaluate", cls=GroupedCommand)
@options.model_or_none
@options.regions_or_none
@options.evaluation
@options.quiet
@options.verbose
@options.debug
@show_failures
def evaluate_command(
    *, quiet: bool, verbose: int, model: str | None, regions: str | None, **chosen: Any
) -> None:
    """Measure how far the scores of methods can be believed: PREFIX.measures.tsv and .png.

    Of MODEL and REGIONS, or of score files with --scores. The table is printed, too.
    """
    from seqlift.pipeline.evaluate_options import EvaluateOptions, check_sources

    asked = EvaluateOptions(model=model or "", regions=regions or "", **chosen)
    check_sources(asked)
    bar = report.progress(quiet=quiet)
    if asked.scores:
        from seqlift.pipeline.evaluate_files import evaluate_files

        report.show_evaluation(evaluate_files(asked, progress=bar), quiet=quiet)
        return
    with quiet_imports(verbose):
        from seqlift.pipeline.evaluate import evaluate_methods as run

        settings = click.get_current_context().obj or load_settings()
    report.show_evaluation(run(asked, settings, progress=bar), quiet=quiet)


@main.command()
@options.path
@options.explainer
@options.as_json
@options.verbose
@options.debug
@show_failures
def inspect(*, path: str, as_json: bool, verbose: int, **chosen: Any) -> None:
    """Show what a model offers to explain and how, or what is in a score file."""
    from seqlift.tracks.consumers import commands_for
    from seqlift.tracks.finding import is_score_file, score_files_near
    from seqlift.tracks.score_file import ScoreFile
    from seqlift.tracks.seal import check_seal

    check_seal(Path(path))
    if is_score_file(path) or score_files_near(path):  # ScoreFile offers those near
        with ScoreFile(path) as scores:
            summary = replace(scores.summary(), next_commands=tuple(commands_for(scores)))
        report.show_scores(path, summary, as_json=as_json)
        return
    with quiet_imports(verbose):
        from seqlift.explain.inspection import inspect_model
    found = inspect_model(path, **chosen)
    report.show_model(found, as_json=as_json)
    if found.refused:
        raise ModelError(*found.problems)


@main.command(cls=GroupedCommand)
@options.model
@options.design
@options.backend
@options.quiet
@options.verbose
@options.debug
@show_failures
def design(*, quiet: bool, verbose: int, **chosen: Any) -> None:
    """Make sequences that a model predicts high, or high for one target and low for another.

    Writes PREFIX.fa, PREFIX.trajectory.tsv with every edit, and the picture PREFIX.png.
    """
    from seqlift.pipeline.design_options import DesignOptions

    with quiet_imports(verbose):
        from seqlift.pipeline.design_run import run_design as run
    written = run(DesignOptions(**chosen), progress=report.progress(quiet=quiet))
    report.show_files(written, quiet=quiet)


@main.command()
@options.as_json
@options.verbose_libraries
@options.debug
@show_failures
def devices(*, as_json: bool, **_: Any) -> None:
    """List the GPUs that TensorFlow and JAX see, and why one is not used."""
    from seqlift.system.gpus import all_devices, chosen_backend

    found = all_devices()
    report.show_devices(found, chosen_backend(found), as_json=as_json)


for one in (merge, track, plot, write_page, browse, seqlets, export, check):
    main.add_command(one)
