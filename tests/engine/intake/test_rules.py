"""Events become facts or are refused with the field's name; nothing a connector hands over breaks anything else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from engine.intake.rules import CustomerHasher, Source, check_delivery, fact_of, newest
from engine.kernel.canonical import content_hash
from engine.kernel.crypto import Keyring
from engine.kernel.errors import InputError
from engine.kernel.money import MAX_MINOR
from engine.plugin_api import (
    ChargebackEvent,
    ChargebackState,
    CommerceEvent,
    Customer,
    Delivery,
    OrderEvent,
    OrderLine,
    RefundEvent,
    RefundLine,
    RefundReason,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HASHER = CustomerHasher(Keyring(SecretStr("a key that is long enough for tests")), UUID(int=7), Source("shop", "main"))
ORDER = OrderEvent("o1", NOW, NOW, "EUR", (OrderLine("1", 1_000),), 1_000, paid_at=NOW, codes=("ADA",))
REFUND = RefundEvent("r1", "o1", NOW, NOW, "EUR", 500, (RefundLine("1", 500),))
CHARGEBACK = ChargebackEvent("c1", "o1", NOW, NOW, "EUR", 500, ChargebackState.OPEN)
JUNK: list[Any] = [
    None, "", "x", "\0", "\ud800", b"x", 7, -1, 1.5, float("nan"), True, 10**30, (), ("x",), (None,), [7], {}, {"a": 1},
    object, NOW.replace(tzinfo=None), datetime(1, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=9))),
]  # fmt: skip


def fact_or_refusal(event):
    try:
        return fact_of(event, HASHER)
    except InputError as error:
        return error


@pytest.mark.parametrize("event", [ORDER, REFUND, CHARGEBACK], ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_junk_in_any_field_is_refused_or_stands_for_nothing(event, junk):
    """Every field of every event in turn: a fact, or an `InputError` that says so; never anything else."""
    for name in event.__dataclass_fields__:
        fact = fact_or_refusal(replace(event, **{name: junk}))
        assert isinstance(fact, InputError) or content_hash(fact.payload) == fact.content_hash


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_junk_in_any_field_of_a_line_is_refused_or_stands_for_nothing(junk):
    line, part, customer = OrderLine("1", 1_000), RefundLine("1", 500), Customer(email="a@example.org")
    events: list[CommerceEvent] = [
        replace(ORDER, lines=(replace(line, **{name: junk}),)) for name in line.__dataclass_fields__
    ]
    events += [replace(REFUND, lines=(replace(part, **{name: junk}),)) for name in part.__dataclass_fields__]
    events += [replace(ORDER, customer=replace(customer, **{name: junk})) for name in customer.__dataclass_fields__]
    for event in events:
        fact = fact_or_refusal(event)
        assert isinstance(fact, InputError) or fact.payload["currency"] == "EUR"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"external_id": ""}, "external_id"),
        ({"external_id": "x" * 201}, "external_id"),
        ({"external_id": "a\nb"}, "external_id"),
        ({"updated_at": NOW.replace(tzinfo=None)}, "updated_at"),
        ({"placed_at": datetime(1969, 1, 1, tzinfo=UTC)}, "placed_at"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"charged_minor": -1}, "charged"),
        ({"charged_minor": MAX_MINOR + 1}, "charged"),
        ({"charged_minor": 1.0}, "charged"),
        ({"lines": ()}, "lines"),
        ({"lines": (OrderLine("1", -1),)}, "amount"),
        ({"lines": (OrderLine("1", 1, quantity=0),)}, "quantity"),
        ({"lines": (OrderLine("1", 1), OrderLine("1", 2))}, "line_id"),
        ({"codes": ("A",) * 51}, "codes"),
    ],
)
def test_a_refused_order_names_the_field(change, field):
    with pytest.raises(InputError) as caught:
        fact_of(replace(ORDER, **change), HASHER)
    assert caught.value.field == field


def test_an_event_that_is_none_is_refused():
    with pytest.raises(InputError):
        fact_of(cast("Any", "not an event"), HASHER)


def test_a_fact_holds_no_name_and_no_address():
    fact = fact_of(replace(ORDER, customer=Customer(email="anna@example.org", external_id="customer-4711")), HASHER)
    assert "anna" not in repr(fact)
    assert "4711" not in repr(fact)
    assert len(fact.payload["customer"]) == 32


def test_one_person_has_one_key_and_two_have_two():
    def key(**who):
        return HASHER.key_of(Customer(**who))

    assert key(email="Anna+shop@Example.org") == key(email="anna@example.org") == key(email=" anna@example.org ")
    assert key(email="anna@example.org") != key(email="hanna@example.org")
    assert key(email="n/a", external_id="7") == key(external_id="7") != key(external_id="8")
    assert key() is None is key(email="none")


def test_the_same_customer_id_in_two_accounts_is_two_customers():
    other = replace(HASHER, source=Source("shop", "second"))
    assert HASHER.key_of(Customer(external_id="7")) != other.key_of(Customer(external_id="7"))
    assert HASHER.key_of(Customer(email="a@example.org")) == other.key_of(Customer(email="a@example.org"))


@given(st.permutations([(hour, net) for hour in range(3) for net in (1, 2)]))
def test_the_newest_version_is_the_same_in_every_order(versions):
    drafts = [
        fact_of(replace(ORDER, updated_at=NOW + timedelta(hours=hour), lines=(OrderLine("1", net),)), HASHER)
        for hour, net in versions
    ]
    assert newest(drafts) == max(drafts, key=lambda draft: (draft.version_at, draft.content_hash))
    assert newest(drafts).version_at == NOW + timedelta(hours=2)


def test_times_are_written_in_utc_whatever_zone_they_came_in():
    east = timezone(timedelta(hours=9))
    one, two = fact_of(ORDER, HASHER), fact_of(replace(ORDER, placed_at=NOW.astimezone(east)), HASHER)
    assert one.content_hash == two.content_hash


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery("", b"", ()),
        Delivery("k" * 301, b"", ()),
        Delivery("k\0", b"", ()),
        Delivery(cast("Any", 7), b"", ()),
        Delivery("k", cast("Any", "text"), ()),
        Delivery("k", b"", cast("Any", None)),
    ],
    ids=repr,
)
def test_a_delivery_that_could_not_be_stored_is_refused(delivery):
    with pytest.raises(InputError):
        check_delivery(delivery)


# --- clicks, the shop's first sight, and the list of refunds


def payload(**changes):
    return fact_of(replace(ORDER, **changes), HASHER).payload


def test_what_a_shop_does_not_tell_leaves_the_fact_as_it_was():
    assert payload() == payload(clicks=(), first_seen_at=None, refund_ids=None)
    assert not payload().keys() & {"clicks", "first_seen_at", "refund_ids"}


def test_clicks_are_cleaned_and_never_cost_an_order():
    """They come from an address, where a visitor can write anything: too many, too long, unprintable, empty, twice."""
    told = ("a" * 32, "", "b\0\u202eb", "c" * 65, "a" * 32, *(f"{number}" for number in range(40)))
    assert payload(clicks=told)["clicks"] == ["a" * 32, "bb", *(f"{number}" for number in range(18))]
    assert "clicks" not in payload(clicks=("", "x" * 65))


def test_the_shops_first_sight_is_written_in_utc():
    seen = datetime(2026, 2, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    assert payload(first_seen_at=seen)["first_seen_at"] == "2026-02-01T10:00:00+00:00"


def test_a_list_of_refunds_is_the_same_fact_in_any_order_and_an_empty_one_says_that_there_are_none():
    assert payload(refund_ids=("r2", "r1", "r2")) == payload(refund_ids=("r1", "r2"))
    assert payload(refund_ids=())["refund_ids"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"clicks": "a" * 32}, "clicks"),
        ({"refund_ids": "r1"}, "refund_ids"),
        ({"refund_ids": ("",)}, "refund_ids"),
        ({"refund_ids": tuple(str(number) for number in range(1_001))}, "refund_ids"),
        ({"first_seen_at": NOW.replace(tzinfo=None)}, "first_seen_at"),
    ],
    ids=["clicks as text", "ids as text", "an empty id", "too many ids", "a time without a zone"],
)
def test_what_a_connector_must_not_say_is_refused_by_name(change, field):
    with pytest.raises(InputError) as refused:
        fact_of(replace(ORDER, **change), HASHER)
    assert refused.value.field == field


def test_what_of_a_refund_is_apart_is_kept_where_it_is_something_and_refused_where_it_is_more_than_all():
    assert "apart" not in fact_of(REFUND, HASHER).payload
    amount = replace(REFUND, lines=())
    assert fact_of(replace(amount, apart_minor=500), HASHER).payload["apart"] == 500
    assert "reason" not in fact_of(REFUND, HASHER).payload
    assert fact_of(replace(amount, reason=RefundReason.NOT_PAID), HASHER).payload["reason"] == "not_paid"
    with pytest.raises(InputError) as refused:
        fact_of(replace(amount, apart_minor=501), HASHER)
    assert refused.value.field == "apart"
