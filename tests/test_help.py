"""The help of every command says what is so, once."""

import re
from dataclasses import fields

import click
import pytest
from commands import command

from seqlift.cli import main
from seqlift.pipeline.tolerances import STORED, TOLERANCES, tolerances_in_words
from seqlift.seqlets.seqlet_settings import SeqletSettings

assert isinstance(main, click.Group)
COMMANDS = main.commands


def options_of(name: str) -> list[click.Option]:
    return [one for one in COMMANDS[name].params if isinstance(one, click.Option)]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_one_default_of_an_option_and_the_field_s_own_words(name: str) -> None:
    text = command(name, "--help").out
    assert 'default: ""' not in text
    assert not re.search(r"INTEGER|FLOAT|TEXT|RANGE", text)
    for each in options_of(name):
        shown = each.get_help_record(click.Context(COMMANDS[name]))
        assert shown is not None
        assert shown[1].count("[default: ") <= 1


def test_only_commands_that_load_tensorflow_promise_its_messages() -> None:
    helps = {name: " ".join(command(name, "-h").out.split()) for name in COMMANDS}
    assert {name for name, text in helps.items() if "TensorFlow's messages" in text} == {
        "score",
        "evaluate",
        "inspect",
        "design",
        "check",
    }


def test_the_help_of_a_design_explains_nothing() -> None:
    assert "xplain" not in command("design", "--help").out


def test_defaults_in_words_are_those_that_are_used() -> None:
    words = tolerances_in_words()
    assert words == "1e-4; tf32 1e-2, bfloat16 5e-2; 1e-3 for what --dtype float16 stores"
    numbers = {float(word) for word in re.findall(r"\de-\d", words)}
    assert numbers == {*TOLERANCES.values(), *STORED.values()} - {0.0}
    seqlets = {one.name: one.default for one in options_of("seqlets")}
    for one in fields(SeqletSettings):
        assert seqlets[one.name] == one.default
