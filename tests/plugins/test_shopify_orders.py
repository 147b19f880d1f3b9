"""Shopify's order to events: what counts as sold, for how much, when it was paid, and by whose code or click."""

import json
from datetime import UTC, datetime

import jsonschema  # type: ignore[import-untyped]  # published without types
import pytest

from engine.plugin_api import Customer, InputError, OrderEvent, OrderLine, RefundEvent
from plugins.shopify.connector import Shopify
from tests.plugins.shopify.shop import CAP, DATA, MUG, SETTINGS, T0, a_refund, an_order, money, priced, written

CONNECTOR = Shopify()
CLICK = "A" * 32


def parsed(order, topic="orders/updated"):
    return CONNECTOR.parse(written(order), topic=topic, settings=SETTINGS)


def event(order) -> OrderEvent:
    (found,) = [each for each in parsed(order) if isinstance(each, OrderEvent)]
    return found


def net_of(order, line_id=CAP):
    return {line.line_id: line.net_minor for line in event(order).lines}.get(str(line_id))


def edited(line_id, **changes):
    """The order with one line changed."""
    order = an_order()
    line = next(each for each in order["line_items"] if each["id"] == line_id)
    line.update(changes)
    return order


def test_the_fixture_is_what_shopify_sends():
    schema = json.loads((DATA / "orders-updated.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(an_order())


def test_every_field_of_an_order():
    placed = datetime(2026, 3, 2, 8, 59, 58, tzinfo=UTC)
    assert parsed(an_order()) == (
        OrderEvent(
            external_id="820982911946154508",
            updated_at=T0,
            placed_at=placed,
            currency="EUR",
            lines=(
                OrderLine(str(CAP), 9980 - 998 - 1434, 2, 1434, "7001"),
                OrderLine(str(MUG), 1900 - 190 - 273, 1, 273, "7002"),
            ),
            charged_minor=11182,
            paid_at=placed,
            shipping_minor=490 - 78,
            codes=("ANNA10",),
            clicks=(CLICK,),
            customer=Customer("ann@example.org", "115310627314723954"),
        ),
    )


def test_where_prices_are_without_tax_nothing_is_taken_out():
    order = an_order(taxes_included=False)
    assert (net_of(order), event(order).lines[0].tax_minor, event(order).shipping_minor) == (8982, 1434, 490)


def test_texts_and_numbers_are_read_alike():
    order = an_order()
    for line in order["line_items"]:
        line.pop("price_set")
    texts = event(order)
    for line in order["line_items"]:
        line["price"] = float(line["price"])
    assert event(order) == texts == event(an_order())


def test_money_is_the_shops_whatever_the_customer_saw():
    order = an_order(presentment_currency="USD")
    for line in order["line_items"]:
        line["price_set"] = money(line["price"], shown="99.99", shown_in="USD")
    assert event(order) == event(an_order())


def test_yen_have_no_cents_and_dinars_three():
    line = {"id": 1, "quantity": 1, "price": "1200.0", "discount_allocations": [], "tax_lines": []}
    order = an_order(currency="JPY", line_items=[line], shipping_lines=[], total_tip_received="0")
    order["total_price_set"] = money("1200", "JPY")
    assert net_of(order, 1) == 1200
    order["currency"], order["total_price_set"], line["price"] = "KWD", money("1.250", "KWD"), "1.250"
    assert net_of(order, 1) == 1250


def test_a_shop_currency_that_contradicts_itself_is_refused():
    order = an_order()
    order["line_items"][0]["price_set"] = money("49.90", "USD")
    with pytest.raises(InputError, match="another currency than EUR"):
        parsed(order)


def test_a_gift_card_is_told():
    assert [line.gift_card for line in event(edited(MUG, gift_card=True)).lines] == [False, True]


def test_a_tip_is_no_line_and_an_order_of_a_tip_alone_is_none():
    order = an_order(total_tip_received="5.00")
    tip = {**order["line_items"][1], "id": 61009, "title": "Tip", "product_id": None, "discount_allocations": []}
    tip |= {"price": "5.00", "price_set": money("5.00"), "tax_lines": []}
    assert len(event({**order, "line_items": [*order["line_items"], tip]}).lines) == 2
    assert parsed({**order, "line_items": [tip]}) == ()
    assert len(event({**order, "line_items": [{**tip, "product_id": 3}]}).lines) == 1


def test_units_that_an_edit_removed_do_not_count_and_refunded_ones_do():
    assert (net_of(edited(CAP, current_quantity=1)), net_of(edited(CAP, current_quantity=0))) == (3774, None)
    order = edited(CAP, current_quantity=1)
    order["refunds"] = [a_refund(order, 9001, units={CAP: 1})]
    assert net_of(order) == 7548
    order["line_items"][0]["current_quantity"] = 0
    assert net_of(order) == 3774


def test_a_line_that_was_bought_for_nothing_stays_with_nothing():
    assert net_of(edited(MUG, discount_allocations=[{"amount": "19.00"}], tax_lines=[]), MUG) == 0


def test_a_line_that_comes_to_less_than_nothing_is_refused():
    with pytest.raises(InputError, match="less than nothing"):
        parsed(edited(MUG, discount_allocations=[{"amount": "19.01"}]))


@pytest.mark.parametrize(
    ("status", "paid"),
    [
        ("paid", True),
        ("partially_refunded", True),
        ("refunded", True),
        ("pending", False),
        ("authorized", False),
        ("partially_paid", False),
        ("voided", False),
        ("expired", False),
        ("something new", False),
    ],
)
def test_what_each_financial_status_says(status, paid):
    order = event(an_order(financial_status=status))
    assert order.paid_at == (order.placed_at if paid else None)


def test_a_body_without_payments_is_paid_when_it_was_placed_in_every_version():
    first, last = an_order(), an_order(updated_at="2026-05-01T00:00:00Z", financial_status="refunded")
    assert event(first).paid_at == event(last).paid_at


def test_paid_is_when_payments_first_reached_the_first_total():
    def payment(amount, at, kind="capture", status="success"):
        return {"kind": kind, "status": status, "amount": amount, "processed_at": at, "created_at": at}

    payments = [
        payment("111.82", "2026-03-02T10:00:00Z", kind="authorization"),
        payment("111.82", "2026-03-03T10:00:00Z", status="failure"),
        payment("61.82", "2026-03-05T10:00:00Z", kind="sale"),
        payment("50.00", "2026-03-04T10:00:00Z"),
        payment("20.00", "2026-03-09T10:00:00Z"),
    ]
    order = an_order(transactions=payments, original_total_price_set=money("111.82"))
    priced(order, total_price="131.82")
    assert event(order).paid_at == datetime(2026, 3, 5, 10, tzinfo=UTC)
    order["original_total_price_set"] = money("999.00")
    assert event(order).paid_at == datetime(2026, 3, 9, 10, tzinfo=UTC)


def test_an_edit_that_leaves_more_to_be_paid_does_not_undo_the_first_payment():
    paid = {"kind": "sale", "status": "success", "amount": "111.82", "created_at": "2026-03-02T10:00:00Z"}
    order = an_order(transactions=[paid], original_total_price_set=money("111.82"), financial_status="partially_paid")
    priced(order, total_price="131.82")
    assert event(order).paid_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    paid["amount"] = "50.00"
    assert event(order).paid_at is None


def test_a_free_order_is_paid():
    order = priced(an_order(), total_price="0.00")
    assert (event(order).charged_minor, event(order).paid_at) == (0, event(order).placed_at)


def test_a_cancelled_order_says_when():
    cancelled = event(an_order(cancelled_at="2026-03-04T12:00:00+01:00"))
    assert cancelled.cancelled_at == datetime(2026, 3, 4, 11, tzinfo=UTC)


def test_a_test_order_is_nothing():
    order = an_order(test=True)
    order["refunds"] = [a_refund(order, 9001, amount="5.00")]
    assert parsed(order) == ()


def test_codes_keep_the_shops_order_and_come_once():
    codes = [{"code": "ZOE"}, {"code": "Anna10"}, {"code": "ANNA10"}]
    applied = [{"type": "automatic", "title": "Sale"}, {"type": "discount_code", "code": "zoe"}]
    applied.append({"type": "discount_code", "code": "LATE"})
    assert event(an_order(discount_codes=codes, discount_applications=applied)).codes == ("ZOE", "Anna10", "LATE")


@pytest.mark.parametrize(
    ("landing", "notes", "clicks"),
    [
        (f"/?gw_click={CLICK}", [], (CLICK,)),
        (f"https://acme.example/a?b=1&gw_click={CLICK}#x", [("gw_click", "B" * 32)], (CLICK, "B" * 32)),
        (f"/discount/ANNA10?redirect=%2Fcap%3Fgw_click%3D{CLICK}", [], (CLICK,)),
        (None, [("gw_click", CLICK), ("gw_click", CLICK), ("gift", "yes")], (CLICK,)),
        ("/?gw_click=", [("gw_click", " ")], ()),
        ("/?gw_click=" + "x" * 101, [("gw_click", "\x00")], ()),
        ("http://[broken?gw_click=a", [], ()),
        ("/?" + "&".join(f"gw_click={n}" for n in range(30)), [], tuple(map(str, range(10)))),
        ("/?" + "&".join(f"p{n}=1" for n in range(200)), [], ()),
    ],
    ids=["path", "both", "through a code link", "note", "empty", "odd", "broken", "many", "too many parameters"],
)
def test_where_clicks_come_from(landing, notes, clicks):
    attributes = [{"name": name, "value": value} for name, value in notes]
    assert event(an_order(landing_site=landing, note_attributes=attributes)).clicks == clicks


def test_an_order_without_customer_has_none():
    assert event(an_order(customer=None, email="", contact_email=None)).customer == Customer()
    assert event(an_order(customer=None, email=None, contact_email="b@example.org")).customer.email == "b@example.org"


def test_what_the_topic_is_does_not_change_what_an_order_is():
    order = an_order()
    topics = ("orders/create", "orders/paid", "orders/updated", "orders/cancelled", "refunds/create")
    assert {parsed(order, topic) for topic in topics} == {parsed(order)}


def test_refunds_come_with_their_order():
    order = an_order()
    order["refunds"] = [a_refund(order, 9001, units={CAP: 1}), a_refund(order, 9002, amount="5.00")]
    assert [type(each) for each in parsed(order)] == [OrderEvent, RefundEvent, RefundEvent]


def test_topics_without_meaning_give_nothing_whatever_their_body():
    for topic in ("app/uninstalled", "customers/redact", "products/update", ""):
        assert CONNECTOR.parse(b"no json", topic=topic, settings=SETTINGS) == ()


def test_an_edit_only_points_at_its_order():
    edit = {"order_edit": {"id": 78912328793, "order_id": 820982911946154508, "line_items": {"additions": []}}}
    assert parsed(edit, "orders/edited") == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": 1, "id": 2}',
        b'{"line_items": NaN}',
        b'{"line_items": [{"id": 1e999}]}',
        b"[" * 100_000,
        b'{"line_items": [' + b"9" * 5_000 + b"]}",
        b'{"line_items": {}, "currency": "EUR"}',
    ],
    ids=["empty", "list", "object", "key twice", "NaN", "huge number", "deep", "long number", "no list"],
)
def test_what_cannot_be_read_is_refused(body):
    with pytest.raises(InputError):
        CONNECTOR.parse(body, topic="orders/paid", settings=SETTINGS)


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "XXX"},
        {"currency": None},
        {"currency": "₮"},
        {"updated_at": "2026-03-02T10:00:05"},
        {"updated_at": None},
        {"processed_at": "yesterday"},
        {"created_at": 5, "processed_at": None},
        {"id": "1; DROP TABLE"},
        {"id": True},
        {"id": -1},
        {"total_price_set": money("-1.00")},
        {"total_price_set": None, "total_price": "0,91"},
        {"total_price_set": None, "total_price": "1e3"},
        {"total_price_set": None, "total_price": "1.001"},
        {"total_price_set": {"shop_money": []}},
        {"cancelled_at": "0001-01-01T00:00:00+23:59"},
        {"customer": []},
        {"line_items": [1]},
        {"line_items": [{"id": 1, "quantity": -1, "price": "1.00"}]},
        {"line_items": [{"id": 1, "quantity": True, "price": "1.00"}]},
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
def test_what_an_order_cannot_say_is_refused(changes):
    with pytest.raises(InputError):
        parsed(an_order(**changes))
