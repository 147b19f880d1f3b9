"""Health says what fails quietly: no worker, dead jobs, open alarms, webhooks that could not be read."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.connections.tables import Alarm
from engine.insights.health import Level, health
from engine.jobs.service import enqueue
from engine.jobs.tables import Job, JobState
from engine.kernel.database import open_database
from tests.factories import make_brand


def told(db):
    return {check.name: check for check in health(db).checks}


def enqueue_now(db):
    db.run(lambda unit: enqueue(unit, "mature", {}, key=f"mature:{unit.now}"))


def test_all_is_well_where_a_worker_runs(db):
    enqueue_now(db)
    found = health(db)
    assert found.level is Level.OK
    assert [check.name for check in found.checks] == ["database", "worker", "jobs", "clicks", "alarms", "inbox"]


def test_an_installation_that_nobody_works_for_is_told(db, clock):
    assert told(db)["worker"].level is Level.WARNING
    enqueue_now(db)
    clock.advance(timedelta(minutes=5))
    assert told(db)["worker"].level is Level.OK
    clock.advance(timedelta(seconds=1))
    assert told(db)["worker"].level is Level.FAILING


def test_dead_jobs_and_open_alarms_are_counted(db):
    enqueue_now(db)

    def break_things(unit):
        brand = make_brand(unit)
        unit.session.add(
            Job(
                name="pull",
                arguments={},
                job_key="pull:1",
                state=JobState.DEAD.value,
                run_at=unit.now,
                problem="no key",
            )
        )
        for key, ended in (("quiet", None), ("key", unit.now)):
            unit.session.add(
                Alarm(brand_id=brand.id, alarm_key=key, kind=key, text="x", raised_at=unit.now, ended_at=ended)
            )

    db.run(break_things)
    found = told(db)
    assert (found["jobs"].level, found["jobs"].number) == (Level.WARNING, 1)
    assert "pull: no key" in found["jobs"].says
    assert (found["alarms"].level, found["alarms"].number) == (Level.WARNING, 1)
    assert found["inbox"].number == 0


def test_a_database_that_is_behind_or_out_of_reach_is_failing(tmp_path):
    behind = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    assert "db upgrade" in told(behind)["database"].says
    behind.close()
    away = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    assert health(away).level is Level.FAILING
    assert "out of reach" in told(away)["database"].says
    away.close()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_command_says_the_same_and_fails_where_something_fails(db, monkeypatch, tmp_path):
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path))
    monkeypatch.setenv("GOODWORD_DATABASE_URL", f"sqlite:///{db.engine.url.database}")
    done = CliRunner().invoke(main, ["health", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["level"] == "warning"
    monkeypatch.setenv("GOODWORD_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    done = CliRunner().invoke(main, ["health"])
    assert done.exit_code == 1
    assert "failing" in done.stdout
