"""`goodword health`: whether the installation does its work."""

import sys
from typing import Final

import click

from engine.bootstrap import start
from engine.cli.common import json_option, write_json
from engine.insights.health import Health, Level, health

_COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILING: "red"}


@click.command("health")
@json_option
def command(*, as_json: bool) -> None:
    """Look at the database, the worker, dead jobs, lost clicks, open alarms and webhooks that could not be read.

    Ends with exit code 1 where something is failing, 0 where all is well or only wants somebody to look. The web tells
    the same, without figures, at /health.
    """
    goodword = start()
    try:
        found = health(goodword.database)
    finally:
        goodword.close()
    if as_json:
        write_json(_told(found))
    else:
        for check in found.checks:
            level = click.style(f"{check.level.name.lower():8}", fg=_COLOURS[check.level])
            click.echo(f"{level} {check.name:9} {check.says}")
    if found.level is Level.FAILING:
        sys.exit(1)


def _told(found: Health) -> dict[str, object]:
    checks = [
        {"name": check.name, "level": check.level.name.lower(), "says": check.says, "number": check.number}
        for check in found.checks
    ]
    return {"level": found.level.name.lower(), "checks": checks}
