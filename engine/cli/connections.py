"""`goodword connections`: shops that are connected, what their connectors were told, and whether they let us in."""

import json
from dataclasses import dataclass
from typing import Any, BinaryIO

import click

from engine.bootstrap import Goodword
from engine.cli.common import at_brand, brand_option, by_option, checked, json_option, read_document, write_json
from engine.connections.opened import OpenConnection
from engine.connections.queries import ConnectionView, connection_named, connections_of, open_alarms, refused_of
from engine.connections.rules import GONE
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import alarm_key, end_alarm, save_connection, settings_of_connection, switch
from engine.connections.tables import ConnectionState
from engine.identity.queries import BrandView
from engine.identity.service import record
from engine.intake.webhooks.queries import last_heard
from engine.plugin_api import Capability
from engine.plugin_host.settings import masked

_FORGOTTEN = frozenset({"settings_encrypted", "brand_id"})


@click.group("connections")
def command() -> None:
    """Connect shops, check them, and say what their connectors must know.

    A shop is named by its connector and an account: `shopify main-shop`. Its webhooks go to
    /hooks/CONNECTOR/ACCOUNT.
    """


@dataclass(frozen=True, slots=True)
class _At:
    """One connection of a brand, and what it is reached through."""

    goodword: Goodword
    brand: BrandView
    view: ConnectionView

    def address(self) -> str:
        return f"{self.goodword.settings.base_url}{self.view.hook_path}"

    def open(self) -> OpenConnection:
        return self.goodword.shops.open(self.view)


@command.command()
@click.argument("connector")
@click.argument("account")
@click.option("--title", required=True, help="What people call the shop.")
@click.option("--settings", "file", type=click.File("rb"), help="A JSON file with what the connector must know.")
@click.option("--quiet-after", "quiet_after_h", default=48, show_default=True, help="Hours of silence until an alarm.")
@brand_option
@by_option
@json_option
def add(
    connector: str,
    account: str,
    *,
    title: str,
    file: BinaryIO | None,
    quiet_after_h: int,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Connect the shop ACCOUNT by CONNECTOR, or change what is known of it; print the address of its webhooks."""
    settings = {} if file is None else read_document(file.read(), name=file.name, field="--settings")
    draft = checked(
        ConnectionDraft,
        connector=connector,
        account=account,
        title=title,
        quiet_after_h=quiet_after_h,
        settings=settings,
    )
    with at_brand(slug) as (goodword, brand):
        view = goodword.database.run(
            lambda unit: save_connection(unit, brand.id, draft, host=goodword.plugins, keyring=goodword.keyring, by=by)
        )
        address = _At(goodword, brand, view).address()
    if as_json:
        write_json({"brand": brand.slug, "address": address, **_told(view)})
    else:
        click.echo(f"{view.title} is connected as {view.name}. Its webhooks go to:\n{address}")


@command.command("list")
@brand_option
@json_option
def list_connections(*, slug: str | None, as_json: bool) -> None:
    """List the brand's shops: state, last webhook, refused ones of seven days, and what is wrong."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        heard, refused = last_heard(unit), refused_of(unit, brand.id)
        rows = [
            {
                **_told(view),
                "address": f"{goodword.settings.base_url}{view.hook_path}",
                "last_webhook_at": heard.get(view.id),
                "refused_in_7_days": refused.get(view.id, 0),
                "alarms": [alarm.text for alarm in open_alarms(unit, brand.id, connection_id=view.id)],
            }
            for view in connections_of(unit, brand.id)
        ]
    if as_json:
        write_json({"brand": brand.slug, "connections": rows})
        return
    for row in rows:
        last = f"{row['last_webhook_at']:%Y-%m-%d %H:%M}" if row["last_webhook_at"] else "never"
        refused_text = f", {row['refused_in_7_days']:,} refused in 7 days" if row["refused_in_7_days"] else ""
        click.echo(
            f"{row['connector']}/{row['account']}  {row['state']:3}  {row['title']}  last webhook {last}{refused_text}"
        )
        for text in row["alarms"]:
            click.echo(f"  ALARM: {text}")
    if not rows:
        click.echo("No shop is connected. Connect one: goodword connections add CONNECTOR ACCOUNT --title …")


@command.command()
@click.argument("connector")
@click.argument("account")
@brand_option
@json_option
@click.pass_context
def check(context: click.Context, *, connector: str, account: str, slug: str | None, as_json: bool) -> None:
    """Ask the shop whether it lets us in, and which webhooks it sends; exit 1 where something will not work."""
    with at_brand(slug) as (goodword, brand):
        at = _find(goodword, brand, connector=connector, account=account)
        shop = at.open()
        report = shop.check()
        gone = alarm_key(GONE, at.view.id)
        goodword.database.run(lambda unit: end_alarm(unit, brand.id, key=gone))  # it lets us in, so it is back
        topics = shop.subscriptions(goodword.settings.base_url) if shop.can(Capability.SUBSCRIPTIONS) else ()
    off = [one.topic for one in topics if not one.enabled]
    problems = [*report.problems, *(f"The shop does not send {topic}." for topic in off)]
    if as_json:
        write_json({"connection": at.view.name, "shop": report.shop, "problems": problems})
    else:
        click.echo(f"{at.view.name} is {report.shop}.")
        for problem in problems:
            click.echo(f"PROBLEM: {problem}")
        if off:
            click.echo(f"Let it send them: goodword connections subscribe {connector} {account}")
    if problems:
        context.exit(1)


@command.command()
@click.argument("connector")
@click.argument("account")
@brand_option
@by_option
def subscribe(connector: str, account: str, *, slug: str | None, by: str) -> None:
    """Make the shop send its webhooks to us; harmless to repeat."""
    with at_brand(slug) as (goodword, brand):
        at = _find(goodword, brand, connector=connector, account=account)
        at.open().subscribe(goodword.settings.base_url)
        goodword.database.run(
            lambda unit: record(unit, brand.id, actor=by, action="shop.subscribe", subject=f"shop {at.view.name}")
        )
    click.echo(f"{at.view.name} sends its webhooks to {at.address()}")


@command.command("on")
@click.argument("connector")
@click.argument("account")
@brand_option
@by_option
def switch_on(connector: str, account: str, *, slug: str | None, by: str) -> None:
    """Take the shop's webhooks again, pull from it and push to it."""
    _switch(connector, account, state=ConnectionState.ON, slug=slug, by=by)


@command.command("off")
@click.argument("connector")
@click.argument("account")
@brand_option
@by_option
def switch_off(connector: str, account: str, *, slug: str | None, by: str) -> None:
    """Refuse the shop's webhooks, and neither pull from it nor push to it. What came stays."""
    _switch(connector, account, state=ConnectionState.OFF, slug=slug, by=by)


@command.command()
@click.argument("connector")
@click.argument("account")
@click.option("--set", "file", type=click.File("rb"), help="Store what this JSON file holds in place of what there is.")
@brand_option
@by_option
def settings(connector: str, account: str, *, file: BinaryIO | None, slug: str | None, by: str) -> None:
    """Print what the connector was told of the shop as JSON, secrets masked, or store it anew.

    A mask that is handed in again keeps the secret as it is. To replace a secret that signs, list the new one before
    the old one, let the shop use it, then take the old one out.
    """
    document = None if file is None else read_document(file.read(), name=file.name, field="--set")
    with at_brand(slug) as (goodword, brand):
        view = _find(goodword, brand, connector=connector, account=account).view
        if document is not None:
            draft = checked(
                ConnectionDraft,
                connector=connector,
                account=account,
                title=view.title,
                quiet_after_h=view.quiet_after_h,
                settings=document,
            )
            goodword.database.run(
                lambda unit: save_connection(
                    unit, brand.id, draft, host=goodword.plugins, keyring=goodword.keyring, by=by
                )
            )
        kept = masked(
            settings_of_connection(
                _find(goodword, brand, connector=connector, account=account).view,
                host=goodword.plugins,
                keyring=goodword.keyring,
            )
        )
    click.echo(json.dumps(kept, ensure_ascii=False, indent=2))


def _switch(connector: str, account: str, *, state: ConnectionState, slug: str | None, by: str) -> None:
    with at_brand(slug) as (goodword, brand):
        view = _find(goodword, brand, connector=connector, account=account).view
        goodword.database.run(lambda unit: switch(unit, brand.id, connection_id=view.id, state=state, by=by))
    click.echo(f"{view.name} is {state.value}.")


def _find(goodword: Goodword, brand: BrandView, *, connector: str, account: str) -> _At:
    with goodword.database.reading() as unit:
        return _At(goodword, brand, connection_named(unit, brand.id, connector=connector, account=account))


def _told(view: ConnectionView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in ConnectionView.__slots__ if name not in _FORGOTTEN}
