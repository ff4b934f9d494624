"""Help of commands with many options: these in groups, each below a heading."""

from typing import Any

import click

GROUPS = (
    "Input and output",
    "Target",
    "Method",
    "Search",
    "Constraints",
    "References",
    "Windows",
    "Model",
    "Computation",
    "Other",
)
"""Headings, in the order of the help."""


class GroupedOption(click.Option):
    """An option that stands in a group of the help."""

    def __init__(self, *arguments: Any, group: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help shows the options of each group below a heading."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group; those without a group come last."""
        found: dict[str, list[tuple[str, str]]] = {name: [] for name in GROUPS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                found[getattr(parameter, "group", GROUPS[-1])].append(record)
        for name, records in found.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
