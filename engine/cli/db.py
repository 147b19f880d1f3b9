"""`goodword db`: the schema of the database."""

import click

from engine.kernel.migrate import pending, upgrade
from engine.kernel.settings import load_settings


@click.group()
def command() -> None:
    """Bring the database to this version, or check it."""


@command.command("upgrade")
def upgrade_() -> None:
    """Run what is pending; nothing happens where the database is up to date."""
    upgrade(load_settings().database)
    click.echo("The database is at this version.")


@command.command()
def check() -> None:
    """Say whether the database is at this version; exit code 1 where it is not."""
    if pending(load_settings().database):
        raise click.ClickException("The database is not at this version. Run `goodword db upgrade`.")
    click.echo("The database is at this version.")
