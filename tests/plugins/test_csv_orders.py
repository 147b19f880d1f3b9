"""Orders and refunds from CSV: what a file says becomes events, whatever order its rows stand in."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.plugin_api import (
    Customer,
    Delivery,
    InputError,
    OrderEvent,
    OrderLine,
    PluginError,
    PluginSettings,
    RefundEvent,
    RefundLine,
    RefundState,
    RowProblem,
)
from plugins.csv_orders.connector import CsvOrders
from plugins.csv_orders.settings import FIELDS, CsvOrdersSettings

CONNECTOR = CsvOrders()
BERLIN = {"time_zone": "Europe/Berlin"}


def mapping(*fields, **more):
    """A mapping whose columns are called as the fields; euros, unless a column or `more` says otherwise."""
    currency = {} if "currency" in fields else {"currency": "EUR"}
    return CsvOrdersSettings(columns={field: field for field in fields}, **(currency | BERLIN | more))


SIMPLE = mapping("order_id", "placed_at", "amount")
LINES = mapping("order_id", "line_id", "placed_at", "amount")
EVERY = mapping(*FIELDS)
WITH_CLICKS = mapping("order_id", "placed_at", "amount", "click")


def read(text, settings=SIMPLE, *, file=None):
    data = text if isinstance(text, bytes) else text.encode()
    return list(CONNECTOR.read_file(file or io.BytesIO(data), name="orders.csv", settings=settings))


def events(text, settings=SIMPLE):
    items = read(text, settings)
    assert not [str(item) for item in items if isinstance(item, RowProblem)]
    return [event for item in items for event in item.events]


def test_the_plainest_file():
    (item,) = read("order_id,placed_at,amount\n1001,2026-03-02,12.40\n")
    placed = datetime(2026, 3, 1, 23, tzinfo=UTC)
    event = OrderEvent("1001", placed, placed, "EUR", (OrderLine("1", 1240),), 1240, paid_at=placed)
    body = b"order_id,placed_at,amount\n1001,2026-03-02,12.40\n"
    assert item == Delivery("order:1001:2026-03-01T23:00:00+00:00", body, (event,), 2)


def test_every_field_of_an_order():
    row = (
        "order,A-1,7,2026-03-02 10:00,2026-03-03T09:30:00Z,2026-03-02T10:05:00+01:00,2026-03-04,30.00,3,SKU-1,"
        "Shoes|Sale,true,5.70,4.90,40.60,SPRING|Ann,c-1|https://shop.example/?gw_click=c-2,ann@example.org,C-9,USD,,,"
    )
    (event,) = events(",".join(FIELDS) + "\n" + row + "\n", EVERY)
    assert event == OrderEvent(
        external_id="A-1",
        updated_at=datetime(2026, 3, 3, 9, 30, tzinfo=UTC),
        placed_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        currency="USD",
        lines=(OrderLine("7", 3000, 3, 570, "SKU-1", ("Shoes", "Sale"), gift_card=True),),
        charged_minor=4060,
        paid_at=datetime(2026, 3, 2, 9, 5, tzinfo=UTC),
        cancelled_at=datetime(2026, 3, 3, 23, 0, tzinfo=UTC),
        shipping_minor=490,
        codes=("SPRING", "Ann"),
        clicks=("c-1", "c-2"),
        customer=Customer("ann@example.org", "C-9"),
    )


def test_charged_is_the_sum_of_lines_tax_and_shipping_where_no_column_says():
    settings = mapping("order_id", "line_id", "placed_at", "amount", "tax", "shipping")
    text = "order_id,line_id,placed_at,amount,tax,shipping\n1,a,2026-03-02,10,1.90,4.90\n1,b,2026-03-02,5,0.95,\n"
    (event,) = events(text, settings)
    assert (event.charged_minor, event.shipping_minor) == (1000 + 190 + 500 + 95 + 490, 490)


@pytest.mark.parametrize(
    ("cell", "clicks"),
    [
        ("AbC-_1", ("AbC-_1",)),
        ("b|a| b ", ("b", "a")),
        ("https://shop.example/cd?utm_source=x&gw_click=tok&gw_click=two#gw_click=no", ("tok", "two")),
        ("/discount/ANN10?redirect=/&gw_click=tok", ("tok",)),
        ("?gw_click=tok", ("tok",)),
        ("gw_click=tok&a=b", ("tok",)),
        ("https://shop.example/plain", ()),
        ("https://[broken/?gw_click=tok", ()),
        ("https://shop.example/?gw_click=" + "x" * 101, ()),
        ("https://shop.example/?gw_click=%00", ()),
        ("|".join(f"c{number}" for number in range(30)), tuple(f"c{number}" for number in range(10))),
        ("not an id", ()),
        ("", ()),
    ],
)
def test_clicks_are_ids_or_addresses_that_carry_one_and_never_cost_an_order(cell, clicks):
    (event,) = events(f'order_id,placed_at,amount,click\n1,2026-03-02,1,"{cell}"\n', WITH_CLICKS)
    assert event.clicks == clicks


@given(st.text())
def test_whatever_stands_in_a_click_column_the_order_is_read(cell):
    quoted = cell.replace('"', '""').replace("\r", "").replace("\n", "").replace("\0", "")
    text = f'order_id,placed_at,amount,click\n1,2026-03-02,1,"{quoted}"\n'.encode("utf-8", "surrogatepass")
    items = read(text, WITH_CLICKS)
    if quoted.isprintable():
        assert [event.external_id for item in items for event in item.events] == ["1"]


def test_paid_is_when_placed_unless_a_column_says_otherwise():
    settings = mapping("order_id", "placed_at", "paid_at", "amount")
    paid, unpaid = events("order_id,placed_at,paid_at,amount\n1,2026-03-02,2026-03-05,1\n2,2026-03-02,,1\n", settings)
    assert paid.paid_at == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert unpaid.paid_at is None


def test_lines_of_one_order_are_one_event_in_their_order():
    text = "order_id,line_id,placed_at,amount\n1,b,2026-03-02,10\n1,a,2026-03-02,5\n2,a,2026-03-02,7\n"
    first, second = events(text, LINES)
    assert first.lines == (OrderLine("b", 1000), OrderLine("a", 500))
    assert second.lines == (OrderLine("a", 700),)


def test_lines_that_stand_apart_are_one_event_all_the_same():
    text = (
        "order_id,line_id,placed_at,amount\n1,a,2026-03-02,10\n2,a,2026-03-02,7\n1,b,2026-03-02,5\n2,b,2026-03-02,3\n"
    )
    items = read(text, LINES)
    assert {item.events[0].external_id: len(item.events[0].lines) for item in items} == {"1": 2, "2": 2}
    assert items[0].body == b"order_id,line_id,placed_at,amount\n1,a,2026-03-02,10\n1,b,2026-03-02,5\n"
    assert [item.line for item in items] == [2, 3]


def test_what_only_the_first_line_says_holds_for_the_order():
    settings = mapping("order_id", "line_id", "placed_at", "amount", "code", "currency", "shipping")
    text = "order_id,line_id,placed_at,amount,code,currency,shipping\n1,a,2026-03-02,10,ANN,USD,3\n1,b,,5,,,\n"
    (event,) = events(text, settings)
    assert (event.codes, event.currency, event.shipping_minor, event.charged_minor) == (("ANN",), "USD", 300, 1800)


def test_equal_values_written_differently_do_not_contradict():
    settings = mapping("order_id", "line_id", "placed_at", "amount", "shipping")
    text = "order_id,line_id,placed_at,amount,shipping\n1,a,2026-03-02,10,3.00\n1,b,2026-03-01T23:00:00Z,5,3\n"
    assert len(events(text, settings)) == 1


REFUNDS = mapping("record", "order_id", "line_id", "refund_id", "placed_at", "amount", "refunded_at", "state")
REFUND_HEADER = "record,order_id,line_id,refund_id,placed_at,amount,refunded_at,state\n"


def test_refunds_of_lines_and_of_an_amount_stand_beside_their_order():
    text = REFUND_HEADER + (
        "order,1,a,,2026-03-02,10,,\n"
        "refund,1,a,R1,,4,2026-03-05T12:00:00Z,\n"
        "refund,1,b,R1,,1.50,,pending\n"
        "refund,9,,R2,2026-03-06,3,,FAILED\n"
    )
    order, of_lines, of_amount = events(text, REFUNDS)
    assert order.external_id == "1"
    at = datetime(2026, 3, 5, 12, tzinfo=UTC)
    assert of_lines == RefundEvent(
        "R1", "1", at, at, "EUR", 550, (RefundLine("a", 400), RefundLine("b", 150)), RefundState.PENDING
    )
    at = datetime(2026, 3, 5, 23, tzinfo=UTC)
    assert of_amount == RefundEvent("R2", "9", at, at, "EUR", 300, (), RefundState.FAILED)


def test_a_refund_and_an_order_of_one_id_are_two_things():
    text = REFUND_HEADER + "order,1,a,,2026-03-02,10,,\nrefund,1,,1,2026-03-03,4,,\n"
    assert [item.key.partition(":")[0] for item in read(text, REFUNDS)] == ["order", "refund"]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-02", "2026-03-01T23:00"),
        ("2026-07-02", "2026-07-01T22:00"),
        ("2026-03-02 14:30", "2026-03-02T13:30"),
        ("2026-03-02T14:30:05.250", "2026-03-02T13:30:05.250"),
        ("2026-03-02T14:30:00Z", "2026-03-02T14:30"),
        ("2026-03-02 14:30:00 UTC", "2026-03-02T14:30"),
        ("2026-03-02 14:30:00 -0500", "2026-03-02T19:30"),
        ("2026-03-02T14:30+05:45", "2026-03-02T08:45"),
        ("2026-10-25 02:30", "2026-10-25T00:30"),  # shown twice by Berlin's clocks: the first
        ("2026-10-25 02:30+01:00", "2026-10-25T01:30"),  # unless the offset says the second
        ("2026-03-29 02:30", "2026-03-29T01:30"),  # skipped: with the offset before the change
    ],
)
def test_times(text, instant):
    (event,) = events(f"order_id,placed_at,amount\n1,{text},1\n")
    assert event.placed_at == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert event.placed_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [("EUR", "12.4", 1240), ("EUR", "12.400", 1240), ("JPY", "999", 999), ("KWD", "1.001", 1001), ("EUR", "0", 0)],
)
def test_amounts_are_minor_units_of_the_currency(currency, text, minor):
    (event,) = events(
        f"order_id,placed_at,amount\n1,2026-03-02,{text}\n", SIMPLE.model_copy(update={"currency": currency})
    )
    assert event.lines[0].net_minor == minor


PLAIN = "order_id,placed_at,amount\n1,2026-03-02,10\n2,2026-03-02,20\n"
NOTED = mapping("order_id", "placed_at", "amount", ignored_columns=("note",))


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.rstrip("\n").encode(),
        PLAIN.replace("\n", "\n\n").encode() + b"  \n",
        PLAIN.replace("1,", '"1",').replace("order_id", '"order_id"').encode(),
        PLAIN.replace(",", " , ").encode(),
    ],
    ids=["BOM", "CRLF", "no last line end", "blank lines", "quotes", "blanks around cells"],
)
def test_the_same_file_written_in_another_way(data):
    assert events(data) == events(PLAIN)


def test_other_delimiters():
    for delimiter in ";\t|":
        assert events(PLAIN.replace(",", delimiter), SIMPLE.model_copy(update={"delimiter": delimiter})) == events(
            PLAIN
        )


def test_a_quoted_note_may_span_lines_and_hold_delimiters_and_quotes():
    text = 'order_id,placed_at,amount,note\n1,2026-03-02,10,"said ""hi"",\r\n\r\nthen left"\n2,2026-03-02,20,x\n'
    first, second = read(text, NOTED)
    assert [first.events[0].lines[0].net_minor, second.events[0].lines[0].net_minor] == [1000, 2000]
    assert (first.line, second.line) == (2, 5)
    assert CONNECTOR.parse(first.body, topic="", settings=NOTED) == first.events


def test_a_quote_inside_a_plain_field_is_a_character():
    (event,) = events(
        'order_id,product,placed_at,amount\n1,5" pipe,2026-03-02,10\n',
        mapping("order_id", "product", "placed_at", "amount"),
    )
    assert event.lines[0].product == '5" pipe'


def test_look_alike_codes_are_kept_as_text_for_the_core_to_judge():
    settings = mapping("order_id", "placed_at", "amount", "code")
    (event,) = events("order_id,placed_at,amount,code\n1,2026-03-02,1,АNN|ＡＮＮ| ann |\n", settings)
    assert event.codes == ("АNN", "ＡＮＮ", "ann")


class Pipe(io.RawIOBase):
    """A file that can be read once and only forwards, as standard input is."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def seekable(self):
        return False

    def readinto(self, buffer):
        return self._data.readinto(buffer)


def test_a_file_that_cannot_be_read_twice_is_read_all_the_same():
    assert read("", file=io.BufferedReader(Pipe(PLAIN.encode()))) == read(PLAIN)


def test_a_file_is_read_from_where_it_stands():
    file = io.BytesIO(b"not for us\n" + PLAIN.encode())
    file.readline()
    assert [item.events for item in read("", file=file)] == [item.events for item in read(PLAIN)]


def test_a_body_of_several_things_gives_all_their_events():
    assert list(CONNECTOR.parse(PLAIN.encode(), topic="", settings=SIMPLE)) == events(PLAIN)
    assert CONNECTOR.parse(b"order_id,placed_at,amount\n", topic="", settings=SIMPLE) == ()


def test_a_body_that_cannot_be_read_is_refused_with_its_place():
    with pytest.raises(InputError, match="line 2, amount: '1e3'"):
        CONNECTOR.parse(b"order_id,placed_at,amount\n1,2026-03-02,1e3\n", topic="", settings=SIMPLE)
    with pytest.raises(InputError, match="does not declare column 'x'"):
        CONNECTOR.parse(b"x\n", topic="", settings=SIMPLE)


def test_it_says_when_it_was_given_no_mapping():
    with pytest.raises(PluginError, match="without its mapping"):
        CONNECTOR.parse(b"", topic="", settings=PluginSettings())


GOOD: dict[str, Any] = {"columns": {"order_id": "a", "placed_at": "b", "amount": "c"}, "currency": "EUR"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": {"order_id": "a"}}, "declare a column for placed_at, amount"),
        ({"columns": GOOD["columns"] | {"total": "d"}}, "order_id"),
        ({"columns": GOOD["columns"] | {"tax": ""}}, "at least 1 character"),
        ({"columns": GOOD["columns"] | {"tax": "c"}}, "declared again: c"),
        ({"ignored_columns": ["c"]}, "declared again: c"),
        ({"currency": None}, "either one currency"),
        ({"columns": GOOD["columns"] | {"currency": "d"}}, "either one currency"),
        ({"currency": "XXX"}, "ISO 4217"),
        ({"time_zone": "Europe/Atlantis"}, "no IANA time zone"),
        ({"time_zone": "../../etc/passwd"}, "no IANA time zone"),
        ({"time_zone": ""}, "no IANA time zone"),
        ({"delimiter": "x"}, "Input should be"),
        ({"columns": GOOD["columns"] | {"record": "d"}}, "column for refund_id"),
        ({"columns": GOOD["columns"] | {"refund_id": "d"}}, "record column"),
        ({"columns": GOOD["columns"] | {"state": "d"}}, "record column"),
        ({"more": 1}, "not permitted"),
    ],
)
def test_a_mapping_is_checked(change, words):
    CsvOrdersSettings.model_validate(GOOD)
    with pytest.raises(ValidationError, match=words):
        CsvOrdersSettings.model_validate(GOOD | change)


# --- laws

ids = st.text("abcXYZ019-_#é山", min_size=1, max_size=6)
cents = st.integers(0, 10**9).map(lambda minor: f"{minor // 100}.{minor % 100:02d}")
days = st.dates(datetime(1971, 1, 1).date(), datetime(2190, 1, 1).date()).map(str)  # noqa: DTZ001 - days only
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)


@st.composite
def files(draw):
    """Rows of good orders with one to four lines each, as cells; `note` is free text."""
    rows: list[list[str]] = []
    for order_id in draw(st.lists(ids, min_size=1, max_size=5, unique=True)):
        placed, code = draw(days), draw(texts)
        line_ids = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
        rows += [
            [order_id, one, placed, draw(cents), str(draw(st.integers(1, 99))), code, draw(texts)] for one in line_ids
        ]
    return rows


FIELDS_OF_FILES = ("order_id", "line_id", "placed_at", "amount", "quantity", "code")
OF_FILES = mapping(*FIELDS_OF_FILES, ignored_columns=("note",))


def write(rows):
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    return "\n".join([",".join([*FIELDS_OF_FILES, "note"]), *quoted]) + "\n"


@given(files())
def test_each_delivery_reads_back_as_the_events_it_came_with(rows):
    items = read(write(rows), OF_FILES)
    assert len(items) == len({row[0] for row in rows})
    for item in items:
        assert CONNECTOR.parse(item.body, topic=item.topic, settings=OF_FILES) == item.events
        assert read(item.body, OF_FILES) == [Delivery(item.key, item.body, item.events, 2)]
        (event,) = item.events
        assert item.key == f"order:{event.external_id}:{event.updated_at.isoformat()}"


@given(files(), st.randoms(use_true_random=False))
def test_rows_in_any_order_give_the_same_orders(rows, random):
    """Lines stay those of their order; only their order among themselves follows the file."""

    def orders(rows):
        found = events(write(rows), OF_FILES)
        return {event.external_id: (event.placed_at, event.charged_minor, frozenset(event.lines)) for event in found}

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert orders(shuffled) == orders(rows)


@given(files(), st.data())
def test_a_wrong_row_costs_its_own_order_and_no_other(rows, data):
    number = data.draw(st.integers(0, len(rows) - 1))
    wrong = [list(row) for row in rows]
    wrong[number][3] = "1e3"
    before = {item.key: item for item in read(write(rows), OF_FILES)}
    after = read(write(wrong), OF_FILES)
    problems = [item for item in after if isinstance(item, RowProblem)]
    assert [(one.line, one.field) for one in problems] == [(number + 2, "amount")]
    kept = {item.key: item for item in after if isinstance(item, Delivery)}
    assert kept == {key: item for key, item in before.items() if item.events[0].external_id != rows[number][0]}
