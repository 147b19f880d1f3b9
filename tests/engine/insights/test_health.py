"""Health says what fails quietly: no worker, dead jobs, open alarms, webhooks that could not be read."""

import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.connections.tables import Alarm
from engine.insights.health import Level, health
from engine.jobs.queries import is_worker_running, latest_jobs
from engine.jobs.service import AT_WORK_LEASE, begin_work, enqueue
from engine.jobs.tables import Job, JobState
from engine.jobs.worker import Worker
from engine.kernel.database import open_database
from engine.kernel.ids import new_id
from tests.factories import make_brand
from tests.support.plans import plans


def told(db):
    return {check.name: check for check in health(db).checks}


def put(db):
    db.run(lambda unit: enqueue(unit, "mature", {}, key=f"mature:{unit.now}"))


def a_worker(db):
    return Worker(db, {"mature": lambda *_: None})


@contextmanager
def running(db):
    """A worker that has begun; it ends with the block."""
    stop = threading.Event()
    thread = threading.Thread(target=a_worker(db).run_forever, args=(stop,))
    thread.start()
    try:
        for _ in range(200):
            if told(db)["worker"].level is Level.OK:
                break
            time.sleep(0.05)
        yield
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()


def test_all_is_well_where_a_worker_runs(db):
    with running(db):
        found = health(db)
    assert found.level is Level.OK
    assert [check.name for check in found.checks] == ["database", "worker", "jobs", "clicks", "alarms", "inbox"]


def test_a_worker_that_was_stopped_is_missed_at_once(db):
    put(db)
    with running(db), running(db):
        pass
    assert told(db)["worker"].level is Level.WARNING
    with db.reading() as unit:
        assert [job.name for job in latest_jobs(unit)] == ["mature"]


def test_a_worker_that_died_is_missed_after_five_minutes_and_forgotten_by_the_next(db, clock):
    first, second = new_id(), new_id()
    db.run(partial(begin_work, worker=first))
    clock.advance(AT_WORK_LEASE - timedelta(microseconds=1))
    assert told(db)["worker"].level is Level.OK
    db.run(partial(begin_work, worker=first))
    clock.advance(timedelta(minutes=1))
    assert told(db)["worker"].level is Level.OK
    clock.advance(AT_WORK_LEASE)
    assert told(db)["worker"].level is not Level.OK
    db.run(partial(begin_work, worker=second))
    with db.reading() as unit:
        assert [job.id for job in latest_jobs(unit)] == [second]


def test_doing_what_is_due_once_is_no_worker_that_runs(db, clock):
    put(db)
    assert told(db)["worker"].says.startswith("No worker has run here yet")
    a_worker(db).run_once()
    assert told(db)["worker"].level is Level.WARNING
    assert told(db)["worker"].says.startswith("No worker runs")
    clock.advance(timedelta(minutes=5, seconds=1))
    put(db)  # as the web does by itself
    assert told(db)["worker"].level is Level.FAILING
    assert told(db)["worker"].number == 5


def test_no_worker_takes_the_job_that_another_holds_while_it_runs(db, clock):
    db.run(partial(begin_work, worker=new_id()))
    clock.advance(2 * AT_WORK_LEASE)
    assert a_worker(db).run_once() == 0


def test_whether_a_worker_runs_is_asked_of_open_jobs_only(db):
    with db.reading() as unit:
        (plan,) = plans(unit, lambda: is_worker_running(unit))
    assert "ix_job_open" in plan


def test_dead_jobs_and_open_alarms_are_counted(db):
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
