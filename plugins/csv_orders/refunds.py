"""The rows of one refund to a refund event: of lines where they name line ids, else of an amount."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from engine.plugin_api import Currency, RefundEvent, RefundLine, RefundState
from plugins.csv_orders.cells import CellError, read_amount, read_id, read_instant
from plugins.csv_orders.layout import Layout
from plugins.csv_orders.records import Fault, Record
from plugins.csv_orders.things import Outcome, cells_of, currency_of, merge


class RefundHead(NamedTuple):
    """What one row says about its refund as a whole; None where it says nothing. Names are those of the fields."""

    order_id: str
    currency: Currency | None
    refunded_at: datetime | None
    updated_at: datetime | None
    state: RefundState | None


def read_refund(records: Sequence[Record], layout: Layout) -> Outcome:
    """Return the refund that `records`, all of one refund id, tell of."""
    outcome, head = Outcome(), None
    amounts: dict[str, int] = {}
    seen: dict[str, int] = {}
    for record in records:
        if record.fault:
            outcome.faults.append((record, record.fault))
            continue
        try:
            told, line_id, amount = _read_row(record, layout, records)
            if line_id in seen:
                outcome.repeats.append((record, _repeat(line_id, seen[line_id])))
                continue
            _check_not_mixed(line_id, seen)
            head = told if head is None else merge(head, told, first_line=records[0].line)
        except CellError as error:
            outcome.faults.append((record, error.fault))
            continue
        seen[line_id], amounts[line_id] = record.line, amount
        outcome.used.append(record)
    if head is None or outcome.faults:
        return outcome
    if head.refunded_at is None:
        missing = Fault("No time of the refund is given.", "Write when it was made.", "refunded_at")
        outcome.faults.append((outcome.used[0], missing))
        return outcome
    outcome.event = RefundEvent(
        external_id=cells_of(outcome.used[0])[layout.refund_id],
        order_external_id=head.order_id,
        updated_at=head.updated_at or head.refunded_at,
        refunded_at=head.refunded_at,
        currency=head.currency or "",
        amount_minor=sum(amounts.values()),
        lines=tuple(RefundLine(line_id, amount) for line_id, amount in amounts.items() if line_id),
        state=head.state or RefundState.SUCCEEDED,
    )
    return outcome


def _read_row(record: Record, layout: Layout, others: Sequence[Record]) -> tuple[RefundHead, str, int]:
    cells = cells_of(record)
    read_id(cells[layout.refund_id], field="refund_id")
    order_id = read_id(cells[layout.order_id], field="order_id")
    currency = currency_of(cells, layout, others=others)
    line_id = cells[layout.line_id] and read_id(cells[layout.line_id], field="line_id")
    amount = read_amount(cells[layout.amount], currency, field="amount")
    named = currency if layout.currency or cells[layout.currency_column] else None
    updated_at = _instant(cells, layout, "updated_at")
    refunded_at = _instant(cells, layout, "refunded_at") or _instant(cells, layout, "placed_at") or updated_at
    return RefundHead(order_id, named, refunded_at, updated_at, _state(cells[layout.state])), line_id, amount


def _check_not_mixed(line_id: str, seen: Collection[str]) -> None:
    if seen and ("" in seen or not line_id):
        problem = "One row of this refund names a line and another none: they cannot be told apart from the whole."
        raise CellError(problem, "Give a line id on each of its rows, or one row for all.", field="line_id")


def _instant(cells: Sequence[str], layout: Layout, field: str) -> datetime | None:
    text = cells[getattr(layout, field)]
    return read_instant(text, layout.zone, field=field) if text else None


def _state(text: str) -> RefundState | None:
    if not text:
        return None
    try:
        return RefundState(text.lower())
    except ValueError:
        known = ", ".join(state.value for state in RefundState)
        raise CellError(f"{text[:40]!r} is no state of a refund.", f"Write one of {known}.", field="state") from None


def _repeat(line_id: str, first_line: int) -> Fault:
    what = f"Line id {line_id!r} of this refund" if line_id else "This refund"
    problem = f"{what} was given on line {first_line} already, which is the one that counts."
    return Fault(problem, "Remove one of the two.", "line_id" if line_id else "refund_id")
