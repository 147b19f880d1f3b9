"""`goodword orders`: those that are blocked and what else waits for somebody, and a second try."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

import click

from engine.cli.common import at_brand, brand_option, every_row, json_option, write_json
from engine.identity.service import record
from engine.insights.explain import order_by_name
from engine.insights.orders import OrderRow, OrderView, blocked_order
from engine.insights.orders import orders as order_page
from engine.insights.said import money
from engine.insights.waiting import notices as notice_page
from engine.insights.waiting import waiting_claims
from engine.kernel.database import UnitOfWork
from engine.kernel.money import Currency, Money
from engine.kernel.paging import Page
from engine.pipeline.run import blocked_orders


@click.group("orders")
def command() -> None:
    """List and retry orders that are blocked, and see what waits for an order."""


@command.command()
@brand_option
@json_option
def blocked(*, slug: str | None, as_json: bool) -> None:
    """List orders that could not be worked out, with the reason of each. None of them is lost or counts as zero."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        rows = list(every_row(lambda cursor: _blocked_page(unit, brand.id, cursor)))
    if as_json:
        write_json({"brand": brand.slug, "blocked": [asdict(row) for row in rows]})
        return
    for row in rows:
        amount = _money(row.charged_minor, row.currency)
        click.echo(
            f"{row.number}  {row.connector}  {row.placed_at:%Y-%m-%d}  {amount}  {row.id}\n  {row.blocked_reason}"
        )
    if not rows:
        click.echo("No order is blocked.")


@command.command()
@click.argument("wanted", metavar="[ORDER]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Try every blocked order.")
@brand_option
@json_option
@click.pass_context
def retry(
    context: click.Context, wanted: tuple[str, ...], *, everything: bool, slug: str | None, as_json: bool
) -> None:
    """Try blocked orders again, by our id or the shop's number, and blocked months with them.

    Exit code 1 where an order is blocked still.
    """
    if everything == bool(wanted):
        raise click.UsageError("Name the orders to be tried again, or give --all.")
    with at_brand(slug) as (goodword, brand):
        with goodword.database.reading() as unit:
            ids = blocked_orders(unit, brand.id) if everything else _named(unit, brand.id, wanted)
        still = goodword.pipeline.retry(brand.id, ids)
        detail = {"tried": len(ids), "still_blocked": still}
        subject = "all blocked orders" if everything else ", ".join(wanted)
        goodword.database.run(
            lambda unit: record(
                unit, brand.id, actor="command line", action="order.retry", subject=subject, detail=detail
            )
        )
        with goodword.database.reading() as unit:
            left = [row for order_id in ids if (row := blocked_order(unit, brand.id, order_id=order_id))]
    if as_json:
        write_json({"brand": brand.slug, **detail, "blocked": [asdict(row) for row in left]})
    else:
        for row in left:
            click.echo(f"{row.number}  still blocked: {row.blocked_reason}")
        click.echo(f"Tried {len(ids):,}; went through {len(ids) - still:,}; still blocked {still:,}.")
    if still:
        context.exit(1)


@command.command()
@brand_option
@json_option
def waiting(*, slug: str | None, as_json: bool) -> None:
    """List refunds and chargebacks whose order has not come. They count as soon as it does."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        rows = list(waiting_claims(unit, brand.id))
    if as_json:
        write_json({"brand": brand.slug, "waiting": [asdict(row) for row in rows]})
        return
    for row in rows:
        place, amount = f"{row.connector}/{row.account}", _money(row.amount_minor, row.currency)
        since = f"since {row.recorded_at:%Y-%m-%d}"
        click.echo(f"{row.kind} {row.external_id}  waits for order {row.order_number} of {place}  {amount}  {since}")
    if not rows:
        click.echo("Nothing waits for an order.")


@command.command()
@brand_option
@json_option
def notices(*, slug: str | None, as_json: bool) -> None:
    """List what was accepted and somebody should know: excessive refunds, contradicting versions; newest first."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        rows = list(every_row(lambda cursor: notice_page(unit, brand.id, cursor=cursor, limit=200)))
    if as_json:
        write_json({"brand": brand.slug, "notices": [asdict(row) for row in rows]})
        return
    for row in rows:
        about = f"order {row.order_number}: " if row.order_number else ""
        click.echo(f"{row.noticed_at:%Y-%m-%d}  {row.kind}  {about}{row.text}")
    if not rows:
        click.echo("There are no notices.")


def _named(unit: UnitOfWork, brand_id: UUID, wanted: Sequence[str]) -> list[UUID]:
    return [order_by_name(unit, brand_id, what=what) for what in wanted]


def _blocked_page(unit: UnitOfWork, brand_id: UUID, cursor: str | None) -> Page[OrderRow]:
    return order_page(unit, brand_id, view=OrderView.BLOCKED, cursor=cursor, limit=200)


def _money(minor: int, currency: str) -> str:
    return money(Money(minor, Currency(currency)))
