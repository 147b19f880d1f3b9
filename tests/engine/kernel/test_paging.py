"""Pages show every row once, whatever is added meanwhile."""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlmodel import SQLModel

from engine.kernel.errors import InputError
from engine.kernel.ids import new_id
from engine.kernel.paging import MAX_PAGE, newest_first, page_of

BRAND = SQLModel.metadata.tables["brand"]
COLUMNS = [BRAND.c.created_at, BRAND.c.id]


def add(db, count, *, slug):
    def work(unit):
        rows = [
            {"id": new_id(), "slug": f"{slug}{n}", "name": "0", "created_at": unit.now + timedelta(seconds=n // 3)}
            for n in range(count)
        ]
        unit.execute(insert(BRAND), rows)

    db.run(work)


def page(db, cursor, limit):
    with db.reading() as unit:
        rows = unit.execute(newest_first(select(BRAND), COLUMNS, cursor=cursor, limit=limit)).all()
    return page_of(rows, ["created_at", "id"], limit=limit)


@pytest.mark.parametrize(("count", "limit"), [(0, 5), (1, 5), (5, 5), (6, 5), (47, 7), (450, 1000)])
def test_walking_shows_every_row_once_newest_first(db, clock, count, limit):
    """Three rows share each instant; newer rows that come in between appear on no later page."""
    if count:
        add(db, count, slug="row")
    seen, cursor = [], None
    while True:
        found = page(db, cursor, limit)
        seen += [row.slug for row in found.rows]
        assert len(found.rows) <= min(limit, MAX_PAGE)
        cursor = found.next_cursor
        if cursor is None:
            break
        clock.advance(timedelta(days=1))
        add(db, 1, slug=f"newer{len(seen)}:")
    with db.reading() as unit:
        ordered = select(BRAND.c.slug).where(BRAND.c.slug.like("row%")).order_by(*(c.desc() for c in COLUMNS))
        assert seen == unit.execute(ordered).scalars().all()
    assert len(seen) == count


@given(st.text(max_size=60))
def test_a_page_address_that_is_not_ours_is_refused(text):
    with pytest.raises(InputError, match="page address"):
        newest_first(select(BRAND), COLUMNS, cursor=text, limit=5)


def address(value):
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


OTHERS = [
    [],
    [1],
    ["x", "y"],
    {},
    None,
    ["2026-03-02T09:00:00+00:00"],
    ["2026-03-02T09:00:00+00:00", 5],
    ["2026-03-02T09:00:00", "01a2016f-142b-701e-ad1a-121b84d1197f"],
    [["2026-03-02T09:00:00+00:00"], "01a2016f-142b-701e-ad1a-121b84d1197f"],
]


@pytest.mark.parametrize("value", OTHERS, ids=str)
def test_a_well_written_address_of_another_list_is_refused(value):
    with pytest.raises(InputError):
        newest_first(select(BRAND), COLUMNS, cursor=address(value), limit=5)


def test_an_address_that_nests_without_end_is_refused():
    deep = urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(InputError):
        newest_first(select(BRAND), COLUMNS, cursor=deep, limit=5)
