"""Which events Stripe sends to us, and asking for those that it does not.

One endpoint is for one address and many types. Stripe switches it off after days of failures, and makes its signing
secret itself: that is read in its dashboard and entered in the connection.
"""

from engine.plugin_api import FatalError, Subscription
from plugins.stripe_payments.api import Found, StripeApi
from plugins.stripe_payments.settings import VERSION
from plugins.stripe_payments.topics import WANTED

_ENDPOINTS = "webhook_endpoints"
_EVERY = "*"


def subscribed(api: StripeApi, address: str) -> tuple[Subscription, ...]:
    """Return every wanted type of event, and whether Stripe sends it to `address` now.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.page`.
    """
    sent = {topic for each in _ours(api, address) if each["status"] == "enabled" for topic in each["enabled_events"]}
    return tuple(Subscription(topic, enabled=not sent.isdisjoint((topic, _EVERY))) for topic in WANTED)


def subscribe_all(api: StripeApi, address: str) -> None:
    """Make Stripe send every wanted type to `address`: by the endpoint that is there, switched on again, or a new one.

    What else an endpoint sends is left as it is.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.post`.
    """
    there = _ours(api, address)
    if not there:
        described = {"url": address, "description": "Goodword", "api_version": VERSION}
        api.post(_ENDPOINTS, {**described, "enabled_events": WANTED})
        return
    first = there[0]
    sent = first["enabled_events"]
    events = [_EVERY] if _EVERY in sent else sorted({*sent, *WANTED})
    changed = api.post(f"{_ENDPOINTS}/{first['id']}", {"disabled": False, "enabled_events": events})
    if changed is None:
        raise FatalError("The endpoint was deleted while it was being switched on. Subscribe again.")


def _ours(api: StripeApi, address: str) -> list[Found]:
    """Return the endpoints for `address`, those that are switched on first."""
    found = [each for each in api.listed(_ENDPOINTS) if each["url"] == address]
    return sorted(found, key=lambda each: each["status"] != "enabled")
