"""Which code a shop should have, and how what it has differs from that.

Pure. A code belongs in a shop while somebody active owns it, it has not expired, and the terms give the customer
something for it. Codes that were imported came from the shop and are left to it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.kernel.canonical import content_hash
from engine.plugin_api import CodeView, ShopCode
from engine.programs.schemas import CustomerDiscount
from engine.tracking.codes.queries import CodeRow, expired_at
from engine.tracking.codes.tables import CodeKind

NOWHERE: Final = ""
"""The hash of a code that no shop should have."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a code now: whether its owner is active, its program open, and the discount of the terms."""

    owner_active: bool
    program_open: bool
    program_name: str
    discount: CustomerDiscount | None


def wanted(code: CodeRow, standing: Standing, *, at: datetime) -> CodeView | None:
    """Return the code as a shop should have it at the instant `at`, or None where it should not."""
    discount = standing.discount
    if code.kind is CodeKind.IMPORTED or discount is None or expired_at(code, at):
        return None
    if not (standing.owner_active and standing.program_open):
        return None
    return CodeView(
        key=str(code.id),
        code=code.code,
        title=f"{standing.program_name}: {code.code}"[:120],
        percent_bps=discount.percent_bps,
        amount_minor=dict(discount.amount_minor) if discount.amount_minor else None,
        starts_at=code.created_at,
        expires_at=code.expires_at,
    )


def hash_of(view: CodeView | None) -> str:
    """Return what tells two wishes for a code apart; `NOWHERE` for none."""
    if view is None:
        return NOWHERE
    said = {
        "code": view.code,
        "percent_bps": view.percent_bps,
        "amount_minor": view.amount_minor,
        "expires_at": view.expires_at.isoformat() if view.expires_at else None,
    }
    return content_hash(said)


def drift_between(view: CodeView, found: ShopCode | None) -> dict[str, Any]:
    """Return where a shop's code differs from what we put there, by field: ours and theirs. Empty: nowhere.

    A shop may hold an amount for some currencies only; those it names must be ours. When a code ends is compared to the
    minute, since shops cut seconds.
    """
    if found is None:
        return {"code": {"ours": view.code, "theirs": None}}
    drift: dict[str, Any] = {}
    if not found.active:
        drift["active"] = {"ours": True, "theirs": False}
    if view.percent_bps != found.percent_bps:
        drift["percent_bps"] = {"ours": view.percent_bps, "theirs": found.percent_bps}
    if not _amounts_agree(view, found):
        drift["amount_minor"] = {"ours": _plain(view.amount_minor), "theirs": _plain(found.amount_minor)}
    if _minute(view.expires_at) != _minute(found.expires_at):
        drift["expires_at"] = {"ours": _minute(view.expires_at), "theirs": _minute(found.expires_at)}
    return drift


def _amounts_agree(view: CodeView, found: ShopCode) -> bool:
    ours, theirs = view.amount_minor or {}, found.amount_minor or {}
    if not ours or not theirs:
        return not ours and not theirs
    return all(ours.get(currency) == minor for currency, minor in theirs.items())


def _plain(amounts: Any) -> dict[str, int] | None:
    return dict(amounts) if amounts else None


def _minute(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%d %H:%M") if at else None
