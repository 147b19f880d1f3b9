"""Everything a file can get wrong: the message names file, line, column and remedy, and nothing valid is lost."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plugin_api import Delivery, InputError, OrderEvent, RowProblem
from plugins.csv_orders.connector import CsvOrders
from plugins.csv_orders.records import MAX_LINE_BYTES
from plugins.csv_orders.settings import FIELDS, CsvOrdersSettings
from plugins.csv_orders.things import MAX_ROWS

CONNECTOR = CsvOrders()
COLUMNS = ("order_id", "line_id", "placed_at", "amount", "quantity", "code", "currency", "gift_card")
SETTINGS = CsvOrdersSettings.model_validate(
    {"columns": {field: field.replace("_", " ").title() for field in COLUMNS}, "time_zone": "Europe/Berlin"}
)
HEADER = ",".join(SETTINGS.columns.values()).encode() + b"\n"
GOOD = {
    "order_id": "7",
    "line_id": "1",
    "placed_at": "2026-03-02",
    "amount": "12.40",
    "quantity": "1",
    "code": "ANN",
    "currency": "EUR",
    "gift_card": "",
}


def row(**cells):
    return ",".join((GOOD | cells)[field] for field in COLUMNS).encode() + b"\n"


BEFORE, AFTER = row(order_id="1"), row(order_id="9")


def read(data, settings=SETTINGS):
    items = list(CONNECTOR.read_file(io.BytesIO(data), name="orders.csv", settings=settings))
    orders = [item.events[0].external_id for item in items if isinstance(item, Delivery)]
    return orders, [item for item in items if isinstance(item, RowProblem)]


def only_problem(data, settings=SETTINGS):
    """Read rows between two good orders; both must come through, with exactly one problem."""
    orders, problems = read(HEADER + BEFORE + data + AFTER, settings)
    assert orders == ["1", "9"]
    (problem,) = problems
    assert problem.file == "orders.csv"
    assert problem.problem.endswith(".")
    assert problem.remedy.endswith(".")
    return problem


BAD_CELLS = [
    ("amount", "", "'' is not a plain decimal"),
    ("amount", "1e3", "'1e3' is not a plain decimal"),
    ("amount", "NaN", "'NaN' is not a plain decimal"),
    ("amount", "Infinity", "is not a plain decimal"),
    ("amount", '"12,40"', "'12,40' is not a plain decimal"),
    ("amount", '"1,234.00"', "is not a plain decimal"),
    ("amount", "1 000", "is not a plain decimal"),
    ("amount", "+5", "is not a plain decimal"),
    ("amount", "€5", "is not a plain decimal"),
    ("amount", "١٢", "is not a plain decimal"),
    ("amount", "0x10", "is not a plain decimal"),
    ("amount", "1_000", "is not a plain decimal"),
    ("amount", "-12.40", "-12.40 is negative"),
    ("amount", "12.405", "more decimals than EUR knows (2)"),
    ("amount", "10000000000.01", "beyond what is accepted"),
    ("quantity", "0", "'0' is not a quantity"),
    ("quantity", "-1", "'-1' is not a quantity"),
    ("quantity", "1.5", "'1.5' is not a quantity"),
    ("quantity", "1e3", "is not a quantity"),
    ("quantity", "1000001", "is not a quantity"),
    ("quantity", "٣", "is not a quantity"),
    ("currency", "", "No currency is given"),
    ("currency", "XYZ", "'XYZ' is not an active ISO 4217"),
    ("currency", "XXX", "is not an active ISO 4217"),
    ("currency", "€", "is not an active ISO 4217"),
    ("placed_at", "", "No time of the order is given"),
    ("placed_at", "2026-02-30", "not a date or time that exists"),
    ("placed_at", "2026-13-01", "not a date or time that exists"),
    ("placed_at", "2026-03-02 25:00", "not a date or time that exists"),
    ("placed_at", "2026-03-02T24:00", "not a date or time that exists"),
    ("placed_at", "02/03/2026", "not a date or time that exists"),
    ("placed_at", "02.03.2026", "not a date or time that exists"),
    ("placed_at", "20260302", "not a date or time that exists"),
    ("placed_at", "1772409600", "not a date or time that exists"),
    ("placed_at", "yesterday", "not a date or time that exists"),
    ("placed_at", "0001-01-01T00:00+14:00", "not a date or time that exists"),
    ("placed_at", "9999-12-31", "not a date or time that exists"),
    ("placed_at", "2026-03-02T10:00+99:00", "not a date or time that exists"),
    ("placed_at", "２０２６-03-02", "not a date or time that exists"),
    ("line_id", "", "The id is empty"),
    ("line_id", "a\x07b", "a character that cannot be seen"),
    ("line_id", "a\u202eb", "a character that cannot be seen"),
    ("line_id", "x" * 201, "longer than 200"),
    ("code", "AN\x1bN", "contains a control character"),
    ("code", "x" * 2001, "longer than 2,000"),
    ("gift_card", "maybe", "'maybe' is neither true nor false"),
]


@pytest.mark.parametrize(("field", "text", "words"), BAD_CELLS)
def test_a_wrong_cell_is_named_with_its_line_and_column(field, text, words):
    problem = only_problem(row(**{field: text}))
    assert (problem.line, problem.field) == (3, SETTINGS.columns[field])
    assert words in problem.problem
    assert "Until then order '7' is not imported." in problem.remedy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The id is empty"),
        ("   ", "The id is empty"),
        ("x" * 201, "longer than 200"),
        ("a\x07b", "a character that cannot be seen"),
        ("a\u200bb", "a character that cannot be seen"),
        ("a\u2028b", "a character that cannot be seen"),
        ("x" * 300, "longer than 200"),
    ],
)
def test_a_wrong_order_id_belongs_to_no_order(text, words):
    problem = only_problem(row(order_id=text))
    assert (problem.line, problem.field) == (3, "Order Id")
    assert words in problem.problem


def test_rows_without_an_order_id_are_each_told_and_none_hides_another():
    orders, problems = read(HEADER + row(order_id="") * 3 + AFTER)
    assert orders == ["9"]
    assert [(one.line, one.field) for one in problems] == [(2, "Order Id"), (3, "Order Id"), (4, "Order Id")]


def test_wrong_decimals_are_those_of_the_rows_own_currency():
    assert "more decimals than JPY knows (0)" in only_problem(row(currency="JPY", amount="12.5")).problem
    assert read(HEADER + row(currency="KWD", amount="1.001"))[0] == ["7"]
    assert "more decimals than KWD knows (3)" in only_problem(row(currency="KWD", amount="1.0001")).problem


def test_a_time_without_a_zone_is_refused_where_the_mapping_names_none():
    settings = SETTINGS.model_copy(update={"time_zone": None})
    at = "2026-03-02T10:00"
    data = HEADER + row(order_id="1", placed_at=f"{at}Z") + row(placed_at=at) + row(order_id="8")
    orders, problems = read(data, settings)
    assert orders == ["1"]
    assert [(one.line, one.field) for one in problems] == [(3, "Placed At"), (4, "Placed At")]
    assert problems[0].problem == f"{at} has no time zone."
    assert "declare time_zone" in problems[0].remedy


BAD_LINES = [
    (b"7,1,2026-03-02,12.40\n", "4 fields where the header has 8"),
    (b"7,1,2026-03-02,12.40,1,ANN,EUR,,\n", "9 fields where the header has 8"),
    (b"7,1,2026-03-02,12,40,1,ANN,EUR,\n", "9 fields where the header has 8"),
    (b"7,1,2026-03-02,12.40,1,A\0NN,EUR,\n", "NUL byte"),
    (b"7,1,2026-03-02,12.40,1,\xff\xfe,EUR,\n", "not UTF-8"),
    (b"7,1,2026-03-02,12.40,1,J\xf6rg,EUR,\n", "not UTF-8"),
    (b'7,1,2026-03-02,12.40,1,"\xff",EUR,\n', "not UTF-8"),
    (b'7,1,2026-03-02,12.40,1,"ANN,EUR,\n', "quotes of this line do not work out"),
    (b'7,1,2026-03-02,12.40,1,"A"NN,EUR,\n', "quotes of this line do not work out"),
    (b'7,1,2026-03-02,12.40,1,"AN\nN",EUR,\n', "quotes of this line do not work out"),
    (b'7,1,2026-03-02,12.40,1,"' + b"x" * 200_000 + b'",EUR,\n', "too long"),
    (b"7,1,2026-03-02,12.40,1," + b"x" * MAX_LINE_BYTES + b",EUR,\n", "longer than 1,000,000 bytes"),
]


@pytest.mark.parametrize(("line", "words"), BAD_LINES, ids=[words for _, words in BAD_LINES])
def test_a_line_that_cannot_be_split_holds_back_the_order_it_seems_to_be_of(line, words):
    _, problems = read(HEADER + BEFORE + line + AFTER)
    assert words in problems[0].problem
    assert (problems[0].line, problems[0].field) == (3, None)
    assert "order '7' is not imported" in problems[0].remedy
    orders, _ = read(HEADER + BEFORE + row(line_id="2") + line + AFTER)
    assert orders == ["1", "9"]


def test_an_open_quote_swallows_no_row_after_it():
    lines = [row(order_id=str(number)) for number in range(10, 2010)]
    orders, problems = read(HEADER + row(code='"ANN') + b"".join(lines))
    assert orders == [str(number) for number in range(10, 2010)]
    assert [one.line for one in problems] == [2]


def test_two_stray_quotes_lose_their_own_rows_and_not_those_between():
    data = HEADER + row(order_id="2", code='"A') + row(order_id="3") + row(order_id="4", code='B"') + row(order_id="5")
    orders, problems = read(data)
    assert orders == ["3", "4", "5"]
    assert [one.line for one in problems] == [2]


def test_a_line_of_200_megabytes_is_skipped_without_being_held():
    class Long(io.RawIOBase):
        """A file whose third line is 200 MB long; made as it is read."""

        def __init__(self):
            self._at = 0
            self._head = HEADER + BEFORE + b"7,1,"
            self._tail = b",EUR,\n" + AFTER
            self._size = len(self._head) + 200_000_000 + len(self._tail)

        def readable(self):
            return True

        def seekable(self):
            return True

        def tell(self):
            return self._at

        def seek(self, offset, whence=0):
            assert whence == 0
            self._at = offset
            return offset

        def readinto(self, buffer):
            start, end = self._at, min(self._at + len(buffer), self._size)
            middle = self._size - len(self._tail)
            if start < len(self._head):
                data = self._head[start:end]
            elif start < middle:
                data = b"x" * (min(end, middle) - start)
            else:
                data = self._tail[start - middle : end - middle]
            buffer[: len(data)] = data
            self._at += len(data)
            return len(data)

    tracemalloc.start()
    items = list(CONNECTOR.read_file(io.BufferedReader(Long()), name="orders.csv", settings=SETTINGS))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [getattr(item, "line", None) for item in items] == [2, 3, 4]
    assert isinstance(items[1], RowProblem)
    assert peak < 10_000_000


def test_memory_does_not_grow_with_the_file_though_no_order_stands_together():
    def peak(orders):
        numbers = [divmod(number, orders // 2) for number in range(orders)]
        data = HEADER + b"".join(row(order_id=str(order), line_id=str(line)) for line, order in numbers)
        file = io.BytesIO(data)
        tracemalloc.start()
        items = CONNECTOR.read_file(file, name="orders.csv", settings=SETTINGS)
        read = sum(1 for item in items if isinstance(item, Delivery))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert read == orders // 2
        return most

    peak(200)  # caches fill once
    assert peak(20_000) < peak(2_000) + 200_000  # the longer file is 1 MB


def test_a_repeated_line_is_an_error_on_the_later_row_and_the_earlier_one_counts():
    orders, problems = read(HEADER + row() + AFTER + row(amount="99") + row(line_id="2"))
    assert sorted(orders) == ["7", "9"]
    (problem,) = problems
    assert (problem.line, problem.field) == (4, "Line Id")
    assert problem.problem == "Line id '1' of this order was given on line 2 already, which is the one that counts."
    data = HEADER + row() + row(amount="99") + row(line_id="2")
    first = next(CONNECTOR.read_file(io.BytesIO(data), name="orders.csv", settings=SETTINGS))
    assert isinstance(first, Delivery)
    (order,) = first.events
    assert isinstance(order, OrderEvent)
    assert [(line.line_id, line.net_minor) for line in order.lines] == [("1", 1240), ("2", 1240)]


def test_a_repeated_order_in_a_file_without_line_ids_names_the_way_out():
    settings = CsvOrdersSettings(
        columns={"order_id": "id", "placed_at": "at", "amount": "sum"}, currency="EUR", time_zone="UTC"
    )
    orders, problems = read(b"id,at,sum\n1,2026-03-02,5\n2,2026-03-02,6\n1,2026-03-02,7\n", settings)
    assert sorted(orders) == ["1", "2"]
    assert [(one.line, one.field) for one in problems] == [(4, "id")]
    assert "declare a column for line_id" in problems[0].remedy


@pytest.mark.parametrize(("field", "text"), [("placed_at", "2026-03-03"), ("currency", "USD"), ("code", "BOB")])
def test_lines_that_contradict_each_other_about_the_order_hold_it_back(field, text):
    problem = only_problem(row() + row(line_id="2") + row(line_id="3", **{field: text}))
    assert (problem.line, problem.field) == (5, SETTINGS.columns[field])
    assert "not what line 3 or a later one says about the same order" in problem.problem


def test_every_wrong_row_of_an_order_is_told():
    orders, problems = read(HEADER + row(amount="x") + row(line_id="2") + row(line_id="3", quantity="0") + AFTER)
    assert orders == ["9"]
    assert [(one.line, one.field) for one in problems] == [(2, "Amount"), (4, "Quantity")]


def test_a_wrong_row_far_away_holds_back_its_order_too():
    orders, problems = read(HEADER + row() + AFTER + row(line_id="2", amount="1e3") + row(order_id="10"))
    assert orders == ["9", "10"]
    assert [one.line for one in problems] == [4]


def test_an_order_with_too_many_rows_is_refused_once():
    rows = b"".join(row(line_id=str(number)) for number in range(MAX_ROWS + 5))
    problem = only_problem(rows)
    assert problem.line == 3 + MAX_ROWS
    assert "more than 2,000 rows" in problem.problem


REFUNDS = CsvOrdersSettings(
    columns={field: field for field in ("record", "order_id", "line_id", "refund_id", "placed_at", "amount", "state")},
    currency="EUR",
    time_zone="UTC",
)


@pytest.mark.parametrize(
    ("lines", "line", "field", "words"),
    [
        (["refund,1,,,2026-03-02,5,"], 3, "refund_id", "The id is empty"),
        (["refund,,,R1,2026-03-02,5,"], 3, "order_id", "The id is empty"),
        (["refund,1,,R1,,5,"], 3, "refunded_at", "No time of the refund"),
        (["refund,1,,R1,2026-03-02,-5,"], 3, "amount", "negative"),
        (["refund,1,,R1,2026-03-02,5,done"], 3, "state", "no state of a refund"),
        (["refund,1,a,R1,2026-03-02,5,", "refund,1,,R1,2026-03-02,5,"], 4, "line_id", "names a line and another none"),
        (["refund,1,a,R1,2026-03-02,5,", "refund,2,b,R1,2026-03-02,5,"], 4, "order_id", "about the same refund"),
        (["return,1,a,R1,2026-03-02,5,"], 3, "record", "'return' is neither order nor refund"),
        ([",1,a,R1,2026-03-02,5,"], 3, "record", "'' is neither order nor refund"),
    ],
)
def test_a_wrong_refund_is_named_and_held_back(lines, line, field, words):
    head = b"record,order_id,line_id,refund_id,placed_at,amount,state\norder,8,a,,2026-03-02,5,\n"
    data = head + "\n".join(lines).encode() + b"\nrefund,8,,R9,2026-03-03,1,\n"
    orders, problems = read(data, REFUNDS)
    assert orders == ["8", "R9"]
    (problem,) = problems
    assert (problem.line, problem.field) == (line, field)
    assert words in problem.problem


def test_a_repeated_refund_is_an_error_on_the_later_row():
    head = b"record,order_id,line_id,refund_id,placed_at,amount,state\n"
    orders, problems = read(head + b"refund,1,,R1,2026-03-02,5,\nrefund,1,,R1,2026-03-02,5,\n", REFUNDS)
    assert orders == ["R1"]
    assert [(one.line, one.field) for one in problems] == [(3, "refund_id")]


BAD_FILES = [
    (b"", "is empty"),
    (b"\n" + HEADER, "is empty"),
    (HEADER.decode().encode("utf-16"), "UTF-16"),
    (HEADER.decode().encode("utf-16-le"), "UTF-16"),
    (HEADER.decode().encode("utf-16-be"), "UTF-16"),
    (b"\xff" + HEADER, "not UTF-8"),
    (HEADER.replace(b"\n", b"\r") + row().replace(b"\n", b"\r"), "CR alone"),
    (b'"' + HEADER, "quotes do not work out"),
    (b"x" * (MAX_LINE_BYTES + 1), "longer than 1,000,000"),
    (HEADER.replace(b"Code", b"Code,Colour,Size"), "does not declare column 'Colour', 'Size'"),
    (HEADER.replace(b"Code", b"code"), "does not declare column 'code'"),
    (HEADER.replace(b"Code", b"Amount"), "'Amount' is there twice"),
    (HEADER.replace(b",Code", b""), "'Code' of the mapping is not in the file"),
    (HEADER.replace(b",", b";"), "does not declare column 'Order Id;Line Id;"),
]


@pytest.mark.parametrize(("data", "words"), BAD_FILES, ids=[words for _, words in BAD_FILES])
def test_a_file_that_cannot_be_read_as_a_whole_is_refused_with_its_name(data, words):
    with pytest.raises(InputError, match=r"orders\.csv, line 1: ") as caught:
        read(data)
    assert words in str(caught.value)
    assert caught.value.remedy


# --- anything at all

EVERYTHING = CsvOrdersSettings(
    columns={field: field for field in FIELDS}, ignored_columns=("note",), time_zone="Europe/Berlin"
)
EVERY_HEADER = ",".join([*FIELDS, "note"]).encode() + b"\n"
pieces = st.sampled_from(
    [
        b",",
        b'"',
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"|",
        b"order",
        b"refund",
        b"1",
        b"-1",
        b"2026-03-02",
        b"EUR",
        b" ",
        b"\xef\xbb\xbf",
    ]
)
noise = st.lists(st.one_of(pieces, st.binary(max_size=6)), max_size=60).map(b"".join)
cells = st.sampled_from(
    ["", "1", "2", "order", "refund", "2026-03-02", "5.00", "EUR", "USD", "x", '"', "true", "\x00", "é"]
)
tables = st.lists(st.lists(cells, min_size=22, max_size=24).map(",".join), max_size=8).map(
    lambda rows: "\n".join(rows).encode()
)


@given(st.one_of(noise, tables))
def test_any_bytes_after_the_header_give_deliveries_and_problems_and_nothing_else(data):
    items = list(CONNECTOR.read_file(io.BytesIO(EVERY_HEADER + data), name="f.csv", settings=EVERYTHING))
    for item in items:
        if isinstance(item, Delivery):
            assert CONNECTOR.parse(item.body, topic=item.topic, settings=EVERYTHING) == item.events
            assert len(item.key) <= 300
        else:
            assert isinstance(item, RowProblem)
            assert 2 <= item.line <= data.count(b"\n") + 2
            assert item.problem
            assert item.remedy


@given(st.one_of(noise, tables.map(lambda data: EVERY_HEADER + data)))
def test_any_bytes_as_a_body_are_read_or_refused(data):
    try:
        found = CONNECTOR.parse(data, topic="", settings=EVERYTHING)
    except InputError:
        return
    assert isinstance(found, tuple)
