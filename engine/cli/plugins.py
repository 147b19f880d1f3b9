"""`goodword plugins`: which plugins there are, how they stand, and whether one holds what it promises."""

from dataclasses import asdict

import click

from engine.kernel.canonical import dump_json
from engine.kernel.settings import load_settings
from engine.plugin_host import PluginHost, PluginState, PluginStatus, load_plugins
from engine.plugin_host.register import Contents


@click.group("plugins")
def command() -> None:
    """List and check plugins. Installed is not enabled: GOODWORD_PLUGINS names those that are loaded."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
def list_plugins(*, as_json: bool) -> None:
    """Print every installed or enabled plugin with its state."""
    statuses = load_plugins(load_settings().plugins).statuses()
    if as_json:
        click.echo(dump_json([asdict(status) for status in statuses]))
        return
    width = max((len(status.name) for status in statuses), default=0)
    for status in statuses:
        click.echo(_line(status, width))


@command.command()
@click.argument("name")
@click.pass_context
def check(context: click.Context, name: str) -> None:
    """Load plugin NAME beside the enabled ones and print what it registers; exit 1 where it fails."""
    host = load_plugins(sorted({*load_settings().plugins, name}))
    status = next(status for status in host.statuses() if status.name == name)
    click.echo(_line(status, len(name)))
    if status.state is PluginState.FAILED:
        context.exit(1)
    _print_contents(host.contents(name))
    problem = _settings_problem(host, name)
    if problem:
        click.echo(f"  Its settings model cannot be shown: {problem}")
        context.exit(1)


def _line(status: PluginStatus, width: int) -> str:
    known = " ".join(filter(None, (status.version, f"({status.distribution})" if status.distribution else None)))
    more = status.reason or ", ".join(kind.replace("_", " ") for kind in status.kinds)
    return f"{status.name:{width}}  {status.state.value:8}  {known}  {more}".rstrip()


def _print_contents(contents: Contents) -> None:
    click.echo(f"  {contents.manifest.title}: {contents.manifest.summary}")
    for noun in (noun for nouns in contents.nouns.values() for noun in nouns.values()):
        click.echo(f"  {noun.what}: {noun.value.title}")


def _settings_problem(host: PluginHost, name: str) -> str | None:
    """Print the fields of the plugin's settings; return what is wrong with the model."""
    model = host.settings_model(name)
    try:
        model.model_json_schema()
    except Exception as error:  # noqa: BLE001 - a plugin's own code
        return f"{type(error).__name__}: {error}"
    fields = [f"{field}{' (required)' if info.is_required() else ''}" for field, info in model.model_fields.items()]
    click.echo(f"  settings: {', '.join(fields) or 'none'}")
    return None
