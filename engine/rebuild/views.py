"""What is compared, on either side: rows under natural keys, in one order on both databases, streamed.

Ids of orders, scopes, commissions and transactions differ from one replay to the next; what people made (programs,
enrollments, ambassadors) was copied and keeps its ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, collate, func, select

from engine.attribution.tables import CustomerLink, Decision, Touch
from engine.intake.tables import Customer, ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.ledger.journal import stream, written_id
from engine.ledger.queries import balances
from engine.payouts.queries import LINE, PAYOUT
from engine.programs.tables import Program, Terms
from engine.rewards.service import BLOCKED
from engine.rewards.tables import Commission, RewardScope, ScopeState

_ORDER: Final = table_of(ShopOrder)
_DECISION: Final = table_of(Decision)
_CUSTOMER: Final = table_of(Customer)
_LINK: Final = table_of(CustomerLink)
_TOUCH: Final = table_of(Touch)
_SCOPE: Final = table_of(RewardScope)
_COMMISSION: Final = table_of(Commission)
_PROGRAM: Final = table_of(Program)
_TERMS: Final = table_of(Terms)

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to compare: its key, how people call it, and what is said of it.

    `empty` is as good as not being there: a scope in which nothing is booked is left behind in one replay and never
    made in another.
    """

    key: Key
    name: str
    said: Mapping[str, object] = field(default_factory=dict)
    empty: bool = False


def orders(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield every order: the version that holds, whether it is blocked, and who is credited.

    Why others were passed over is left out: a code that was issued later reads otherwise now, and changes nothing.
    """
    newest = (
        select(func.max(_DECISION.c.seq))
        .where(_DECISION.c.brand_id == brand_id, _DECISION.c.order_id == _ORDER.c.id)
        .correlate(_ORDER)
        .scalar_subquery()
    )
    its_decision = (
        (_DECISION.c.brand_id == brand_id) & (_DECISION.c.order_id == _ORDER.c.id) & (_DECISION.c.seq == newest)
    )
    names = ("outcome", "rule", "program_id", "terms_id", "shares")
    statement = (
        select(*_order_key(unit), _ORDER.c.content_hash, _ORDER.c.blocked_reason, *(_DECISION.c[n] for n in names))
        .outerjoin_from(_ORDER, _DECISION, its_decision)
        .where(_ORDER.c.brand_id == brand_id)
    )
    for row in _in_order(unit, statement, 3):
        said: dict[str, object] = {"version": row.content_hash[:12], "blocked": row.blocked_reason is not None}
        if row.blocked_reason is None:
            credited = sorted(map(_credited, row.shares or ()))
            said |= {"outcome": row.outcome, "rule": row.rule, "program": row.program_id, "terms": row.terms_id}
            said["credited"] = "; ".join(credited)
        yield Fact(tuple(row[:3]), f"order {_written(row)}", said)


def scopes(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield every scope: what its head and its rows say is booked, its base, due date, state and hold."""
    rows = (
        select(func.coalesce(func.sum(_COMMISSION.c.amount_minor), 0))
        .where(_COMMISSION.c.brand_id == brand_id, _COMMISSION.c.scope_id == _SCOPE.c.id)
        .correlate(_SCOPE)
        .scalar_subquery()
    )
    statement = (
        select(
            *_scope_key(unit),
            rows.label("rows"),
            _PROGRAM.c.slug,
            _TERMS.c.version,
            written_id(unit.dialect, _SCOPE.c.ambassador_id).label("ambassador"),
            *(_SCOPE.c[name] for name in ("booked_minor", "base_minor", "period", "period_base_minor")),
            *(_SCOPE.c[name] for name in ("period_accrued_minor", "due_at", "state", "hold_reason", "dirty")),
        )
        .join_from(_SCOPE, _PROGRAM, _PROGRAM.c.id == _SCOPE.c.program_id)
        .outerjoin(_TERMS, _TERMS.c.id == _SCOPE.c.terms_id)
        .outerjoin(_ORDER, _ORDER.c.id == _SCOPE.c.order_id)
        .where(_SCOPE.c.brand_id == brand_id)
    )
    for row in _in_order(unit, statement, 7):
        said = {
            "booked": row.booked_minor,
            "sum of its rows": int(row.rows),
            "base": row.base_minor,
            "month": row.period,
            "base for the month": row.period_base_minor,
            "accrued for the month": row.period_accrued_minor,
            "terms version": row.version,
            "due": row.due_at,
            "state": "pending" if row.state == ScopeState.PENDING else "approved",
            "hold": _hold(row.hold_reason),
            "to be settled": row.dirty,
        }
        nothing = not (row.booked_minor or int(row.rows) or row.base_minor or row.period_base_minor)
        who = f"{row.reward} of program {row.slug} to ambassador {UUID(row.ambassador)} in {row.asset}"
        about = f"month {row.month}" if row.month else f"order {_written(row)}"
        yield Fact(tuple(row[:7]), f"{who} for {about}", said, empty=nothing)


def touches(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield every touch: replaying finds none that was not there, since clicks are not copied."""
    key = {"order_connector": "connector", "order_account": "account", "order_external_id": "order_external_id"}
    order = [_bytewise(unit, _TOUCH.c[name]).label(label) for label, name in key.items()]
    names = ("enrollment_id", "target_id", "at", "reason", "visitor_key")
    statement = select(*order, _id(unit, _TOUCH.c.click_id).label("click"), *(_TOUCH.c[name] for name in names))
    for row in _in_order(unit, statement.where(_TOUCH.c.brand_id == brand_id), 4):
        name = f"touch {UUID(row.click)} of order {_written(row)}"
        yield Fact(tuple(row[:4]), name, {each: getattr(row, each) for each in names})


def customers(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield the first order of every customer."""
    names = ("first_placed_at", "first_connector", "first_external_id")
    key = _bytewise(unit, _CUSTOMER.c.customer_key)
    statement = select(key, *(_CUSTOMER.c[name] for name in names)).where(_CUSTOMER.c.brand_id == brand_id)
    for row in _in_order(unit, statement, 1):
        first = f"{row.first_connector} {row.first_external_id}, placed {row.first_placed_at:%Y-%m-%d %H:%M:%S}"
        yield Fact((row[0],), f"customer {row[0]}", {"first order": first})


def links(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield every customer's links to ambassadors."""
    names = ("enrollment_id", "placed_at", "connector", "external_id")
    key = (_id(unit, _LINK.c.program_id), _bytewise(unit, _LINK.c.customer_key))
    statement = select(*key, *(_LINK.c[name] for name in names)).where(_LINK.c.brand_id == brand_id)
    for row in _in_order(unit, statement, 2):
        said = {"enrollment": row.enrollment_id, "order": f"{row.connector} {row.external_id}", "since": row.placed_at}
        yield Fact(tuple(row[:2]), f"link of customer {row[1]} in program {UUID(row[0])}", said)


def payouts(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield every payout."""
    names = ("ambassador_id", "currency", "amount_minor", "state")
    reference = _bytewise(unit, PAYOUT.c.reference)
    statement = select(reference, *(PAYOUT.c[name] for name in names)).where(PAYOUT.c.brand_id == brand_id)
    for row in _in_order(unit, statement, 1):
        said = {"ambassador": row.ambassador_id, "amount": row.amount_minor, "state": row.state}
        yield Fact((row[0],), f"payout {row[0]}", said | {"currency": row.currency})


def paid_scopes(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield what every payout pays for every scope, whatever the rows it consists of."""
    amount = func.sum(LINE.c.amount_minor)
    key = (_bytewise(unit, PAYOUT.c.reference), *_scope_key(unit))
    statement = (
        select(*key, amount.label("amount"))
        .join_from(LINE, PAYOUT, PAYOUT.c.id == LINE.c.payout_id)
        .join(_COMMISSION, _COMMISSION.c.id == LINE.c.commission_id)
        .join(_SCOPE, _SCOPE.c.id == _COMMISSION.c.scope_id)
        .outerjoin(_ORDER, _ORDER.c.id == _SCOPE.c.order_id)
        .where(LINE.c.brand_id == brand_id)
        .group_by(*key)
        .having(amount != 0)
    )
    for row in _in_order(unit, statement, 8):
        about = f"month {row.month}" if row.month else f"order {_written(row)}"
        name = f"payout {row[0]}, {row.reward} for {about}, enrollment {UUID(row.enrollment)}"
        yield Fact(tuple(row[:8]), name, {"amount": int(row.amount)})


def accounts(unit: UnitOfWork, brand_id: UUID) -> Iterator[Fact]:
    """Yield every account that holds anything."""
    for row in sorted(balances(unit, brand_id), key=attrgetter("kind", "owner", "asset")):
        name = f"account {row.kind} of {row.owner or 'the brand'} in {row.asset}"
        key = (row.kind.value, row.owner, row.asset)
        yield Fact(key, name, {"balance": row.balance_minor}, empty=not row.balance_minor)


def _scope_key(unit: UnitOfWork) -> Sequence[ColumnElement[str]]:
    month = case((_SCOPE.c.order_id.is_(None), _SCOPE.c.subject), else_="")
    return (
        *_order_key(unit),
        _bytewise(unit, month).label("month"),
        _id(unit, _SCOPE.c.enrollment_id).label("enrollment"),
        _bytewise(unit, _SCOPE.c.reward).label("reward"),
        _bytewise(unit, _SCOPE.c.asset).label("asset"),
    )


def _order_key(unit: UnitOfWork) -> Sequence[ColumnElement[str]]:
    names = ("connector", "account", "external_id")
    return tuple(_bytewise(unit, func.coalesce(_ORDER.c[name], "")).label(f"order_{name}") for name in names)


def _in_order(unit: UnitOfWork, statement: Any, width: int) -> Iterator[Any]:
    """Stream `statement` ordered by its first `width` columns, byte by byte as Python compares them."""
    return stream(unit, statement.order_by(*list(statement.selected_columns)[:width]))


def _bytewise(unit: UnitOfWork, column: ColumnElement[str]) -> ColumnElement[str]:
    return collate(column, "C") if unit.dialect == "postgresql" else column


def _id(unit: UnitOfWork, column: ColumnElement[UUID]) -> ColumnElement[str]:
    return _bytewise(unit, written_id(unit.dialect, column))


def _credited(share: Mapping[str, Any]) -> str:
    by = f" by click {share['click']}" if "click" in share else ""
    return f"enrollment {share['enrollment']}: {share['ppm']} ppm{by}"


def _hold(reason: str | None) -> str | None:
    return "blocked" if reason and reason.startswith(BLOCKED) else reason


def _written(row: Any) -> str:
    return f"{row.order_connector}/{row.order_account} {row.order_external_id}"
