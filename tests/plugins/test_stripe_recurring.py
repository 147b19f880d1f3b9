"""A subscription of Stripe in the books: the first invoice by its code, later ones by the customer link."""

from random import Random

from engine.intake.rules import Source
from engine.plugin_api import Delivery
from plugins.stripe_payments.connector import StripePayments
from tests.engine.pipeline.world import World, terms
from tests.plugins.stripe_payments.account import SETTINGS
from tests.plugins.stripe_payments.objects import DAY, seconds, written
from tests.plugins.stripe_payments.world import Account

CONNECTOR = StripePayments()
NINETY_DAYS = {"signals": ["code", "customer_link"], "customer_link_days": 90}
LINES_NET = 4_500


def told(account, invoice_id):
    """An invoice as its webhook brings it."""
    event = {"object": "event", "type": "invoice.paid", "created": seconds(), "data": {"object": {"id": invoice_id}}}
    body = CONNECTOR.complete(written(event), topic="invoice.paid", settings=SETTINGS, http=account.client())
    events = CONNECTOR.parse(body, topic="invoice.paid", settings=SETTINGS)
    return Delivery(f"evt_{invoice_id}", body, events, topic="invoice.paid")


def test_a_subscription_pays_its_ambassador_as_long_as_the_terms_link_the_customer(db):
    account, world = Account().with_code(), World(db)
    world.program(terms(attribution=NINETY_DAYS))
    world.enroll("Ada", code="ANNA10")
    account.subscribe_customer()
    for number in range(1, 5):
        at = seconds() + number * 30 * DAY - 60
        account.bill(invoice_id=f"in_1_{number}", at=at, billing_reason="subscription_cycle")
    deliveries = [told(account, name) for name in account.folders["invoices"]]
    for delivery in Random(5).sample(deliveries, len(deliveries)):
        world.pipeline.ingest(world.brand, Source("stripe_payments", "acme"), deliveries=[delivery])
    owed = {order: head.booked_minor for (*_, order, _), head in world.heads().items() if head.booked_minor}
    assert owed == dict.fromkeys(("in_1", "in_1_1", "in_1_2", "in_1_3"), LINES_NET // 10)
    world.check()
