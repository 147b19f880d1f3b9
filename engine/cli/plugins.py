"""`goodword plugins`: which there are, how they stand, whether one keeps its word, what it was told; new ones."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import click

from engine.cli.common import at_brand, brand_option, by_option, read_document
from engine.identity.service import record
from engine.kernel.canonical import dump_json
from engine.kernel.errors import InputError
from engine.kernel.settings import load_settings
from engine.plugin_host import PluginHost, PluginState, PluginStatus, load_plugins
from engine.plugin_host.register import Contents
from engine.plugin_host.service import save_settings, settings_for
from engine.plugin_host.settings import masked
from engine.testing.scaffold import Kind, new_package


@click.group("plugins")
def command() -> None:
    """List and check plugins, keep their settings, begin new ones.

    Installed is not enabled: GOODWORD_PLUGINS names those that are loaded; +acme is loaded beside those of the house.
    """


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


@command.command()
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path(), help="Where to put it; here by default.")
def new(kind: str, name: str, *, into: Path) -> None:
    """Write a package for a new plugin NAME that brings a noun of the kind that is named first.

    Its tests pass as it is: change it until they pass for what you mean.
    """
    chosen = Kind(kind)
    registered = getattr(load_plugins(load_settings().plugins), chosen.hook)
    if name in registered:
        problem = f"Plugin {registered[name].plugin} registers the {chosen.word} {name} already."
        raise InputError(problem, field="NAME", remedy="Choose another name.")
    folder = new_package(chosen, name, into=into)
    click.echo(f"{folder} holds the {chosen.word} {name}, whose tests pass.")
    click.echo(f"Next: cd {folder} && pip install -e '.[test]' && pytest. How to go on: plugins/AUTHORING.md.")


@command.command()
@click.argument("name")
@click.option("--set", "file", type=click.File("rb"), help="Store what this JSON file holds in place of what there is.")
@click.option("--show", is_flag=True, help="Print what is stored; done also where nothing else is asked for.")
@brand_option
@by_option
def settings(name: str, *, file: BinaryIO | None, show: bool, slug: str | None, by: str) -> None:
    """Print what the brand tells plugin NAME as JSON, or store it anew.

    Secrets are printed as a mask. A mask that is handed in again keeps the secret as it is.
    """
    document = None if file is None else read_document(file.read(), name=file.name, field="--set")
    with at_brand(slug) as (goodword, brand):
        host, keyring = goodword.plugins, goodword.keyring
        if document is not None:
            with goodword.database.unit() as unit:
                save_settings(unit, brand.id, plugin=name, document=document, host=host, keyring=keyring)
                record(unit, brand.id, actor=by, action="save_settings", subject=f"plugin {name}")
        with goodword.database.reading() as unit:
            kept = masked(settings_for(unit, brand.id, plugin=name, host=host, keyring=keyring))
    if document is None or show:
        click.echo(json.dumps(kept, ensure_ascii=False, indent=2))
    else:
        click.echo(f"The settings of {name} are stored for {brand.slug}.")


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
