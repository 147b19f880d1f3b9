"""`goodword clicks`: what it counts, compares and deletes, and how it says so."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.programs.queries import program_by_slug
from engine.programs.tables import Program
from engine.tracking.clicks.tables import ClickDay
from tests.engine.cli.conftest import brand_id
from tests.engine.tracking.clicks.visits import Place, Visit, click_on


@pytest.fixture
def clicked(db, brand):
    """The brand with ten clicks of the last hours, two of them by bots; its program was made long ago."""

    def work(unit):
        program = program_by_slug(unit, brand_id(unit), slug="friends")
        place = Place(brand_id(unit), program.id, ZoneInfo(program.time_zone), (new_id(),), (new_id(),))
        now = datetime.now(UTC)
        bot: dict[str, Any] = {"counted": False, "reason": "bot"}
        visits = [Visit(now - timedelta(seconds=40 + number), **(bot if number < 2 else {})) for number in range(10)]
        unit.execute(update(table_of(Program)).values(created_at=now - timedelta(days=2)))
        click_on(unit, (place,), visits)

    db.run(work)
    return brand


def test_clicks_are_counted_once_and_compared(db, clicked):
    assert clicked("clicks", "rollup", "--json") == {"counted": 10}
    assert clicked("clicks", "rollup") == "0 clicks counted.\n"
    assert clicked("clicks", "rebuild", "--check") == "halfmoon: The counts are what the clicks make them.\n"
    assert clicked("clicks", "rebuild", "--json")["clicks"] == 10
    assert clicked("clicks", "prune", "--json") == {"deleted": 0}


def test_counts_that_were_changed_are_told_and_mended(db, clicked):
    clicked("clicks", "rollup")
    days = table_of(ClickDay)
    db.run(lambda unit: unit.execute(update(days).values(bots=days.c.bots + 3)))
    told = clicked("clicks", "rebuild", "--check", fails=1)
    assert "bots 5 instead of 2" in told or "bots 4 instead of 1" in told
    clicked("clicks", "rebuild")
    assert "what the clicks make them" in clicked("clicks", "rebuild", "--check")


def test_a_day_that_is_none_is_refused_in_a_sentence(brand):
    assert "'yesterday' is no day" in brand("clicks", "rebuild", "--since", "yesterday", fails=1)
