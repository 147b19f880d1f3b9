"""Turns what a connector says into a fact, or refuses it.

Pure. A plugin's answer comes from outside like everything else: it is checked here before anything is stored. Names and
e-mail addresses end here; what goes on is a keyed hash.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from engine.identity.rules import same_person_key
from engine.intake.tables import FactKind
from engine.kernel.canonical import content_hash
from engine.kernel.crypto import Keyring
from engine.kernel.currencies import EXPONENTS
from engine.kernel.errors import InputError
from engine.kernel.money import MAX_MINOR
from engine.plugin_api import (
    ChargebackEvent,
    ChargebackState,
    CommerceEvent,
    Customer,
    Delivery,
    OrderEvent,
    OrderLine,
    RefundEvent,
    RefundReason,
    RefundState,
)

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")
MAX_ID = 200
MAX_KEY = 300
MAX_LINES = 2_000
MAX_CODES = 50
MAX_CLICKS = 20
MAX_CLICK = 64
MAX_REFUNDS = 1_000
NEXT_WORD: Final = timedelta(microseconds=1)
"""How far behind a time of change its last word is kept: less than any shop tells."""
MOST_WORDS: Final = 999


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from: a connector and which of its accounts (a brand may have two shops of one kind)."""

    connector: str
    account: str


@dataclass(frozen=True, slots=True)
class FactDraft:
    """One version of a thing, ready to be stored. Versions are ordered by (`version_at`, `content_hash`)."""

    kind: FactKind
    external_id: str
    order_external_id: str
    version_at: datetime
    content_hash: str
    payload: dict[str, Any]

    @property
    def version(self) -> tuple[datetime, str]:
        """What decides which of two versions is newer."""
        return self.version_at, self.content_hash


@dataclass(frozen=True, slots=True)
class CustomerHasher:
    """Replaces a customer by a keyed hash of the brand: the e-mail where there is one, else the shop's own id.

    Text that is no address (`none`, `n/a`) says nothing: it would make one customer of all who have it.
    """

    keyring: Keyring
    brand_id: UUID
    source: Source

    def key_of(self, customer: Customer) -> str | None:
        """Return the customer's key, or None when the shop does not say who bought."""
        if customer.email and _ADDRESS.fullmatch(customer.email.strip()):
            return self.keyring.keyed_hash(f"customer:{self.brand_id}", same_person_key(customer.email))
        if customer.external_id:
            name = f"{self.source.connector}/{self.source.account}/{customer.external_id}"
            return self.keyring.keyed_hash(f"customer:{self.brand_id}", name)
        return None


def fact_of(event: CommerceEvent, hasher: CustomerHasher) -> FactDraft:
    """Check `event` and return it as a fact.

    Raises:
        InputError: the connector said something that cannot be: names the field and what is wrong with it.
    """
    try:
        return _fact_of(event, hasher)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        problem = f"The connector's {type(event).__name__} has a field of a type that it must not have: {error!s:.200}."
        raise InputError(problem) from error


def check_delivery(delivery: Delivery) -> None:
    """Refuse a delivery that could not be stored.

    Raises:
        InputError: its key is no text of 1 to 300 printable characters, or its body no bytes.
    """
    key, body, events = _fields_of(delivery)
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise InputError(f"A key is 1 to {MAX_KEY} printable characters, not {key!r:.60}.", field="key")
    if not isinstance(body, bytes):
        raise InputError(f"A body is bytes, not {type(body).__name__}.", field="body")
    if not isinstance(events, tuple | list):
        raise InputError(f"Events are a series, not {type(events).__name__}.", field="events")


def _fields_of(delivery: Delivery) -> tuple[object, object, object]:
    return delivery.key, delivery.body, delivery.events


def _fact_of(event: CommerceEvent, hasher: CustomerHasher) -> FactDraft:
    _check_id("external_id", event.external_id)
    _check_time("updated_at", event.updated_at)
    if event.currency not in EXPONENTS:
        raise InputError(f"{event.currency[:10]!r} is not an active ISO 4217 currency code.", field="currency")
    match event:
        case OrderEvent():
            kind, order_id, payload = FactKind.ORDER, event.external_id, _order(event, hasher)
        case RefundEvent():
            kind, order_id, payload = FactKind.REFUND, event.order_external_id, _refund(event)
        case ChargebackEvent():
            kind, order_id, payload = FactKind.CHARGEBACK, event.order_external_id, _chargeback(event)
        case _:
            raise InputError(f"{type(event).__name__} is not an event of commerce.")
    _check_id("order_external_id", order_id)
    version_at = event.updated_at.astimezone(UTC)
    return FactDraft(kind, event.external_id, order_id, version_at, content_hash(payload), payload)


def newest(versions: Iterable[FactDraft]) -> FactDraft:
    """Return the version that holds, whatever order they came in."""
    return max(versions, key=lambda draft: draft.version)


def is_last_word_on(version_at: datetime, told_at: datetime) -> bool:
    """Tell whether `version_at` is `told_at` as a shop's answers settled it, each a microsecond behind the last.

    Shops tell times in whole milliseconds at the finest; one that tells finer ones has no such versions but the first.
    """
    return told_at.microsecond % 1_000 == 0 and timedelta(0) < version_at - told_at < MOST_WORDS * NEXT_WORD


def instant(payload: Mapping[str, Any], field: str) -> datetime | None:
    """Read a time of a payload."""
    text = payload.get(field)
    return datetime.fromisoformat(text) if text else None


def _order(event: OrderEvent, hasher: CustomerHasher) -> dict[str, Any]:
    _check_time("placed_at", event.placed_at)
    _check_amount("charged", event.charged_minor)
    _check_amount("shipping", event.shipping_minor)
    if not 0 < len(event.lines) <= MAX_LINES:
        raise InputError(f"An order has 1 to {MAX_LINES} lines, not {len(event.lines)}.", field="lines")
    if len(event.codes) > MAX_CODES:
        raise InputError(f"An order carries at most {MAX_CODES} codes, not {len(event.codes)}.", field="codes")
    payload: dict[str, Any] = {
        "placed_at": _write_time(event.placed_at),
        "currency": event.currency,
        "charged": event.charged_minor,
        "lines": [_line(line) for line in event.lines],
    }
    if len({line["id"] for line in payload["lines"]}) < len(event.lines):
        raise InputError("Two lines of the order have one line id.", field="line_id")
    payload |= _times(event)
    if event.shipping_minor:
        payload["shipping"] = event.shipping_minor
    if event.codes:
        payload["codes"] = [_clean(code)[:80] for code in event.codes]
    if clicks := _clicks(event.clicks):
        payload["clicks"] = clicks
    if event.refund_ids is not None:
        payload["refund_ids"] = _refund_ids(event.refund_ids)
    if customer := hasher.key_of(event.customer):
        payload["customer"] = customer
    return payload


def _times(event: OrderEvent) -> dict[str, str]:
    """Return what of an order's times is known."""
    times = (("paid_at", event.paid_at), ("cancelled_at", event.cancelled_at), ("first_seen_at", event.first_seen_at))
    written = {}
    for name, time in times:
        if time is not None:
            _check_time(name, time)
            written[name] = _write_time(time)
    return written


def _clicks(tokens: Sequence[str]) -> list[str]:
    """Return the first `MAX_CLICKS` different click ids of an order.

    They come out of addresses, where anybody can write anything: what is too long to be one is left out, and never
    costs the order.
    """
    if isinstance(tokens, str):
        raise InputError("The click ids of an order are a series, not one text.", field="clicks")
    cleaned = (_clean(token) for token in tokens)
    return list(dict.fromkeys(token for token in cleaned if 0 < len(token) <= MAX_CLICK))[:MAX_CLICKS]


def _refund_ids(ids: Sequence[str]) -> list[str]:
    """Return the list of an order's refunds, sorted, so that equal lists are equal facts."""
    if isinstance(ids, str) or len(ids) > MAX_REFUNDS:
        problem = f"The refunds of an order are listed by at most {MAX_REFUNDS} ids."
        raise InputError(problem, field="refund_ids")
    for refund_id in ids:
        _check_id("refund_ids", refund_id)
    return sorted(set(ids))


def _line(line: OrderLine) -> dict[str, Any]:
    _check_id("line_id", line.line_id)
    _check_amount("amount", line.net_minor)
    _check_amount("tax", line.tax_minor)
    if type(line.quantity) is not int or not 0 < line.quantity <= 1_000_000:
        raise InputError(f"A quantity is a whole number from 1 on, not {line.quantity!r}.", field="quantity")
    written: dict[str, Any] = {"id": line.line_id, "net": line.net_minor}
    if line.quantity != 1:
        written["quantity"] = line.quantity
    if line.tax_minor:
        written["tax"] = line.tax_minor
    if line.product:
        written["product"] = _clean(line.product)[:MAX_ID]
    if line.collections:
        written["collections"] = [_clean(name)[:MAX_ID] for name in line.collections]
    if line.gift_card:
        written["gift_card"] = True
    return written


def _refund(event: RefundEvent) -> dict[str, Any]:
    state = RefundState(event.state)
    _check_time("refunded_at", event.refunded_at)
    _check_amount("amount", event.amount_minor)
    _check_amount("apart", event.apart_minor)
    if event.apart_minor > event.amount_minor:
        raise InputError("What is apart from the lines is a part of the amount, not more.", field="apart")
    lines: dict[str, int] = {}
    for line in event.lines:
        _check_id("line_id", line.line_id)
        _check_amount("amount", line.net_minor)
        lines[line.line_id] = lines.get(line.line_id, 0) + line.net_minor
    payload: dict[str, Any] = {
        "order": event.order_external_id,
        "refunded_at": _write_time(event.refunded_at),
        "currency": event.currency,
        "amount": event.amount_minor,
        "state": state.value,
    }
    if lines:
        payload["lines"] = lines
    if event.apart_minor:
        payload["apart"] = event.apart_minor
    if RefundReason(event.reason) is not RefundReason.GIVEN_BACK:
        payload["reason"] = RefundReason(event.reason).value
    return payload


def _chargeback(event: ChargebackEvent) -> dict[str, Any]:
    _check_time("opened_at", event.opened_at)
    _check_amount("amount", event.amount_minor)
    return {
        "order": event.order_external_id,
        "opened_at": _write_time(event.opened_at),
        "currency": event.currency,
        "amount": event.amount_minor,
        "state": ChargebackState(event.state).value,
    }


def _check_id(field: str, value: object) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID or not value.isprintable():
        raise InputError(f"An id is 1 to {MAX_ID} printable characters, not {value!r:.60}.", field=field)


def _check_amount(field: str, minor: object) -> None:
    if type(minor) is not int or not 0 <= minor <= MAX_MINOR:
        raise InputError(f"An amount is a whole number of minor units from 0 on, not {minor!r:.40}.", field=field)


def _check_time(field: str, value: datetime) -> None:
    if value.tzinfo is None:
        raise InputError("A time needs its zone.", field=field)
    if not 1970 <= value.year <= 2200:
        raise InputError(f"The year {value.year} is out of any order's range.", field=field)


def _write_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def _clean(text: str) -> str:
    """Drop what a database or a terminal might act upon: PostgreSQL refuses NUL, lone surrogates cannot be written."""
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())
