"""`goodword code shops|push|drift`: which promo codes are in which shop, bring shops up to date, look for changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import click

from engine.bootstrap import Goodword
from engine.cli.common import at_brand, brand_option, by_option, every_row, json_option, write_json
from engine.connections.codes.queries import PushedRow, pushed_of
from engine.connections.codes.service import push_again, retry_failed
from engine.connections.queries import ConnectionView, connection_named, connections_of
from engine.connections.tables import PushState
from engine.identity.queries import BrandView
from engine.identity.service import record
from engine.kernel.currencies import EXPONENTS
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError, InputError
from engine.kernel.money import Money, Rate, parse_currency

_SAID: Final[Mapping[str, str]] = {
    "code": "code",
    "active": "switched on",
    "percent_bps": "percentage",
    "amount_minor": "amount",
    "expires_at": "end",
}


@dataclass(frozen=True, slots=True)
class _InShop:
    """A code in a shop."""

    shop: ConnectionView
    row: PushedRow

    def document(self) -> dict[str, Any]:
        row = self.row
        times = {"checked_at": row.checked_at, "updated_at": row.updated_at}
        due = row.run_at if row.state is PushState.WAITING else None
        head = {"code": row.code, "shop": self.shop.name, "state": row.state.value, "reference": row.reference}
        return {**head, "problem": row.problem, "drift": row.drift, "attempts": row.attempts, "due_at": due, **times}


@click.command()
@click.option("--odd", is_flag=True, help="Only those that failed, or that somebody changed in the shop.")
@brand_option
@json_option
def shops(*, odd: bool, slug: str | None, as_json: bool) -> None:
    """List which codes are in which shop: state, what is wrong, and where the shop has another discount than ours."""
    with at_brand(slug) as (goodword, brand):
        found = _in_shops(goodword, brand, odd=odd)
    if as_json:
        write_json({"brand": brand.slug, "codes": [one.document() for one in found]})
        return
    for one in found:
        _tell(one)
    if not found:
        click.echo("No code in any shop is odd." if odd else "No code is in a shop, or waits to be put there.")


@click.command()
@click.option("--retry-failed", "retries", is_flag=True, help="Also try those again that were given up.")
@click.option("--again", metavar="CONNECTOR/ACCOUNT", help="Also put ours back where this shop has another discount.")
@brand_option
@by_option
@json_option
@click.pass_context
def push(context: click.Context, *, retries: bool, again: str | None, slug: str | None, by: str, as_json: bool) -> None:
    """Bring shops up to date now instead of within the minute: codes put in, codes that ended taken out.

    Doing it twice has the effect of once. Exit code 1 where a code could not be put where it belongs.
    """
    with at_brand(slug) as (goodword, brand):
        asked = _asked_again(goodword, brand, retries=retries, shop=again, by=by)
        goodword.tell_events()
        pusher = goodword.code_pusher()
        pusher.survey(brand.id)
        tried = 0
        while pushed := pusher.push_due():
            tried += pushed
        left = [one for one in _in_shops(goodword, brand) if one.row.problem]
    if as_json:
        write_json({"brand": brand.slug, "again": asked, "tried": tried, "left": [one.document() for one in left]})
    else:
        click.echo(f"Tried {tried:,}; left to do {len(left):,}.")
        for one in left:
            _tell(one)
    context.exit(1 if left else 0)


@click.command()
@click.option("--limit", type=click.IntRange(1), default=500, show_default=True, help="How many codes of each shop.")
@brand_option
@json_option
@click.pass_context
def drift(context: click.Context, *, limit: int, slug: str | None, as_json: bool) -> None:
    """Ask shops now whether their codes are as they were put there, those first that were compared longest ago.

    The worker does so every hour. Exit code 1 where a code differs or a shop could not be asked.
    """
    with at_brand(slug) as (goodword, brand):
        pusher, problems = goodword.code_pusher(), {}
        takers = [shop for shop in pusher.takers() if shop.brand_id == brand.id]
        for shop in takers:
            try:
                pusher.look_for_drift(shop, limit=limit)
            except GoodwordError as error:  # one shop does not keep the others from being asked
                problems[shop.name] = str(error)
        found = [one for one in _in_shops(goodword, brand, odd=True) if one.row.drift]
    if as_json:
        documents = [one.document() for one in found]
        write_json({"brand": brand.slug, "asked": len(takers), "problems": problems, "codes": documents})
    else:
        for one in found:
            _tell(one)
        for name, problem in problems.items():
            click.echo(f"{name} could not be asked: {problem}", err=True)
        click.echo(f"Shops asked: {len(takers) - len(problems):,}; codes that differ: {len(found):,}.")
    context.exit(1 if found or problems else 0)


def _asked_again(goodword: Goodword, brand: BrandView, *, retries: bool, shop: str | None, by: str) -> int:
    """Let pushes be done again as asked; return how many."""

    def work(unit: UnitOfWork) -> int:
        again = 0
        if retries:
            again += (failed := retry_failed(unit, brand.id))
            detail = {"codes": failed}
            record(unit, brand.id, actor=by, action="codes.retry", subject="every shop", detail=detail)
        if shop is not None:
            view = _shop(unit, brand.id, shop)
            again += (drifted := push_again(unit, brand.id, connection_id=view.id))
            detail = {"codes": drifted}
            record(unit, brand.id, actor=by, action="codes.put_back", subject=f"shop {view.name}", detail=detail)
        return again

    return goodword.database.run(work)


def _shop(unit: UnitOfWork, brand_id: UUID, name: str) -> ConnectionView:
    connector, slash, account = name.partition("/")
    if not slash:
        raise InputError(f"{name!r} is no shop.", field="--again", remedy="Write it as connector/account.")
    return connection_named(unit, brand_id, connector=connector, account=account)


def _in_shops(goodword: Goodword, brand: BrandView, *, odd: bool = False) -> list[_InShop]:
    with goodword.database.reading() as unit:
        views = {view.id: view for view in connections_of(unit, brand.id)}
        rows = every_row(lambda at: pushed_of(unit, brand.id, odd=odd, cursor=at, limit=200))
        return [_InShop(views[row.connection_id], row) for row in rows]


def _tell(one: _InShop) -> None:
    row = one.row
    click.echo(f"{row.code:<34}{one.shop.name:<34}{row.state.value}{'  differs' if row.drift else ''}")
    if row.problem:
        click.echo(f"  {row.problem}")
    for field, (ours, theirs) in _differences(row.drift).items():
        click.echo(f"  {_SAID.get(field, field)}: ours {ours}, theirs {theirs}")


def _differences(found: Mapping[str, Any] | None) -> dict[str, tuple[str, str]]:
    return {
        field: (_words(field, values["ours"]), _words(field, values["theirs"]))
        for field, values in (found or {}).items()
    }


def _words(field: str, value: Any) -> str:
    match field, value:
        case _, None:
            return "none"
        case "percent_bps", int():
            return str(Rate(value))
        case "amount_minor", dict():
            return ", ".join(_amount(minor, currency) for currency, minor in value.items())
        case "active", bool():
            return "yes" if value else "no"
    return str(value)


def _amount(minor: int, currency: str) -> str:
    """Return an amount as ours are written, or as the shop said it where its currency is none that we know."""
    return str(Money(minor, parse_currency(currency))) if currency in EXPONENTS else f"{minor} {currency}"
