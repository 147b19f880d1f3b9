"""What the plugins' READMEs have people type to connect a shop is understood as it stands, up to where it would run."""

import re
import shlex
from pathlib import Path

import click
import pytest

from engine.cli import main

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
COMMANDS = sorted(
    {
        (readme.parent.name, " ".join(found.split()))
        for readme in PLUGINS.glob("*/README.md")
        for found in re.findall(r"`goodword (connections [^`]+)`", readme.read_text(encoding="utf-8"))
    }
)


def test_the_readmes_have_commands():
    assert {"medusa", "vendure"} <= {plugin for plugin, _ in COMMANDS}


@pytest.mark.parametrize(("plugin", "words"), COMMANDS, ids=[f"{plugin}: {words}" for plugin, words in COMMANDS])
def test_a_command_of_a_readme_is_understood(plugin, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command: click.Command = main
    context = click.Context(command, info_name="goodword")
    arguments = shlex.split(words)
    for word in arguments:
        if word.endswith((".json", ".csv", ".toml")):
            (tmp_path / word).touch()
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    with command.make_context(words, arguments) as understood:
        assert understood.command is command
