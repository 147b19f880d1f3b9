"""The Stripe connector is what the host expects of a connector."""

from datetime import UTC, datetime, timedelta

from engine.plugin_api import HttpClient
from engine.testing.connectors import ConnectorConformance, Sample
from plugins import stripe_payments
from tests.plugins.stripe_payments.account import SETTINGS, sent
from tests.plugins.stripe_payments.objects import DAY, a_dispute, a_refund, a_session, an_event, an_invoice, written
from tests.plugins.stripe_payments.world import Account

NOW = datetime.now(UTC).replace(microsecond=0)
RECENT, LONG_AGO = int((NOW - timedelta(days=20)).timestamp()), int((NOW - timedelta(days=200)).timestamp())


def an_account() -> Account:
    """Thirty purchases and two subscriptions, half of them longer ago than events are kept, refunds and disputes."""
    account = Account().with_code()
    for number in range(1, 31):
        at = (RECENT if number % 2 else LONG_AGO) + 60 * number
        account.buy(str(number), at=at)
        if number < 5:
            account.refund(str(number), f"re_{number}", 700, at=at + DAY)
            account.dispute(str(number), f"dp_{number}", "needs_response", at=at + 2 * DAY)
    account.subscribe_customer("1", at=RECENT)
    account.subscribe_customer("2", at=LONG_AGO)
    return account


class TestStripe(ConnectorConformance):
    plugin = stripe_payments
    settings = SETTINGS
    samples = (
        Sample(written({"session": a_session(), "settled_at": None}), "checkout.session.completed"),
        Sample(written({"order": "pi_1", "refunds": [a_refund("re_1", 700)]}), "charge.refunded"),
        Sample(written({"order": "pi_1", "disputes": [a_dispute("dp_1", "lost")]}), "charge.dispute.closed"),
        Sample(written({"invoice": an_invoice(), "session": None}), "invoice.paid"),
    )
    sent = (
        Sample(written(an_event("evt_1", "invoice.paid", an_invoice())), "invoice.paid"),
        Sample(written(an_event("evt_2", "refund.created", a_refund("re_1", 700))), "refund.created"),
    )
    pointers = (
        Sample(written(an_event("evt_1", "invoice.paid", {"id": "in_1"})), "invoice.paid"),
        Sample(written(an_event("evt_2", "refund.created", {"id": "re_1"})), "refund.created"),
        Sample(written(an_event("evt_3", "charge.refunded", {"id": "ch_1"})), "charge.refunded"),
        Sample(written(an_event("evt_4", "charge.dispute.closed", {"id": "dp_1"})), "charge.dispute.closed"),
        Sample(
            written(an_event("evt_5", "checkout.session.completed", {"id": "cs_live_2"})), "checkout.session.completed"
        ),
    )
    stale_after = timedelta(minutes=5)
    window = (NOW - timedelta(days=300), NOW)
    missing_reference = "promo_404"
    destination = "https://buy.stripe.com/aEU28tfIx7?colour=red#top"

    def signed(self, body, *, topic, at):
        return sent(body, at=at)

    def shop(self) -> HttpClient:
        return an_account().client()


def test_the_account_of_the_kit_has_what_a_pull_must_find():
    account = an_account()
    assert len(account.folders["events"]) == 30 + 4 * 3 + 2 * 2
