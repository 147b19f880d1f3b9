"""Whatever an event points at is fetched as it stands: first invoices with their session, refunds with their order."""

import pytest

from engine.plugin_api import ChargebackState, FatalError, InputError, OrderEvent, RefundState
from plugins.stripe_payments.connector import StripePayments
from plugins.stripe_payments.topics import WANTED
from tests.plugins.stripe_payments.account import SETTINGS
from tests.plugins.stripe_payments.objects import (
    DAY,
    a_dispute,
    a_refund,
    a_session,
    an_event,
    an_invoice,
    an_item,
    example,
    listed,
    seconds,
    written,
)
from tests.plugins.stripe_payments.world import CLICK, Account

CONNECTOR = StripePayments()


@pytest.fixture
def account():
    return Account().with_code()


def told(account, topic, thing_id, **changes):
    """What an event of this type comes to, once it is completed."""
    body = written(an_event("evt_1", topic, {"id": thing_id}, **changes))
    whole = CONNECTOR.complete(body, topic=topic, settings=SETTINGS, http=account.client())
    assert CONNECTOR.complete(whole, topic=topic, settings=SETTINGS, http=account.client()) == whole
    return CONNECTOR.parse(whole, topic=topic, settings=SETTINGS)


def test_a_purchase_needs_one_question(account):
    account.buy()
    body = written(an_event("evt_1", "checkout.session.completed", {"id": "cs_live_1"}))
    account.requests.clear()
    whole = CONNECTOR.complete(body, topic="checkout.session.completed", settings=SETTINGS, http=account.client())
    assert len(account.requests) == 1
    (order,) = CONNECTOR.parse(whole, topic="checkout.session.completed", settings=SETTINGS)
    assert isinstance(order, OrderEvent)
    assert (order.codes, order.clicks, len(order.lines)) == (("ANNA10",), (CLICK,), 2)
    assert order.paid_at is not None
    assert order.paid_at.timestamp() == seconds() + 60


def test_more_lines_than_come_with_a_session_are_fetched(account):
    account.buy(line_items=listed(*(an_item(f"li_{number}", 100) for number in range(250))))
    (order,) = told(account, "checkout.session.completed", "cs_live_1")
    assert len({line.line_id for line in order.lines}) == 250


def test_a_payment_that_came_through_days_later_is_paid_then(account):
    account.buy()
    (order,) = told(account, "checkout.session.async_payment_succeeded", "cs_live_1", at=seconds() + 3 * DAY)
    assert order.paid_at.timestamp() == seconds() + 3 * DAY


def test_a_payment_that_was_reserved_is_paid_when_it_is_captured(account):
    account.buy()
    (order,) = told(account, "charge.captured", "ch_1", at=seconds() + 5 * DAY)
    assert (order.external_id, order.paid_at.timestamp()) == ("pi_1", seconds() + 5 * DAY)
    account.put("charges", example("charge", id="ch_else", payment_intent="pi_else"))
    assert told(account, "charge.captured", "ch_else") == ()


def test_the_session_of_a_subscription_and_its_first_invoice_are_one_order(account):
    account.subscribe_customer()
    by_session = told(account, "checkout.session.completed", "cs_live_sub1")
    by_invoice = told(account, "invoice.paid", "in_1")
    assert by_session == by_invoice
    (order,) = by_invoice
    assert (order.external_id, order.codes, order.clicks) == ("in_1", ("ANNA10",), (CLICK,))


def test_a_later_invoice_has_neither_click_nor_the_code_of_the_session(account):
    account.subscribe_customer()
    account.bill(invoice_id="in_2", at=seconds() + 30 * DAY, billing_reason="subscription_cycle")
    (order,) = told(account, "invoice.paid", "in_2")
    assert (order.external_id, order.codes, order.clicks) == ("in_2", (), ())


def test_after_a_free_trial_the_first_invoice_that_charges_has_click_and_code(account):
    trial_end, month = seconds() + 14 * DAY, 30 * DAY
    free = example("line_item", id="il_trial", amount=0, currency="eur", discount_amounts=[], taxes=[])
    account.subscribe_customer()
    account.folders["invoices"]["in_1"] |= {"lines": listed(free), "total": 0, "subtotal": 0}
    account.folders["subscriptions"]["sub_1"]["trial_end"] = trial_end
    for number, at in ((2, trial_end + 40), (3, trial_end + month)):
        account.bill(invoice_id=f"in_{number}", at=at, billing_reason="subscription_cycle")
    assert told(account, "invoice.paid", "in_1") == told(account, "checkout.session.completed", "cs_live_sub1") == ()
    (first,), (second,) = (told(account, "invoice.paid", invoice_id) for invoice_id in ("in_2", "in_3"))
    assert (first.codes, first.clicks, first.charged_minor) == (("ANNA10",), (CLICK,), 5_355)
    assert (second.codes, second.clicks, second.charged_minor) == ((), (), 5_355)


def test_a_first_invoice_that_a_code_made_free_is_an_order(account):
    account.subscribe_customer()
    line = account.folders["invoices"]["in_1"]["lines"]["data"][0]
    line |= {"discount_amounts": [{"amount": 5_000, "discount": "di_1"}], "taxes": []}
    account.folders["invoices"]["in_1"]["total"] = 0
    (order,) = told(account, "invoice.paid", "in_1")
    assert (order.codes, order.charged_minor, order.lines[0].net_minor) == (("ANNA10",), 0, 0)


def test_a_discount_that_goes_on_names_its_code_on_every_invoice(account):
    discount = example("discount", id="di_1", promotion_code="promo_anna")
    account.bill(invoice_id="in_2", billing_reason="subscription_cycle", discounts=[discount])
    assert told(account, "invoice.paid", "in_2")[0].codes == ("ANNA10",)


def test_a_trial_without_an_invoice_and_a_set_up_are_no_orders(account):
    for number, mode in enumerate(("subscription", "setup")):
        account.put("checkout/sessions", a_session(f"cs_live_{number}", mode=mode, invoice=None, payment_intent=None))
        assert told(account, "checkout.session.completed", f"cs_live_{number}") == ()


def test_an_invoice_that_is_the_receipt_of_a_purchase_is_that_purchase(account):
    account.buy(invoice="in_9")
    paid = {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}
    receipt = an_invoice("in_9", parent=None, billing_reason="manual", payments=listed(paid))
    account.put("invoices", receipt)
    (order,) = told(account, "invoice.paid", "in_9")
    assert order == told(account, "checkout.session.completed", "cs_live_1")[0]


def test_an_invoice_of_its_own_is_an_order(account):
    account.put("invoices", an_invoice("in_9", parent=None, billing_reason="manual", payments=listed()))
    assert told(account, "invoice.paid", "in_9")[0].external_id == "in_9"


def test_a_charges_refunds_and_the_refunds_themselves_say_the_same(account):
    account.buy()
    account.refund("1", "re_1", 700)
    account.refund("1", "re_2", 300, at=seconds() + 2 * DAY)
    by_charge = told(account, "charge.refunded", "ch_1")
    assert by_charge == (*told(account, "refund.created", "re_1"), *told(account, "refund.updated", "re_2"))
    assert [(each.external_id, each.order_external_id, each.amount_minor) for each in by_charge] == [
        ("re_1", "pi_1", 700),
        ("re_2", "pi_1", 300),
    ]


def test_a_refund_of_an_invoice_finds_it_by_its_payment_or_in_an_old_charge(account):
    account.subscribe_customer()
    account.refund("in_1", "re_1", 1_000)
    assert told(account, "refund.created", "re_1")[0].order_external_id == "in_1"
    account.put("charges", example("charge", id="ch_old", payment_intent="pi_old", invoice="in_1"))
    account.put("refunds", a_refund("re_2", 100, payment_intent=None, charge="ch_old"))
    assert told(account, "charge.refund.updated", "re_2")[0].order_external_id == "in_1"


def test_what_is_neither_checkout_nor_invoice_is_left_alone(account):
    account.put("refunds", a_refund("re_1", 100, payment_intent="pi_else"))
    account.put("disputes", a_dispute("dp_1", "lost", payment_intent=None, charge=None))
    assert told(account, "refund.created", "re_1") == told(account, "charge.dispute.closed", "dp_1") == ()


def test_a_refund_goes_one_way_only_whatever_comes_last(account):
    account.buy()
    refund = account.refund("1", "re_1", 700)
    versions = []
    for status in ("pending", "requires_action", "succeeded", "failed"):
        refund["status"] = status
        versions += told(account, "refund.updated", "re_1")
    states = [RefundState.PENDING, RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED]
    assert [each.state for each in versions] == states
    assert versions[0].updated_at < versions[2].updated_at < versions[3].updated_at
    refund["status"] = "invented"
    with pytest.raises(InputError, match="no state of a refund"):
        told(account, "refund.updated", "re_1")


DISPUTES = [
    ("warning_needs_response", ChargebackState.OPEN),
    ("warning_under_review", ChargebackState.OPEN),
    ("warning_closed", ChargebackState.WON),
    ("needs_response", ChargebackState.OPEN),
    ("under_review", ChargebackState.OPEN),
    ("won", ChargebackState.WON),
    ("lost", ChargebackState.LOST),
    ("appeal_under_review", ChargebackState.LOST),
    ("prevented", ChargebackState.WON),
]


@pytest.mark.parametrize(("status", "state"), DISPUTES, ids=[each[0] for each in DISPUTES])
def test_disputes(account, status, state):
    account.buy()
    account.dispute("1", "dp_1", status)
    (found,) = told(account, "charge.dispute.updated", "dp_1")
    assert (found.state, found.order_external_id, found.amount_minor) == (state, "pi_1", 2_000)


def test_a_dispute_that_is_won_on_appeal_is_newer_than_one_that_was_lost(account):
    account.buy()
    dispute, versions = account.dispute("1", "dp_1", "needs_response"), []
    at = dispute["created"]
    for status, moved in (("needs_response", [at]), ("lost", [at]), ("won", [at, at + 9 * DAY])):
        dispute |= {"status": status, "balance_transactions": [{"id": "txn", "created": time} for time in moved]}
        versions += told(account, "charge.dispute.updated", "dp_1")
    times = [each.updated_at for each in versions]
    assert times == sorted(set(times))


def test_what_is_gone_at_stripe_is_told_with_its_place(account):
    with pytest.raises(FatalError, match="nothing at invoices/in_404"):
        told(account, "invoice.paid", "in_404")


def test_an_event_of_another_type_stays_as_it_is(account):
    body = written(an_event("evt_1", "customer.created", {"id": "cus_1"}))
    assert CONNECTOR.complete(body, topic="customer.created", settings=SETTINGS, http=account.client()) == body
    assert account.requests == []


@pytest.mark.parametrize("topic", WANTED)
def test_an_event_that_names_nothing_is_refused_before_anybody_is_asked(account, topic):
    with pytest.raises(InputError):
        told(account, topic, None)
    with pytest.raises(InputError):
        told(account, topic, "../account")
    assert account.requests == []


def test_a_purchase_is_one_order_by_every_way_that_tells_of_it(account):
    account.buy()
    ways = [told(account, topic, "cs_live_1") for topic in WANTED if topic.startswith("checkout.session.c")]
    assert all(isinstance(each, OrderEvent) for way in ways for each in way)
    assert len(set(ways)) == 1
