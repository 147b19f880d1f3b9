"""Everybody whom an order's signals pointed to: how each stood, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from engine.attribution.rules import Clicked, Standing, why
from engine.identity.tables import Ambassador
from engine.insights.clicked import ClickStory
from engine.insights.said import percent
from engine.kernel.database import UnitOfWork
from engine.kernel.money import PPM
from engine.kernel.tables import table_of
from engine.plugin_api import Signal

_AMBASSADOR: Final = table_of(Ambassador)


@dataclass(frozen=True, slots=True)
class CandidateStory:
    """Somebody whom a signal pointed to, how they stood, and what that means; `click` is what they were found by."""

    signal: str
    code: str | None
    ambassador: str | None
    standing: str
    reason: str
    click: ClickStory | None


def candidate_stories(
    unit: UnitOfWork,
    brand_id: UUID,
    candidates: Sequence[Mapping[str, Any]],
    *,
    shares: Sequence[Mapping[str, Any]],
    clicks: Mapping[UUID, ClickStory],
) -> tuple[CandidateStory, ...]:
    """Return the candidates of a decision as it stored them; `clicks` are those that they name."""
    names = _names(unit, brand_id, [*candidates, *shares])
    return tuple(_candidate(pointer, shares, names, clicks=clicks) for pointer in candidates)


def _names(unit: UnitOfWork, brand_id: UUID, pointers: Iterable[Mapping[str, Any]]) -> Mapping[UUID, str]:
    wanted = {UUID(pointer["ambassador"]) for pointer in pointers if "ambassador" in pointer}
    named = (_AMBASSADOR.c.brand_id == brand_id, _AMBASSADOR.c.id.in_(wanted))
    return {row.id: row.name for row in unit.execute(select(_AMBASSADOR.c.id, _AMBASSADOR.c.name).where(*named))}


def _candidate(
    pointer: Mapping[str, Any],
    shares: Sequence[Mapping[str, Any]],
    names: Mapping[UUID, str],
    *,
    clicks: Mapping[UUID, ClickStory],
) -> CandidateStory:
    ambassador = names.get(UUID(pointer["ambassador"])) if "ambassador" in pointer else None
    signal, standing = Signal(pointer["signal"]), Standing(pointer["standing"])
    clicked = Clicked.read(pointer) if "click" in pointer else None
    reason = why(signal, standing, clicked=clicked)
    if standing is Standing.EARNING and shares:
        reason = _chosen(pointer, shares)
    click = clicks[clicked.click_id] if clicked else None
    return CandidateStory(signal.value, pointer.get("code"), ambassador, standing.value, reason, click)


def _chosen(pointer: Mapping[str, Any], shares: Sequence[Mapping[str, Any]]) -> str:
    mine = next((share for share in shares if pointer.items() <= share.items()), None)
    if mine is not None:
        return "is credited" if mine["ppm"] == PPM else f"is credited with {percent(mine['ppm'])} of the order"
    if any(pointer["enrollment"] == share["enrollment"] for share in shares):
        return "is of somebody who is credited"
    return "could have earned, but the rule chose otherwise"
