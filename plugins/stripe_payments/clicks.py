"""Click ids that came back with a payment: in a session's reference, and as metadata named `gw_click`.

Fails open: what is no click id names no click.
"""

from typing import Final

from engine.plugin_api.reading import Record, text
from plugins.stripe_payments.reading import inner

_PARAMETER: Final = "gw_click"
_LONGEST: Final = 100
_MOST: Final = 10


def clicks_of(*things: Record) -> tuple[str, ...]:
    """Return the click ids that sessions, invoices and subscriptions carry, each once, at most ten.

    A reference that is none of ours is told as well: the core knows its own click ids by their signature.
    """
    found: dict[str, None] = {}
    for thing in things:
        metadata = thing.get("metadata")
        noted = text(metadata, _PARAMETER) if isinstance(metadata, dict) else ""
        found |= dict.fromkeys([text(thing, "client_reference_id"), noted])
    return tuple(each for each in found if 0 < len(each) <= _LONGEST and each.isascii() and each.isprintable())[:_MOST]


def subscription_details(invoice: Record) -> Record:
    """Return what an invoice says of its subscription, in the newer shape or that of before 2025-03-31."""
    return inner(inner(invoice, "parent"), "subscription_details") or inner(invoice, "subscription_details")
