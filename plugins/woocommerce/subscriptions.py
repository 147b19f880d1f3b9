"""Which webhooks the shop sends to us, and switching on those that it does not.

WooCommerce never sends a webhook again that failed, and switches one off that failed too often, without a word.
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.plugin_api import FatalError, Subscription
from plugins.woocommerce.api import RestApi
from plugins.woocommerce.signature import READ

_WEBHOOKS: Final = "wc/v3/webhooks"


def subscribed(api: RestApi, address: str) -> tuple[Subscription, ...]:
    """Return every wanted topic, and whether the shop sends it to `address` now.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    sent = {each["topic"] for each in _ours(api, address) if each["status"] == "active"}
    return tuple(Subscription(topic, enabled=topic in sent) for topic in READ)


def subscribe_all(api: RestApi, address: str) -> None:
    """Make the shop send every wanted topic to `address`, signed by the first secret, also those it had switched off.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    secret = api.settings.secrets[0].get_secret_value()
    there = {each["topic"]: each for each in _ours(api, address)}
    for topic in READ:
        wanted = {"status": "active", "secret": secret}
        if topic in there:
            _write(api, "PUT", f"{_WEBHOOKS}/{int(there[topic]['id'])}", wanted)
        else:
            new = {"name": f"Goodword {topic}", "topic": topic, "delivery_url": address, **wanted}
            _write(api, "POST", _WEBHOOKS, new)


def _write(api: RestApi, method: str, path: str, wanted: Mapping[str, Any]) -> None:
    if api.ask(method, path, json=wanted) is None:
        raise FatalError("A webhook of the shop was deleted while it was being switched on. Subscribe again.")


def _ours(api: RestApi, address: str) -> list[Mapping[str, Any]]:
    """Return the shop's webhooks to `address`; an active one stands before others of its topic in the end."""
    found = [each for each in api.listed(_WEBHOOKS) if each["delivery_url"] == address]
    return sorted(found, key=lambda each: each["status"] == "active")
