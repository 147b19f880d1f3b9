"""The `goodword` command: a group whose parts are loaded only when they are called, so that it starts fast."""

import importlib
import sys
from typing import Any

import click

from engine.kernel.errors import GoodwordError
from engine.kernel.logs import log_to_stderr

GROUPS = {
    "ambassador": "Add ambassadors, let them in, agree on rates, print links to sign in with.",
    "bench": "Measure speed, as ratios within one run.",
    "brand": "Create a brand, add its staff, print links to sign in with.",
    "clicks": "Count clicks by day, compare the counts with them, delete old ones.",
    "code": "Issue promo codes, give them to somebody else, let them end.",
    "connections": "Connect shops, check them, say what their connectors must know.",
    "db": "Bring the database to this version, or check it.",
    "demo": "Build the demo brand from a real purchase log, and serve it.",
    "explain": "Say why a commission or an order came out as it did.",
    "health": "Look whether everything does its work.",
    "import": "Take in orders, ambassadors and codes from a file.",
    "inbox": "List, show and replay webhooks that could not be read.",
    "ledger": "Verify, sum up and export the books.",
    "links": "Make links for ambassadors, lead them elsewhere, draw their QR codes.",
    "orders": "List and retry orders that are blocked.",
    "payouts": "Preview, run and confirm payouts.",
    "plugins": "List plugins, check one, keep its settings, begin a new one.",
    "program": "Create programs and publish their terms.",
    "rebuild": "Replay the recorded facts and compare the books.",
    "reconcile": "Ask shops what changed, and take in what was missed.",
    "serve": "Serve links, pages, webhooks, the portal and the admin panel.",
    "worker": "Run the jobs: approve what is due, tell events, seal the books.",
}


class LazyGroup(click.Group):
    """A group that imports `engine.cli.<name>` and takes its `command` when `<name>` is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all parts."""
        return sorted(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one part, imported now."""
        if cmd_name not in GROUPS:
            return None
        module = importlib.import_module(
            f"engine.cli.{cmd_name}_" if cmd_name == "import" else f"engine.cli.{cmd_name}"
        )
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of parts without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(GROUPS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a part; an error of ours is a sentence on stderr and exit code 1, not a trace."""
        try:
            return super().invoke(ctx)
        except GoodwordError as error:
            click.echo(f"goodword: {error}", err=True)
            sys.exit(1)
        except Exception as error:
            problem = _problem_of_database(error)
            if problem is None:
                raise
            click.echo(f"goodword: {problem}", err=True)
            sys.exit(1)


def _problem_of_database(error: Exception) -> str | None:
    """Say what `error` means where the database lacks tables of this version or cannot be reached; else None."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - only where something failed

    from engine.kernel.migrate import pending  # noqa: PLC0415
    from engine.kernel.settings import load_settings  # noqa: PLC0415

    if not isinstance(error, DBAPIError):
        return None
    try:
        behind = pending(load_settings().database)
    except DBAPIError as unreachable:
        said = " ".join(str(unreachable.orig).split())
        return f"The database is out of reach: {said}. Check GOODWORD_DATABASE_URL and whether it runs."
    return "The database is not at this version. Run `goodword db upgrade`." if behind else None


@click.group(cls=LazyGroup)
@click.version_option(package_name="goodword")
def main() -> None:
    """Run an ambassador program engine on your own machine."""
    log_to_stderr()
