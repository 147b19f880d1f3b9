"""Which webhooks the shop sends to us, and asking for those that it does not."""

from collections.abc import Mapping
from typing import Final

from engine.plugin_api import Subscription
from plugins.shopify.api import AdminApi, refuse_user_errors
from plugins.shopify.questions import CHECK
from plugins.shopify.topics import DISPUTES_SCOPE, WANTED, WANTED_DISPUTES

_LIST: Final = """
query Subscriptions($topics: [WebhookSubscriptionTopic!], $after: String) {
  webhookSubscriptions(first: 50, topics: $topics, after: $after) {
    nodes { topic uri format filter includeFields }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_ADD: Final = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: { uri: $uri, format: JSON }) {
    userErrors { field message }
  }
}
"""


def subscribed(api: AdminApi, address: str) -> tuple[Subscription, ...]:
    """Return every wanted topic, and whether the shop sends it to `address`: whole, as JSON, without a filter.

    Raises:
        ConfigError, RetriableError, FatalError: as `AdminApi.ask`.
    """
    wanted = _wanted(api)
    sent = _sent(api, wanted, address)
    return tuple(Subscription(topic, enabled=name in sent) for topic, name in wanted.items())


def subscribe_missing(api: AdminApi, address: str) -> None:
    """Make the shop send every wanted topic to `address`. Shopify deletes what fails too often; this brings it back.

    Raises:
        ConfigError, RetriableError, FatalError: as `AdminApi.ask`; FatalError also where Shopify refuses the address.
    """
    wanted = _wanted(api)
    sent = _sent(api, wanted, address)
    for topic, name in wanted.items():
        if name not in sent:
            added = api.ask(_ADD, {"topic": name, "uri": address})["webhookSubscriptionCreate"]
            refuse_user_errors(added, doing=f"send {topic} to {address}")


def scopes_of(api: AdminApi) -> frozenset[str]:
    """Return the access scopes that the app was granted.

    Raises:
        ConfigError, RetriableError, FatalError: as `AdminApi.ask`.
    """
    return frozenset(each["handle"] for each in api.ask(CHECK)["currentAppInstallation"]["accessScopes"])


def _wanted(api: AdminApi) -> Mapping[str, str]:
    return {**WANTED, **WANTED_DISPUTES} if DISPUTES_SCOPE in scopes_of(api) else WANTED


def _sent(api: AdminApi, wanted: Mapping[str, str], address: str) -> frozenset[str]:
    found: set[str] = set()
    more, after = True, None
    while more:
        page = api.ask(_LIST, {"topics": list(wanted.values()), "after": after})["webhookSubscriptions"]
        found |= {
            each["topic"]
            for each in page["nodes"]
            if each["uri"] == address and each["format"] == "JSON" and not each["filter"] and not each["includeFields"]
        }
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    return frozenset(found)
