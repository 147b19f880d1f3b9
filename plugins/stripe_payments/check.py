"""Whether the connection works: whose account it is, and what it or its key cannot do yet."""

from collections.abc import Iterator
from typing import Final

from engine.plugin_api import ConfigError, ConnectionReport
from engine.plugin_api.reading import text
from plugins.stripe_payments.api import Found, StripeApi
from plugins.stripe_payments.reading import inner

_READ: Final = {
    "checkout/sessions": "Checkout Sessions",
    "payment_intents": "PaymentIntents",
    "charges": "Charges",
    "refunds": "Refunds",
    "disputes": "Disputes",
    "invoices": "Invoices",
    "subscriptions": "Subscriptions",
    "events": "Events",
    "coupons": "Coupons",
    "promotion_codes": "Promotion Codes",
    "webhook_endpoints": "Webhook Endpoints",
}
"""What is read of an account, by its path, in the words in which Stripe lists the rights of a restricted key."""


def report(api: StripeApi) -> ConnectionReport:
    """Say whose account this is, whether it may take payments, and what is missing.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.page`; ConfigError only where Stripe knows no such key.
    """
    account = api.get("account")
    shown = text(inner(inner(account, "settings"), "dashboard"), "display_name")
    name = shown or text(inner(account, "business_profile"), "name") or str(account["id"])
    return ConnectionReport(name[:200], tuple(_problems(api, account)))


def _problems(api: StripeApi, account: Found) -> Iterator[str]:
    if account.get("charges_enabled") is False and not api.settings.test_mode:
        yield "Stripe does not let this account take payments yet. Finish its activation at Stripe."
    if not api.settings.webhook_secrets:
        yield "No webhook is believed yet: enter the endpoint's signing secret from Stripe's dashboard."
    refused = [right for path, right in _READ.items() if not _may_read(api, path)]
    if refused:
        yield f"The key may not read {', '.join(refused)}. Give it these rights at Stripe, or take another key."


def _may_read(api: StripeApi, path: str) -> bool:
    try:
        api.page(path, {"limit": 1})
    except ConfigError:
        return False
    return True
