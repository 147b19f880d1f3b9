"""What looks odd about a click once an order follows it: hints for people, which never change who is credited."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from engine.kernel.database import UnitOfWork
from engine.kernel.ids import first_id_at, new_id
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import ClickFlag
from engine.tracking.clicks.visits import Signal

FAST: Final = timedelta(seconds=5)
"""Nobody reads a page, fills a basket and pays in less."""

LATE: Final = timedelta(minutes=1)
SAME_VISIT: Final = timedelta(hours=1)
_FLAG: Final = table_of(ClickFlag)


class FlagReason(StrEnum):
    """What was odd: about the order that followed, about who came by the click, or about the visit itself (`Signal`).

    `fast_order`: the order came at once. `late_touch`: the click came when the customer stood at the till already.
    `shared`: orders of several customers name one click.
    """

    FAST_ORDER = "fast_order"
    LATE_TOUCH = "late_touch"
    SHARED = "shared"
    NO_ACTIVATION = Signal.NO_ACTIVATION.value
    AS_FRAME = Signal.AS_FRAME.value
    AS_IMAGE = Signal.AS_IMAGE.value
    AS_SCRIPT = Signal.AS_SCRIPT.value
    BY_FETCH = Signal.BY_FETCH.value


_OF_VISIT: Final[Mapping[FlagReason, str]] = {
    FlagReason.NO_ACTIVATION: "The browser did not say that somebody clicked: a page or an app opened the address.",
    FlagReason.AS_FRAME: "A page showed the address in a frame.",
    FlagReason.AS_IMAGE: "A page fetched the address as if it were a picture.",
    FlagReason.AS_SCRIPT: "A page fetched the address as if it were a script or a style sheet.",
    FlagReason.BY_FETCH: "A script of a page fetched the address.",
}


@dataclass(frozen=True, slots=True)
class Flag:
    """Something odd about a click. `detail` says it in a sentence for staff."""

    click_id: UUID
    reason: FlagReason
    detail: str


def flag_of(click_id: UUID, at: datetime, *, placed_at: datetime, first_seen_at: datetime | None) -> Flag | None:
    """Return what is odd about a click at `at`, followed by an order placed at `placed_at`.

    An order within five seconds is what cookie stuffing and scripts make. A click in the last minute of a visit that
    began without it is what browser extensions with coupons make; `first_seen_at` is when the shop saw the visitor.
    """
    before = placed_at - at
    if before < timedelta(0):
        return None
    if before < FAST:
        return Flag(
            click_id, FlagReason.FAST_ORDER, f"The order was placed {_seconds(before)} seconds after the click."
        )
    if first_seen_at is not None and before < LATE and timedelta(0) < at - first_seen_at <= SAME_VISIT:
        text = (
            f"The customer had been in the shop for {_seconds(at - first_seen_at)} seconds before the click, "
            f"and ordered {_seconds(before)} seconds after it."
        )
        return Flag(click_id, FlagReason.LATE_TOUCH, text)
    return None


def flags_of_visit(click_id: UUID, signals: str) -> tuple[Flag, ...]:
    """Return what was odd about the visit itself; `signals` as the click has them."""
    names = signals.split(",")
    return tuple(Flag(click_id, reason, said) for reason, said in _OF_VISIT.items() if reason.value in names)


def raise_flags(unit: UnitOfWork, brand_id: UUID, flags: Collection[Flag]) -> None:
    """Store `flags`; a click that has one for a reason keeps it as it is."""
    if not flags:
        return
    rows = [
        {
            "id": new_id(),
            "brand_id": brand_id,
            "click_id": flag.click_id,
            "reason": flag.reason.value,
            "detail": flag.detail,
            "flagged_at": unit.now,
        }
        for flag in flags
    ]
    dialect = sqlite if unit.dialect == "sqlite" else postgresql
    unit.execute(dialect.insert(_FLAG).on_conflict_do_nothing(), rows)


def flags_of(unit: UnitOfWork, brand_id: UUID, click_ids: Collection[UUID]) -> tuple[Flag, ...]:
    """Return the flags of these clicks, oldest first. Index: uq_click_flag_brand_id_click_id_reason."""
    if not click_ids:
        return ()
    columns = (_FLAG.c.click_id, _FLAG.c.reason, _FLAG.c.detail)
    theirs = (_FLAG.c.brand_id == brand_id, among(unit, _FLAG.c.click_id, sorted(click_ids)))
    rows = unit.execute(select(*columns).where(*theirs).order_by(_FLAG.c.flagged_at, _FLAG.c.id))
    return tuple(Flag(click_id, FlagReason(reason), detail) for click_id, reason, detail in rows)


def flags_between(unit: UnitOfWork, brand_id: UUID, *, since: datetime, until: datetime, most: int) -> tuple[Flag, ...]:
    """Return the flags of the clicks from `since` until before `until`, newest click first, `most` of them.

    A click's id is a time. Index: uq_click_flag_brand_id_click_id_reason.
    """
    columns = (_FLAG.c.click_id, _FLAG.c.reason, _FLAG.c.detail)
    then = (_FLAG.c.brand_id == brand_id, _FLAG.c.click_id >= first_id_at(since), _FLAG.c.click_id < first_id_at(until))
    rows = unit.execute(select(*columns).where(*then).order_by(_FLAG.c.click_id.desc(), _FLAG.c.reason).limit(most))
    return tuple(Flag(click_id, FlagReason(reason), detail) for click_id, reason, detail in rows)


def _seconds(span: timedelta) -> str:
    """Return a span such as `3.214`."""
    whole, rest = divmod(span // timedelta(milliseconds=1), 1_000)
    return f"{whole}.{rest:03d}"
