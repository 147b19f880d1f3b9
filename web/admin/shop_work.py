"""What Goodword does in one shop: promo codes put there, and comparisons of the shop with what we have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from engine.connections.codes.queries import PushedRow, push_counts, pushed_of
from engine.connections.codes.service import push_again, retry_failed
from engine.connections.queries import ConnectionView, connection_by_id
from engine.connections.service import end_by_hand
from engine.identity.service import record
from engine.intake.reconciliation.queries import ReconciliationRow, latest_of
from engine.kernel.currencies import EXPONENTS
from engine.kernel.database import UnitOfWork
from engine.kernel.paging import Page
from engine.pipeline.compare import ask_to_compare
from web.addresses import id_or_404
from web.admin import blueprint
from web.context import database, installation, reading, staff
from web.formats import money, rate
from web.i18n import text

DAYS: Final = (3, 35, 90)
"""How many days back somebody may have a shop compared."""

_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a shop's code is another one than ours."""

    what: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class ShopWork:
    """What is done in one shop. `odd` are the codes that failed or drift."""

    counts: Mapping[str, int]
    odd: Page[PushedRow]
    comparisons: tuple[ReconciliationRow, ...]

    @classmethod
    def of(cls, unit: UnitOfWork, view: ConnectionView, *, cursor: str | None) -> "ShopWork":
        """Read it."""
        counts = push_counts(unit, view.brand_id).get(view.id, {})
        odd = pushed_of(unit, view.brand_id, connection_id=view.id, odd=True, cursor=cursor)
        return cls(counts, odd, latest_of(unit, view.brand_id, connection_id=view.id, limit=_SHOWN))


@blueprint.post("/<brand>/shops/<connection_id>/codes/retry")
def retry_codes(brand: str, connection_id: str) -> ResponseReturnValue:
    """Let codes that could not be put into the shop be tried again; the worker does it."""
    view, me = _view(id_or_404(connection_id)), staff()

    def work(unit: UnitOfWork) -> int:
        count = retry_failed(unit, me.brand.id, connection_id=view.id)
        _record(unit, "codes.retry", view, {"codes": count})
        return count

    flash(text("Failed codes that are tried again now: %(number)s.", number=database().run(work)), "good")
    return _back(brand, view)


@blueprint.post("/<brand>/shops/<connection_id>/codes/again")
def put_codes_back(brand: str, connection_id: str) -> ResponseReturnValue:
    """Overwrite what somebody changed of our codes in the shop; the worker does it."""
    view, me = _view(id_or_404(connection_id)), staff()

    def work(unit: UnitOfWork) -> int:
        count = push_again(unit, me.brand.id, connection_id=view.id)
        _record(unit, "codes.put_back", view, {"codes": count})
        return count

    flash(text("Codes that are put back as ours now: %(number)s.", number=database().run(work)), "good")
    return _back(brand, view)


@blueprint.post("/<brand>/shops/<connection_id>/compare")
def compare_shop(brand: str, connection_id: str) -> ResponseReturnValue:
    """Have the shop compared with what we have; the worker does it."""
    view = _view(id_or_404(connection_id))
    if not installation().reconciler().pullable([view]):
        flash(text("This shop is off, or cannot be asked what changed."), "bad")
        return _back(brand, view)
    days = next((each for each in DAYS if request.form.get("days") == str(each)), DAYS[0])

    def work(unit: UnitOfWork) -> None:
        ask_to_compare(unit, view, since=unit.now - timedelta(days=days))
        _record(unit, "shop.compare", view, {"days": days})

    database().run(work)
    flash(text("%(title)s is being compared. What is found appears below.", title=view.title), "good")
    return _back(brand, view)


@blueprint.post("/<brand>/shops/alarms/<alarm_id>/end")
def end_alarm(brand: str, alarm_id: str) -> ResponseReturnValue:
    """Say that what a shop sent for staff is done."""
    me, wanted = staff(), id_or_404(alarm_id)
    database().run(lambda unit: end_by_hand(unit, me.brand.id, alarm_id=wanted, by=me.email))
    flash(text("Done. It stays in the audit log."), "good")
    return redirect(url_for("admin.shops", brand=brand), 303)


def differences(row: PushedRow) -> Iterator[Difference]:
    """Yield where the shop has another code than ours, in words."""
    labels = {
        "code": text("Code"),
        "active": text("Switched on"),
        "percent_bps": text("Discount"),
        "amount_minor": text("Discount"),
        "expires_at": text("Ends (UTC)"),
    }
    for field, values in (row.drift or {}).items():
        yield Difference(labels.get(field, field), _words(field, values["ours"]), _words(field, values["theirs"]))


def _words(field: str, value: Any) -> str:
    match field, value:
        case _, None:
            return text("none")
        case "percent_bps", int():
            return rate(value)
        case "amount_minor", dict():
            return ", ".join(_amount(minor, currency) for currency, minor in value.items())
        case "active", bool():
            return text("yes") if value else text("no")
    return str(value)


def _amount(minor: int, currency: str) -> str:
    """Return an amount as written here, or as the shop said it where its currency is none that we know."""
    return money(minor, currency) if currency in EXPONENTS else f"{minor} {currency}"


def _view(connection_id: UUID) -> ConnectionView:
    with reading() as unit:
        return connection_by_id(unit, staff().brand.id, connection_id=connection_id)


def _record(unit: UnitOfWork, action: str, view: ConnectionView, detail: Mapping[str, Any]) -> None:
    me = staff()
    record(unit, me.brand.id, actor=me.email, action=action, subject=f"shop {view.name}", detail=detail)


def _back(brand: str, view: ConnectionView) -> Response:
    return redirect(url_for("admin.shop", brand=brand, connection_id=view.id), 303)
