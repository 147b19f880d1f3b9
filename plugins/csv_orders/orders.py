"""The rows of one order to an order event."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from engine.plugin_api import Currency, Customer, OrderEvent, OrderLine
from plugins.csv_orders.cells import (
    MAX_ID,
    CellError,
    read_amount,
    read_flag,
    read_id,
    read_instant,
    read_list,
    read_quantity,
    read_text,
)
from plugins.csv_orders.clicks import read_clicks
from plugins.csv_orders.layout import ABSENT, Layout
from plugins.csv_orders.records import Fault, Record
from plugins.csv_orders.things import Outcome, cells_of, check_record, currency_of, merge


class OrderHead(NamedTuple):
    """What one row says about its order as a whole; None where it says nothing. Names are those of the fields."""

    currency: Currency | None
    placed_at: datetime | None
    updated_at: datetime | None
    paid_at: datetime | None
    cancelled_at: datetime | None
    shipping: int | None
    charged: int | None
    code: tuple[str, ...] | None
    click: tuple[str, ...] | None
    customer_email: str | None
    customer_id: str | None


def read_order(records: Sequence[Record], layout: Layout) -> Outcome:
    """Return the order that `records`, all of one order id, tell of; its lines in their order."""
    outcome, head = Outcome(), None
    lines: dict[str, OrderLine] = {}
    seen: dict[str, int] = {}
    for record in records:
        if record.fault:
            outcome.faults.append((record, record.fault))
            continue
        try:
            told, line = _read_row(record, layout, records)
            if line.line_id in seen:
                outcome.repeats.append((record, _repeat(line.line_id, seen[line.line_id], layout)))
                continue
            head = told if head is None else merge(head, told, first_line=records[0].line)
        except CellError as error:
            outcome.faults.append((record, error.fault))
            continue
        seen[line.line_id] = record.line
        lines[line.line_id] = line
        outcome.used.append(record)
    if head is None or outcome.faults:
        return outcome
    if head.placed_at is None:
        missing = Fault("No time of the order is given.", "Write when it was placed.", "placed_at")
        outcome.faults.append((outcome.used[0], missing))
        return outcome
    order_id = cells_of(outcome.used[0])[layout.order_id]
    outcome.event = _event(order_id, head, head.placed_at, tuple(lines.values()), layout)
    return outcome


def _read_row(record: Record, layout: Layout, others: Sequence[Record]) -> tuple[OrderHead, OrderLine]:
    cells = cells_of(record)
    check_record(cells, layout)
    read_id(cells[layout.order_id], field="order_id")
    currency = currency_of(cells, layout, others=others)
    return _head(cells, layout, currency), _line(cells, layout, currency)


def _head(cells: Sequence[str], layout: Layout, currency: Currency) -> OrderHead:
    return OrderHead(
        currency=currency if layout.currency or cells[layout.currency_column] else None,
        placed_at=_instant(cells[layout.placed_at], layout, "placed_at"),
        updated_at=_instant(cells[layout.updated_at], layout, "updated_at"),
        paid_at=_instant(cells[layout.paid_at], layout, "paid_at"),
        cancelled_at=_instant(cells[layout.cancelled_at], layout, "cancelled_at"),
        shipping=_amount(cells[layout.shipping], currency, "shipping"),
        charged=_amount(cells[layout.charged], currency, "charged"),
        code=read_list(cells[layout.code], field="code") or None,
        click=read_clicks(cells[layout.click]) or None,
        customer_email=read_text(cells[layout.customer_email], field="customer_email", longest=320) or None,
        customer_id=read_text(cells[layout.customer_id], field="customer_id", longest=MAX_ID) or None,
    )


def _line(cells: Sequence[str], layout: Layout, currency: Currency) -> OrderLine:
    return OrderLine(
        line_id="1" if layout.line_id == ABSENT else read_id(cells[layout.line_id], field="line_id"),
        net_minor=read_amount(cells[layout.amount], currency, field="amount"),
        quantity=read_quantity(cells[layout.quantity], field="quantity"),
        tax_minor=_amount(cells[layout.tax], currency, "tax") or 0,
        product=read_text(cells[layout.product], field="product", longest=MAX_ID) or None,
        collections=read_list(cells[layout.collections], field="collections"),
        gift_card=read_flag(cells[layout.gift_card], field="gift_card"),
    )


def _event(
    order_id: str, head: OrderHead, placed_at: datetime, lines: tuple[OrderLine, ...], layout: Layout
) -> OrderEvent:
    shipping = head.shipping or 0
    charged = head.charged
    if charged is None:
        charged = sum(line.net_minor + line.tax_minor for line in lines) + shipping
    return OrderEvent(
        external_id=order_id,
        updated_at=head.updated_at or placed_at,
        placed_at=placed_at,
        currency=head.currency or "",
        lines=lines,
        charged_minor=charged,
        paid_at=placed_at if layout.paid_at == ABSENT else head.paid_at,
        cancelled_at=head.cancelled_at,
        shipping_minor=shipping,
        codes=head.code or (),
        clicks=head.click or (),
        customer=Customer(head.customer_email, head.customer_id),
    )


def _instant(text: str, layout: Layout, field: str) -> datetime | None:
    return read_instant(text, layout.zone, field=field) if text else None


def _amount(text: str, currency: Currency, field: str) -> int | None:
    return read_amount(text, currency, field=field) if text else None


def _repeat(line_id: str, first_line: int, layout: Layout) -> Fault:
    if layout.line_id == ABSENT:
        remedy = "Remove one of the two; if an order has several lines here, declare a column for line_id."
        return Fault(
            f"This order was given on line {first_line} already, which is the one that counts.", remedy, "order_id"
        )
    problem = f"Line id {line_id!r} of this order was given on line {first_line} already, which is the one that counts."
    return Fault(problem, "Remove one of the two.", "line_id")
