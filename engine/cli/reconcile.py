"""`goodword reconcile`: ask shops what changed, and take in what webhooks did not tell."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from engine.bootstrap import Goodword
from engine.cli.common import at_brand, brand_option, json_option, read_instant, write_json
from engine.connections.queries import ConnectionView, connections_of
from engine.identity.queries import BrandView
from engine.intake.reconciliation.rules import Findings
from engine.intake.reconciliation.service import AlreadyRunningError
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.kernel.errors import InputError
from engine.pipeline.reconcile import Reconciled, Reconciler


@click.command("reconcile")
@click.argument("wanted", metavar="[CONNECTOR/ACCOUNT]...", nargs=-1)
@click.option(
    "--since", help="From when on (UTC unless it says otherwise), such as 2026-03-01; else since the last one."
)
@brand_option
@json_option
@click.pass_context
def command(
    context: click.Context, wanted: tuple[str, ...], *, since: str | None, slug: str | None, as_json: bool
) -> None:
    """Compare shops with what we have: all that can be asked, or those named.

    What was missed or changed is taken in and booked; what we have and the shop does not tell of is named. Running it
    again changes nothing. The worker does this by itself every 15 minutes, and looks further back each night and week.

    Exit code 1 where a shop could not be asked to the end.
    """
    with at_brand(slug) as (goodword, brand):
        shops = _shops(goodword, brand, wanted)
        start = read_instant(since, ZoneInfo("UTC"), field="--since")
        kind = ReconciliationKind.ASKED if start else ReconciliationKind.SLIDING
        reconciler = goodword.reconciler()
        done = [_asked(reconciler, shop, kind=kind, since=start) for shop in shops]
    if as_json:
        write_json({"brand": brand.slug, "shops": [_document(one) for one in done]})
    else:
        for one in done:
            _tell(one)
    context.exit(1 if any(one.problem for one in done) else 0)


def _asked(
    reconciler: Reconciler, shop: ConnectionView, *, kind: ReconciliationKind, since: datetime | None
) -> Reconciled:
    """Ask one shop; that it is being asked already stops no other."""
    try:
        return reconciler.reconcile(shop, kind=kind, since=since)
    except AlreadyRunningError as error:
        return Reconciled(shop, kind, error.since, error.since, Findings(), problem=str(error))


def _shops(goodword: Goodword, brand: BrandView, wanted: tuple[str, ...]) -> list[ConnectionView]:
    with goodword.database.reading() as unit:
        every = goodword.reconciler().pullable(connections_of(unit, brand.id))
    if not wanted:
        if not every:
            remedy = "Connect one: goodword connections add …"
            raise InputError("No shop of this brand is on and can be asked what changed.", remedy=remedy)
        return every
    named = {shop.name: shop for shop in every}
    if unknown := [name for name in wanted if name not in named]:
        remedy = f"Name one of: {', '.join(sorted(named)) or 'none there is'}."
        raise InputError(f"{unknown[0]!r} is no shop that is on and can be asked.", remedy=remedy)
    return [named[name] for name in dict.fromkeys(wanted)]


def _document(one: Reconciled) -> dict[str, Any]:
    found = one.findings
    counts = found.counts() | {"booked": one.booked, "blocked": one.blocked, "refused": len(found.refused)}
    times = {"since": one.since.isoformat(), "until": one.until.isoformat()}
    named = {"missing": found.missing, "different": found.different, "extra": found.extra, "refused": found.refused}
    head = {"shop": one.connection.name, "kind": one.kind.value}
    return {**head, **times, **counts, "problem": one.problem, "report": named}


def _tell(one: Reconciled) -> None:
    found = one.findings
    counts = ", ".join(f"{count} {what}" for what, count in found.counts().items())
    click.echo(f"{one.connection.name}  {one.since:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M} UTC: {counts}")
    for what, things in (("missing", found.missing), ("different", found.different), ("extra", found.extra)):
        for thing in things[:20]:
            click.echo(f"  {what}: {thing}")
    for problem in found.refused[:20]:
        click.echo(f"  refused: {problem}")
    if one.problem:
        click.echo(f"  broke off: {one.problem}", err=True)
