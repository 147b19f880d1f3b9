"""What waits to be paid: approved commission rows that are in no live payout.

The work is proportional to what is open, never to what was ever paid: it starts at the partial index on approved scopes
(`ix_reward_scope_approved`), takes the rows of each by `(brand_id, scope_id)`, and drops those with a live line by
`uq_payout_line_live`. `CROSS JOIN` keeps SQLite from starting at the commissions, which would read them all; rows are
read unordered, since for an order it would take another index of the scopes and read a brand's whole history.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, String, Uuid, bindparam, column, text

from engine.enrollment.tables import EnrollmentState
from engine.kernel.database import UnitOfWork
from engine.payouts.queries import freeze_of, minimums
from engine.payouts.rules import OpenAmount, Proposal, clear_amounts, propose

_OPEN: Final = """
FROM reward_scope AS s
CROSS JOIN commission AS c
JOIN enrollment AS e ON e.id = s.enrollment_id
JOIN ambassador AS a ON a.id = s.ambassador_id
WHERE s.brand_id = :brand AND s.state = 'approved' AND c.brand_id = s.brand_id AND c.scope_id = s.id
AND NOT EXISTS (
  SELECT 1 FROM payout_line AS l WHERE l.brand_id = c.brand_id AND l.commission_id = c.id AND l.live
)
"""

_AMOUNTS: Final = f"""
SELECT s.ambassador_id, a.name, s.asset, s.enrollment_id, e.state, s.hold_reason,
       sum(c.amount_minor) AS amount, count(*) AS rows
{_OPEN}
GROUP BY s.asset, s.ambassador_id, a.name, s.enrollment_id, e.state, s.hold_reason
ORDER BY s.asset, s.ambassador_id, s.enrollment_id, s.hold_reason
"""

_ROWS: Final = f"""
SELECT s.ambassador_id, a.name, s.asset, s.enrollment_id, e.state, s.hold_reason, c.id, c.amount_minor
{_OPEN}
AND s.asset = :currency AND s.ambassador_id IN :ambassadors
"""

_PART: Final = (
    column("ambassador_id", Uuid()),
    column("ambassador_name", String()),
    column("currency", String()),
    column("enrollment_id", Uuid()),
    column("state", String()),
    column("hold_reason", String()),
)

OPEN_AMOUNTS: Final = (
    text(_AMOUNTS)
    .bindparams(bindparam("brand", type_=Uuid()))
    .columns(*_PART, column("amount_minor", BigInteger()), column("rows", BigInteger()))
)

OPEN_ROWS: Final = (
    text(_ROWS)
    .bindparams(bindparam("brand", type_=Uuid()), bindparam("ambassadors", expanding=True, type_=Uuid()))
    .columns(*_PART, column("id", Uuid()), column("amount_minor", BigInteger()))
)

CHUNK: Final = 200
"""How many ambassadors are read at a time: memory does not grow with a batch."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do now: who is paid, and who is not with the reason."""

    proposals: tuple[Proposal, ...]

    @property
    def payouts(self) -> tuple[Proposal, ...]:
        """Those who would be paid."""
        return tuple(one for one in self.proposals if one.pays)

    @property
    def excluded(self) -> tuple[Proposal, ...]:
        """Those who would not."""
        return tuple(one for one in self.proposals if not one.pays)

    @property
    def totals(self) -> dict[str, int]:
        """What would be paid, per currency in minor units."""
        totals: dict[str, int] = {}
        for one in self.payouts:
            totals[one.currency] = totals.get(one.currency, 0) + one.amount_minor
        return totals


@dataclass(frozen=True, slots=True)
class Drawn:
    """A proposal that pays, with the commission rows (id, amount) whose sum it is."""

    proposal: Proposal
    rows: tuple[tuple[UUID, int], ...]


def preview(unit: UnitOfWork, brand_id: UUID) -> Preview:
    """Return what a run would pay now, and everything it would leave out with the reason."""
    amounts = [_amount(row) for row in unit.connection.execute(OPEN_AMOUNTS, {"brand": brand_id})]
    by_currency, freeze = minimums(unit, brand_id), freeze_of(unit, brand_id)
    frozen = freeze.reason if freeze else None
    return Preview(
        tuple(
            propose(tuple(group), minimum_minor=by_currency.get(currency), frozen=frozen)
            for (currency, _), group in groupby(amounts, key=lambda one: (one.currency, one.ambassador_id))
        )
    )


def draw(unit: UnitOfWork, brand_id: UUID, *, currency: str, ambassadors: Sequence[UUID]) -> Iterator[Drawn]:
    """Yield what is to be paid now to each of `ambassadors` in `currency`; those who get nothing are left out.

    Judged from the very rows that the payout will hold, so that its amount is their sum.
    """
    minimum_minor = minimums(unit, brand_id).get(currency)
    for start in range(0, len(ambassadors), CHUNK):
        chosen = {"brand": brand_id, "currency": currency, "ambassadors": list(ambassadors[start : start + CHUNK])}
        by_ambassador: dict[UUID, list[Any]] = {}
        for row in unit.connection.execute(OPEN_ROWS, chosen):
            by_ambassador.setdefault(row.ambassador_id, []).append(row)
        for _, rows in sorted(by_ambassador.items()):
            drawn = _drawn(rows, minimum_minor)
            if drawn.proposal.pays:
                yield drawn


def _drawn(found: Sequence[Any], minimum_minor: int | None) -> Drawn:
    by_part: dict[tuple[UUID, str | None], list[Any]] = {}
    for row in found:
        by_part.setdefault((row.enrollment_id, row.hold_reason), []).append(row)
    parts = {
        _amount((*rows[0][:6], sum(row.amount_minor for row in rows), len(rows))): rows for rows in by_part.values()
    }
    proposal = propose(tuple(parts), minimum_minor=minimum_minor, frozen=None)
    clear = clear_amounts(parts)
    return Drawn(proposal, tuple((row.id, row.amount_minor) for part in clear for row in parts[part]))


def _amount(row: Any) -> OpenAmount:
    ambassador_id, name, currency, enrollment_id, state, hold_reason, amount, rows = row
    suspended = state == EnrollmentState.SUSPENDED
    return OpenAmount(ambassador_id, name, currency, enrollment_id, suspended, hold_reason, int(amount), rows)
