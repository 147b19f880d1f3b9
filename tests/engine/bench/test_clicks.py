"""The bench of clicks runs to its end, finds every answered click on disk, and says what it measured."""

from typing import Any

import pytest
from sqlalchemy import func, select

from engine.bench.click_data import furnish
from engine.bench.clicks import Plan, bench_clicks
from engine.bench.load import slug_of
from engine.kernel.database import open_database
from engine.kernel.tables import table_of
from engine.tracking.links.tables import Link


@pytest.mark.slow
def test_a_short_run_measures_everything_and_misses_no_click():
    told: list[Any] = []
    plan = Plan(lap_s=1, search_s=0, rounds=1, many_links=5_000)
    figures = bench_clicks(plan, database=None, tell=told.append)
    assert figures["n"] > 0
    assert {"ratio", "insert_ratio", "page_ratio", "many_ratio", "p99_ms"} <= figures.keys()
    assert 0 <= figures["stolen_percent"] <= 100
    assert min(figures[name] for name in ("ours", "baseline", "insert", "page")) > 0
    slow = ("ratio", "insert_ratio", "page_ratio", "many_ratio", "p99")
    assert [wrong for wrong in figures["violations"] if not wrong.startswith(slow)] == []
    assert len(told) == 3


@pytest.mark.parametrize("links", [1, 2, 1_000])
def test_a_brand_is_furnished_with_as_many_links_as_asked(db_url, links):
    furnish(db_url, links=links)
    database = open_database(db_url)
    slug = table_of(Link).c.slug
    with database.reading() as unit:
        found = unit.execute(select(func.count(), func.min(slug), func.max(slug))).one()
    database.close()
    assert tuple(found) == (links, slug_of(0), slug_of(links - 1))
