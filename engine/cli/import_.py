"""`goodword import`: takes orders in from a file, and ambassadors and codes (`import_people`)."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from uuid import UUID

import click

from engine.bootstrap import Goodword, start
from engine.cli.common import brand_option, chosen_brand, json_option, read_document, write_json
from engine.cli.import_people import ROWS_REFUSED, SHOWN_IN_JSON, ambassadors, codes
from engine.intake.queries import refunds_waiting
from engine.intake.rules import Source
from engine.kernel.errors import InputError, RowProblem
from engine.pipeline.imports import Imported, import_file
from engine.pipeline.run import Ingested
from engine.plugin_api import PluginSettings
from engine.plugin_host.service import save_settings, settings_for, settings_of


@click.group("import")
def command() -> None:
    """Take in what another system exported."""


command.add_command(ambassadors)
command.add_command(codes)


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--connector", default="csv_orders", show_default=True, help="Which connector reads the file.")
@click.option("--account", default="main", show_default=True, help="Which of the brand's shops it is from.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The connector's settings as a JSON file; without it those that the brand has stored.",
)
@click.option("--save-mapping", is_flag=True, help="Store --mapping as the brand's settings of the connector's plugin.")
@brand_option
@json_option
@click.pass_context
def orders(
    context: click.Context,
    file: Path,
    *,
    connector: str,
    account: str,
    mapping: Path | None,
    save_mapping: bool,
    slug: str | None,
    as_json: bool,
) -> None:
    """Take in orders and refunds from FILE and book what they earn.

    Each row that cannot be read is printed with its line, field and what to do; the rows around it go in. Running the
    same file again changes nothing.

    Exit code: 0 when every row went in or was there already, 2 when rows were refused (the others went in), 1 when the
    file could not be read at all.
    """
    goodword = start()
    try:
        brand = chosen_brand(goodword, slug)
        document = _read_mapping(mapping) if mapping else None
        settings = _settings(goodword, brand.id, connector=connector, document=document, save=save_mapping)
        source = Source(connector, account)
        problems: list[RowProblem] = []

        def tell(problem: RowProblem) -> None:
            if not as_json:
                clear = "\r\x1b[K" if sys.stderr.isatty() else ""  # the bar is on this line
                click.echo(f"{clear}{problem}", err=True)
            elif len(problems) < SHOWN_IN_JSON:
                problems.append(problem)

        with file.open("rb") as opened, _bar(opened, file.name) as bar:
            result = import_file(
                goodword.pipeline,
                brand.id,
                source=source,
                file=opened,
                name=file.name,
                settings=settings,
                tell=tell,
                after_batch=_follow(opened, bar),
            )
        with goodword.database.reading() as unit:
            waiting = refunds_waiting(unit, brand.id, connector=connector, account=account)
    finally:
        goodword.close()
    _report(result, waiting, problems=problems, as_json=as_json)
    context.exit(ROWS_REFUSED if result.problems else 0)


class Bar(Protocol):
    """As much of a progress bar as is needed here."""

    def update(self, n_steps: int) -> None:
        """Move on by some steps."""
        ...


def _bar(opened: BinaryIO, name: str) -> AbstractContextManager[Bar | None]:
    """Return a bar over the file's bytes on stderr; none for what is no plain file and has no length."""
    if not opened.seekable():
        return nullcontext()
    size = os.fstat(opened.fileno()).st_size
    return click.progressbar(length=size, label=name, file=sys.stderr)


def _follow(opened: BinaryIO, bar: Bar | None) -> Callable[[Ingested], None]:
    """Return what moves `bar` to where reading stands."""
    seen = 0

    def follow(_: Ingested) -> None:
        nonlocal seen
        if bar is not None:
            place = opened.tell()
            bar.update(place - seen)
            seen = place

    return follow


def _read_mapping(path: Path) -> dict[str, Any]:
    remedy = 'Write an object such as {"columns": {"order_id": "Order", …}, …}.'
    return read_document(path.read_bytes(), name=path.name, field="--mapping", remedy=remedy)


def _settings(
    goodword: Goodword, brand_id: UUID, *, connector: str, document: dict[str, Any] | None, save: bool
) -> PluginSettings:
    host, keyring = goodword.plugins, goodword.keyring
    plugin = host.connector(connector).plugin
    if document is None:
        if save:
            raise InputError("There is no mapping to store.", field="--save-mapping", remedy="Give --mapping, too.")
        with goodword.database.reading() as unit:
            return settings_for(unit, brand_id, plugin=plugin, host=host, keyring=keyring)
    if not save:
        return settings_of(document, plugin=plugin, host=host)
    with goodword.database.unit() as unit:
        return save_settings(unit, brand_id, plugin=plugin, document=document, host=host, keyring=keyring)


def _report(result: Imported, waiting: int, *, problems: list[RowProblem], as_json: bool) -> None:
    done = result.done
    counts = {
        "new": done.new,
        "repeated": done.repeated,
        "older": done.older,
        "orders": done.orders,
        "booked": done.booked,
        "blocked": done.blocked,
        "refused": result.problems,
        "refunds_waiting": waiting,
    }
    if as_json:
        write_json(counts | {"problems": [asdict(problem) for problem in problems]})
        return
    click.echo(
        f"{done.new:,} new, {done.repeated:,} seen before, {done.older:,} older than what is known; "
        f"{done.orders:,} orders looked at, {done.booked:,} commission rows booked."
    )
    if done.blocked:
        click.echo(f"{done.blocked:,} orders are blocked: `goodword orders blocked` says why.")
    if waiting:
        click.echo(f"{waiting:,} refunds wait for an order that has not come.")
    if result.problems:
        click.echo(f"{result.problems:,} rows were refused; the lines above say why.")
