"""An installation is put together whole: nothing is due that nobody does."""

from datetime import timedelta

import pytest

from engine.bootstrap import SCHEDULES
from engine.jobs.queries import job_counts
from engine.jobs.tables import JobState
from tests.support.shop import installation


@pytest.mark.parametrize("days", [0, 8])
def test_every_schedule_has_somebody_who_does_it(db, tmp_path, clock, days):
    goodword = installation(db, tmp_path)
    goodword.worker().run_once()
    clock.advance(timedelta(days=days))
    goodword.worker().run_once()
    with db.reading() as unit:
        counts = job_counts(unit)
    assert counts[JobState.DONE] == len(SCHEDULES) * (2 if days else 1)
    assert (counts[JobState.WAITING], counts[JobState.DEAD]) == (0, 0)
