"""Whatever an event points at, as it stands now, with all that its reading needs: a record that `parse` reads alone.

Only ids are taken from an event, so its version of the API does not matter. A record is one of these:
`{"session", "settled_at"}`, `{"invoice", "session"}`, `{"order", "refunds"}`, `{"order", "disputes"}`; an `order` of
None says that what Stripe took here belongs to no order of ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from engine.plugin_api.reading import Record, refuse, text
from plugins.stripe_payments.api import Found, StripeApi
from plugins.stripe_payments.clicks import subscription_details
from plugins.stripe_payments.orders import is_first
from plugins.stripe_payments.reading import ident, inner, maybe_ident, records
from plugins.stripe_payments.topics import CAPTURED, DISPUTE, INVOICE, REFUND, REFUNDED, SESSION, SETTLED

SESSION_FIELDS: Final = ("line_items", "payment_intent.latest_charge", "discounts.promotion_code")
INVOICE_FIELDS: Final = ("payments", "discounts.promotion_code", "parent.subscription_details.subscription")
NOTHING: Final[Found] = {"order": None}
_KINDS: Final = {
    "session": SESSION,
    "invoice": INVOICE,
    "refund": REFUND,
    "dispute": DISPUTE,
    "captured": CAPTURED,
    "refunded": REFUNDED,
}


@dataclass(frozen=True, slots=True)
class Pointer:
    """What an event points at: the kind of thing, its id, and when it was settled, where the event says so."""

    kind: str
    thing_id: str
    settled_at: int | None = None

    @classmethod
    def of(cls, event: Record) -> "Pointer":
        """Return where `event`, of one of the types that are read, points.

        Raises:
            InputError: it names no thing, or is of another type.
        """
        topic, thing = text(event, "type"), inner(inner(event, "data"), "object")
        created = event.get("created")
        settled_at = created if topic in SETTLED and type(created) is int else None
        kind = next((name for name, topics in _KINDS.items() if topic in topics), None)
        if kind is None:
            refuse("is no type of event that is read", "type")
        return cls(kind, ident(thing, "id"), settled_at)


def record_of(api: StripeApi, pointer: Pointer) -> Found:
    """Return the record of what `pointer` points at.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.get`.
    """
    match pointer.kind:
        case "session":
            return session_record(api, _session(api, pointer.thing_id), settled_at=pointer.settled_at)
        case "invoice":
            return invoice_record(api, pointer.thing_id)
        case "refund":
            refund = api.get(f"refunds/{pointer.thing_id}")
            return {"order": order_of(api, refund), "refunds": [refund]}
        case "dispute":
            dispute = api.get(f"disputes/{pointer.thing_id}")
            return {"order": order_of(api, dispute), "disputes": [dispute]}
        case "captured":
            return _captured(api, pointer)
        case _:
            charge = api.get(f"charges/{pointer.thing_id}")
            refunds = list(api.listed("refunds", {"charge": pointer.thing_id}))
            return {"order": order_of(api, charge), "refunds": refunds[::-1]}


def session_record(api: StripeApi, session: Found, *, settled_at: int | None = None) -> Found:
    """Return the record of a session: that of its first invoice where it began a subscription.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.get`.
    """
    if text(session, "mode") != "payment":
        invoice_id = maybe_ident(session, "invoice")
        return invoice_record(api, invoice_id) if invoice_id else NOTHING
    return _purchase(api, session, settled_at=settled_at)


def invoice_record(api: StripeApi, invoice_id: str) -> Found:
    """Return the record of an invoice: that of its session where a checkout made the invoice as a receipt.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.get`.
    """
    invoice = api.get(f"invoices/{invoice_id}", {"expand": INVOICE_FIELDS})
    subscription_id = maybe_ident(subscription_details(invoice), "subscription") or maybe_ident(invoice, "subscription")
    session = None
    if not subscription_id:
        for payment_id in _payments(invoice):
            if bought_in := _bought_in(api, payment_id):
                return _purchase(api, _session(api, bought_in))
    elif is_first(invoice):
        found, _ = api.page("checkout/sessions", {"subscription": subscription_id, "limit": 1})
        session = _with_codes(api, found[0]) if found else None
    if inner(invoice, "lines").get("has_more") is not False:
        invoice = {**invoice, "lines": _all_of(api, f"invoices/{invoice_id}/lines")}
    return {"invoice": _with_codes(api, invoice), "session": session}


def order_of(api: StripeApi, thing: Record) -> str | None:
    """Return the id of the order that a refund, dispute or charge is about; None where it is none of ours.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.get`.
    """
    charge_id = maybe_ident(thing, "charge")
    if charge_id and not maybe_ident(thing, "payment_intent"):
        thing = api.get(f"charges/{charge_id}")
    if invoice_id := maybe_ident(thing, "invoice"):  # a charge of before 2025-03-31
        return invoice_id
    payment_id = maybe_ident(thing, "payment_intent")
    if not payment_id or _bought_in(api, payment_id):
        return payment_id
    wanted = {"type": "payment_intent", "payment_intent": payment_id}
    found, _ = api.page("invoice_payments", {"payment": wanted, "limit": 1})
    return ident(found[0], "invoice") if found else None


def _purchase(api: StripeApi, session: Found, *, settled_at: int | None = None) -> Found:
    """Return the record of a session that sold something, with all its lines."""
    items = session.get("line_items")
    if not isinstance(items, dict) or items.get("has_more") is not False:
        session = {**session, "line_items": _all_of(api, f"checkout/sessions/{ident(session, 'id')}/line_items")}
    return {"session": _with_codes(api, session), "settled_at": settled_at}


def _captured(api: StripeApi, pointer: Pointer) -> Found:
    """Return the record of the session whose payment was only reserved until now."""
    payment_id = maybe_ident(api.get(f"charges/{pointer.thing_id}"), "payment_intent")
    bought_in = _bought_in(api, payment_id) if payment_id else None
    return _purchase(api, _session(api, bought_in), settled_at=pointer.settled_at) if bought_in else NOTHING


def _session(api: StripeApi, session_id: str) -> Found:
    return api.get(f"checkout/sessions/{session_id}", {"expand": SESSION_FIELDS})


def _bought_in(api: StripeApi, payment_id: str) -> str | None:
    """Return the id of the session that took this payment for a purchase."""
    found, _ = api.page("checkout/sessions", {"payment_intent": payment_id, "limit": 1})
    return next((ident(each, "id") for each in found if text(each, "mode") == "payment"), None)


def _payments(invoice: Record) -> Iterable[str]:
    """Return the ids of the payments of an invoice, in the newer shape or that of before 2025-03-31."""
    newer = (maybe_ident(inner(each, "payment"), "payment_intent") for each in records(invoice, "payments"))
    return dict.fromkeys(filter(None, (*newer, maybe_ident(invoice, "payment_intent"))))


def _with_codes(api: StripeApi, thing: Found) -> Found:
    """Return a session or an invoice whose discounts hold their promotion codes, not only the codes' ids."""
    listed = thing.get("discounts")
    if not isinstance(listed, list) or not listed:
        return thing
    return {**thing, "discounts": [_whole(api, each) for each in listed]}


def _whole(api: StripeApi, discount: Any) -> Any:
    named = discount.get("promotion_code") if isinstance(discount, dict) else None
    if not isinstance(named, str):
        return discount
    return {**discount, "promotion_code": api.maybe(f"promotion_codes/{ident(discount, 'promotion_code')}")}


def _all_of(api: StripeApi, path: str) -> Found:
    return {"data": list(api.listed(path)), "has_more": False}
