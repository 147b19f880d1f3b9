"""Sessions and invoices to orders: amounts, codes, clicks, in the shapes of all versions of the API."""

import pytest

from engine.plugin_api import FatalError, InputError, parse_currency
from plugins.stripe_payments.amounts import from_stripe, to_stripe
from plugins.stripe_payments.connector import StripePayments
from tests.plugins.stripe_payments.account import SETTINGS
from tests.plugins.stripe_payments.objects import (
    EXAMPLES,
    a_session,
    an_invoice,
    an_item,
    example,
    listed,
    old_invoice,
    seconds,
    written,
)

CONNECTOR = StripePayments()


def read(**record):
    return CONNECTOR.parse(written(record), topic="invoice.paid", settings=SETTINGS)


def order(**record):
    (found,) = read(**record)
    return found


def test_a_session_is_an_order_of_lines_after_discounts_and_without_tax():
    found = order(session=a_session(), settled_at=None)
    lines = [(line.line_id, line.net_minor, line.quantity, line.tax_minor, line.product) for line in found.lines]
    product = EXAMPLES["item"]["price"]["product"]
    assert lines == [("li_cap", 5_400, 1, 1_026, product), ("li_mug", 1_800, 2, 342, product)]
    assert (found.external_id, found.currency, found.charged_minor, found.shipping_minor) == ("pi_1", "EUR", 9_068, 420)
    assert sum(line.net_minor + line.tax_minor for line in found.lines) + 500 == found.charged_minor
    assert (found.customer.email, found.customer.external_id) == ("Bea@Customer.example", "cus_1")


def test_tax_in_the_price_is_taken_out_exactly():
    item = an_item("li_1", 1_190, tax=190, amount_total=1_190)
    assert order(session=a_session(line_items=listed(item)), settled_at=None).lines[0].net_minor == 1_000


def test_a_session_for_nothing_has_its_own_id():
    found = order(session=a_session(payment_intent=None, payment_status="no_payment_required", amount_total=0))
    assert (found.external_id, found.paid_at, found.charged_minor) == ("cs_live_1", found.placed_at, 0)


@pytest.mark.parametrize(
    "changes",
    [{"status": "open"}, {"status": "expired"}, {"mode": "subscription"}, {"mode": "setup"}, {"line_items": None}],
    ids=["open", "expired", "subscription", "setup", "nothing in it"],
)
def test_what_sold_nothing_is_no_order(changes):
    assert read(session=a_session(**changes), settled_at=None) == ()


def test_versions_of_a_session_follow_each_other_in_whatever_order_they_come():
    at = seconds()
    waiting = example("payment_intent", status="processing", id="pi_1")
    failed = example("payment_intent", status="requires_payment_method", id="pi_1")
    versions = [
        order(session=a_session(payment_status="unpaid", payment_intent=waiting)),
        order(session=a_session(payment_status="unpaid", payment_intent=failed)),
        order(session=a_session(payment_intent=waiting | {"latest_charge": {"id": "ch_1", "created": at}})),
        order(session=a_session(payment_intent=waiting), settled_at=at + 400_000),
    ]
    assert [(bool(each.paid_at), bool(each.cancelled_at)) for each in versions] == [
        (False, False),
        (False, True),
        (True, False),
        (True, False),
    ]
    times = [each.updated_at for each in versions]
    assert times == sorted(set(times))
    assert versions[3].paid_at.timestamp() == at + 400_000


def test_clicks_come_from_the_reference_and_from_metadata():
    payment = example("payment_intent", id="pi_1", metadata={"gw_click": "three"})
    session = a_session(client_reference_id="one", metadata={"gw_click": "two", "x": "y"}, payment_intent=payment)
    assert order(session=session).clicks == ("one", "two", "three")
    assert order(session=a_session(client_reference_id="é", metadata={"gw_click": 5})).clicks == ()


def test_codes_are_those_of_the_promotion_codes_in_their_order():
    anna, coupon_alone = {"promotion_code": {"id": "promo_1", "code": "ANNA10"}}, {"promotion_code": None}
    again = {"promotion_code": {"id": "promo_2", "code": "BOB"}, "source": {"coupon": "X"}}
    assert order(session=a_session(discounts=[anna, coupon_alone, again, anna])).codes == ("ANNA10", "BOB")
    assert order(invoice=an_invoice(discounts=["di_1"], discount=anna)).codes == ("ANNA10",)


@pytest.mark.parametrize("invoice", [an_invoice(), old_invoice()], ids=["newer", "before 2025-03-31"])
def test_an_invoice_says_the_same_in_its_newer_and_its_older_shape(invoice):
    session = a_session(client_reference_id="one", discounts=[{"promotion_code": {"id": "p", "code": "ANNA10"}}])
    found = order(invoice=invoice, session=session)
    (line,) = found.lines
    assert (line.line_id, line.net_minor, line.tax_minor, line.product) == ("il_plan", 4_500, 855, "prod_plan")
    assert (found.external_id, found.charged_minor, found.codes, found.clicks) == ("in_1", 5_355, ("ANNA10",), ("one",))
    assert found.paid_at.timestamp() == seconds() + 5


def test_the_session_reaches_the_first_invoice_alone():
    session = a_session(client_reference_id="one")
    assert order(invoice=an_invoice(billing_reason="subscription_cycle"), session=session).clicks == ()


def test_a_subscriptions_own_click_reaches_the_first_invoice():
    invoice = an_invoice()
    invoice["parent"]["subscription_details"]["metadata"] = {"gw_click": "two"}
    assert order(invoice=invoice, session=None).clicks == ("two",)


def test_tax_within_an_invoices_price_is_taken_out_after_the_discount():
    line = example("line_item", id="il_1", amount=12_000, discount_amounts=[{"amount": 1_200}])
    line["taxes"] = [{"amount": 1_800, "tax_behavior": "inclusive"}]
    assert order(invoice=an_invoice(lines=listed(line))).lines[0].net_minor == 9_000


def test_a_credit_comes_off_the_other_lines_by_their_size():
    amounts = {"il_new": 6_000, "il_more": 3_000, "il_unused": -1_500}
    lines = [example("line_item", id=name, amount=amount, taxes=[]) for name, amount in amounts.items()]
    found = order(invoice=an_invoice(lines=listed(*lines)))
    assert {line.line_id: line.net_minor for line in found.lines} == {"il_new": 5_000, "il_more": 2_500}
    lines[2]["amount"] = -9_000
    assert read(invoice=an_invoice(lines=listed(*lines))) == ()


@pytest.mark.parametrize("status", ["draft", "open", "void", "uncollectible"])
def test_an_invoice_that_is_not_paid_is_no_order(status):
    assert read(invoice=an_invoice(status=status), session=None) == ()


AMOUNTS = [
    ("EUR", 1_099, 1_099),
    ("JPY", 500, 500),
    ("HUF", 1_045, 1_045),
    ("TWD", 80_045, 80_045),
    ("ISK", 500, 5),
    ("UGX", 500, 5),
    ("MGA", 5, 500),
    ("KWD", 5_120, 5_120),
]


@pytest.mark.parametrize(("currency", "stripes", "iso"), AMOUNTS, ids=[each[0] for each in AMOUNTS])
def test_amounts_are_in_stripes_own_units(currency, stripes, iso):
    code = parse_currency(currency)
    assert from_stripe(stripes, code, field="amount") == iso
    assert to_stripe(iso, code) == stripes


def test_an_amount_that_does_not_come_out_even_is_refused():
    with pytest.raises(InputError, match="no whole amount"):
        from_stripe(550, parse_currency("ISK"), field="amount")
    with pytest.raises(FatalError, match="fewer decimals"):
        to_stripe(1_234, parse_currency("KWD"))
    with pytest.raises(FatalError, match="fewer decimals"):
        to_stripe(550, parse_currency("MGA"))


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "xxx"},
        {"currency": None},
        {"amount_total": -1},
        {"amount_total": 10**13},
        {"amount_total": "9068"},
        {"created": 0},
        {"created": 1e20},
        {"line_items": listed(an_item("li_1", 100, off=200))},
        {"payment_intent": {"id": "no id\n"}},
    ],
    ids=["currency", "none", "negative", "too large", "text", "no time", "odd time", "negative line", "odd id"],
)
def test_what_is_wrong_with_money_times_or_ids_is_refused(changes):
    with pytest.raises(InputError):
        read(session=a_session(**changes), settled_at=None)
