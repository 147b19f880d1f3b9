"""Jobs are enqueued with their cause, run by one holder at a time, tried again, and never lost with a process."""

import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from engine.jobs.queries import job_by_key, job_counts, latest_jobs
from engine.jobs.rules import Schedule, wait_after
from engine.jobs.service import claim, enqueue, enqueue_slot, fail, finish, purge
from engine.jobs.tables import Job, JobState
from engine.jobs.worker import Worker
from engine.kernel.clock import VirtualClock
from engine.kernel.database import open_database
from tests.conftest import START
from tests.support.source import ROOT

LEASE = timedelta(minutes=15)
HOURLY = Schedule("sweep", timedelta(hours=1))


def put(db, key="key", name="work", **more):
    return db.run(lambda unit: enqueue(unit, name, {"key": key}, key=key, **more))


def take(db, *names):
    return db.run(lambda unit: claim(unit, names or ["work"], lease=LEASE))


def look(db, key="key"):
    with db.reading() as unit:
        return job_by_key(unit, key)


def test_a_job_is_run_once_with_its_arguments(db):
    seen = []
    worker = Worker(db, {"work": lambda database, arguments: seen.append((database is db, arguments))})
    put(db)
    assert (worker.run_once(), worker.run_once()) == (1, 0)
    assert seen == [(True, {"key": "key"})]
    row = look(db)
    assert (row.state, row.attempts, row.problem, row.finished_at) == (JobState.DONE, 1, None, START)


def test_a_job_of_a_unit_that_rolled_back_was_never_there(db):
    def fail_later(unit):
        enqueue(unit, "work", {}, key="key")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.run(fail_later)
    assert look(db) is None


def test_a_key_is_used_once_for_ever(db):
    assert put(db) is True
    assert put(db) is False
    Worker(db, {"work": lambda *_: None}).run_once()
    assert put(db) is False
    with db.reading() as unit:
        assert job_counts(unit) == dict.fromkeys(JobState, 0) | {JobState.DONE: 1}


def test_jobs_run_when_they_are_due_oldest_first(db, clock):
    seen = []
    worker = Worker(db, {"work": lambda _, arguments: seen.append(arguments["key"])})
    put(db, "later", run_at=START + timedelta(hours=2))
    put(db, "soon", run_at=START + timedelta(hours=1))
    put(db, "now")
    worker.run_once()
    assert seen == ["now"]
    clock.advance(timedelta(hours=1) - timedelta(microseconds=1))
    assert worker.run_once() == 0
    clock.advance(timedelta(hours=2))
    worker.run_once()
    assert seen == ["now", "soon", "later"]


def test_a_job_that_names_no_handler_is_left_to_others(db):
    put(db, name="of_another_plugin")
    assert Worker(db, {"work": lambda *_: None}).run_once() == 0
    assert look(db).state == JobState.WAITING
    assert Worker(db, {"of_another_plugin": lambda *_: None}).run_once() == 1


@pytest.mark.parametrize("error", [ValueError("no such order"), SystemExit(1), KeyError("x")], ids=repr)
def test_a_job_that_fails_is_tried_again_then_dead(db, clock, error):
    def handler(_database, _arguments):
        raise error

    worker = Worker(db, {"work": handler}, attempts=4)
    put(db, "bad")
    for attempt in range(1, 5):
        assert worker.run_once() == 1
        assert worker.run_once() == 0
        row = look(db, "bad")
        assert row.problem == f"{type(error).__name__}: {error}"
        assert (row.attempts, row.state) == (attempt, JobState.DEAD if attempt == 4 else JobState.WAITING)
        clock.set(max(row.run_at, clock.now()))
    clock.advance(timedelta(days=30))
    assert worker.run_once() == 0
    with db.reading() as unit:
        assert [job.key for job in latest_jobs(unit, state=JobState.DEAD)] == ["bad"]


def test_one_failure_does_not_hold_up_the_next_job(db):
    put(db, "bad")
    put(db, "good")
    seen = []

    def handler(_database, arguments):
        seen.append(arguments["key"])
        if arguments["key"] == "bad":
            raise ValueError

    assert Worker(db, {"work": handler}).run_once() == 2
    assert (seen, look(db, "good").state) == (["bad", "good"], JobState.DONE)


def test_waits_double_up_to_an_hour():
    waits = [wait_after(attempt) for attempt in range(1, 500)]
    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert max(waits) == waits[-1] == timedelta(hours=1)


def test_only_the_holder_of_the_lease_settles_a_job(db, clock):
    put(db)
    late = take(db)
    assert take(db) is None
    clock.advance(LEASE - timedelta(microseconds=1))
    assert take(db) is None
    clock.advance(timedelta(microseconds=1))
    heir = take(db)
    assert (heir.id, heir.attempts) == (late.id, 2)
    assert heir.lease != late.lease
    assert db.run(lambda unit: finish(unit, late)) is False
    assert db.run(lambda unit: fail(unit, late, problem="too late", attempts=1)) is False
    assert look(db).state == JobState.RUNNING
    assert db.run(lambda unit: finish(unit, heir)) is True
    assert db.run(lambda unit: finish(unit, heir)) is False
    assert (look(db).state, look(db).problem) == (JobState.DONE, None)


def test_a_job_that_kills_its_worker_each_time_is_laid_aside(db, clock):
    put(db)
    for _ in range(3):
        assert take(db) is not None
        clock.advance(LEASE)
    ran = []
    assert Worker(db, {"work": lambda *_: ran.append(1)}, attempts=3).run_once() == 1
    assert ran == []
    assert (look(db).state, look(db).problem) == (JobState.DEAD, "Its worker died 3 times while doing it.")


@given(st.datetimes(min_value=START.replace(tzinfo=None)), st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_every_instant_is_in_one_slot(instant, every):
    now = instant.replace(tzinfo=START.tzinfo)
    schedule = Schedule("sweep", every)
    start = now - (now - START.replace(1970, 1, 1, hour=0)) % every
    assert schedule.slot(start) == schedule.slot(now) == schedule.slot(start - timedelta(microseconds=1)) + 1


def test_a_slot_runs_once_and_missed_slots_are_one(db, clock):
    runs = []
    handlers = {"sweep": lambda *_: runs.append(clock.now())}
    workers = [Worker(db, handlers, [HOURLY]) for _ in range(3)]
    for _ in range(2):
        assert sum(worker.run_once() for worker in workers) in (0, 1)
    assert len(runs) == 1
    clock.advance(timedelta(hours=10, minutes=7))
    for worker in workers:
        worker.run_once()
    assert len(runs) == 2
    clock.advance(timedelta(hours=-3))  # clocks do that; the slots that it shows again are new, each runs once
    for worker in [*workers, *workers]:
        worker.run_once()
    assert len(runs) == 3


def test_a_slot_waits_for_the_one_before(db, clock):
    assert db.run(lambda unit: enqueue_slot(unit, HOURLY)) is True
    job = take(db, "sweep")
    clock.advance(timedelta(hours=1))
    assert db.run(lambda unit: enqueue_slot(unit, HOURLY)) is False
    db.run(lambda unit: finish(unit, job))
    assert db.run(lambda unit: enqueue_slot(unit, HOURLY)) is True
    assert look(db, HOURLY.key(clock.now())).state == JobState.WAITING


@pytest.mark.slow
def test_eight_workers_enqueue_each_slot_once(db, clock):
    """100 slots, each enqueued and run by eight workers at once."""
    lock = threading.Lock()
    runs: Counter[datetime] = Counter()

    def handler(_database, _arguments):
        with lock:
            runs[clock.now()] += 1

    workers = [Worker(db, {"sweep": handler}, [HOURLY]) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(100):
            list(threads.map(Worker.run_once, workers))
            clock.advance(timedelta(hours=1))
    assert len(runs) == 100
    assert set(runs.values()) == {1}


@pytest.mark.slow
def test_eight_workers_run_each_job_once(db):
    """400 jobs, eight workers at once."""
    for number in range(400):
        put(db, f"key:{number}")
    lock, gate = threading.Lock(), threading.Barrier(8)
    runs: Counter[str] = Counter()

    def handler(_database, arguments):
        with lock:
            runs[arguments["key"]] += 1

    def work(_number):
        gate.wait()
        return Worker(db, {"work": handler}).run_once()

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(work, range(8)))
    assert sum(done) == 400
    assert len(runs) == 400
    assert set(runs.values()) == {1}
    with db.reading() as unit:
        assert job_counts(unit)[JobState.DONE] == 400


def test_a_killed_workers_job_is_run_by_another_after_its_lease(db, db_url):
    put(db)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.jobs.crash", db_url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding {'key': 'key'}\n"
    finally:
        process.kill()
        process.communicate()
    assert look(db).state == JobState.RUNNING
    with db.reading() as unit:
        lost = unit.execute(select(Job.__table__)).one()  # type: ignore[attr-defined]
    seen = []
    later = VirtualClock(lost.leased_until - timedelta(microseconds=1))
    own = open_database(db_url, clock=later)
    worker = Worker(own, {"work": lambda _, arguments: seen.append(arguments)})
    try:
        assert worker.run_once() == 0
        later.advance(timedelta(microseconds=1))
        assert worker.run_once() == 1
    finally:
        own.close()
    assert seen == [{"key": "key"}]
    row = look(db)
    assert (row.state, row.attempts) == (JobState.DONE, 2)


def test_a_worker_stops_after_the_job_in_hand(db):
    put(db, "first")
    put(db, "second")
    stop, seen = threading.Event(), []

    def handler(_database, arguments):
        seen.append(arguments["key"])
        stop.set()

    thread = threading.Thread(target=Worker(db, {"work": handler}).run_forever, args=(stop,))
    thread.start()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert seen == ["first"]
    assert look(db, "second").state == JobState.WAITING


def test_a_worker_outlives_a_database_out_of_reach(db):
    put(db)
    stop, seen = threading.Event(), []

    def handler(_database, _arguments):
        seen.append(1)
        stop.set()

    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE job RENAME TO gone"))
    thread = threading.Thread(target=Worker(db, {"work": handler}).run_forever, args=(stop,))
    thread.start()
    time.sleep(0.2)
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO job"))
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert seen == [1]


def broken(*_: object) -> None:
    raise ZeroDivisionError


def test_jobs_that_are_done_go_after_thirty_days_and_others_stay(db, clock):
    worker = Worker(db, {"work": lambda *_: None, "broken": broken}, attempts=1)
    for number in range(5):
        put(db, f"old {number}")
    put(db, "dead", name="broken")
    put(db, "open", name="nobody's")
    worker.run_once()
    clock.advance(timedelta(days=10))
    put(db, "young")
    worker.run_once()
    clock.advance(timedelta(days=20) - timedelta(microseconds=1))
    assert db.run(purge) == 0
    clock.advance(timedelta(microseconds=1))
    assert [db.run(lambda unit: purge(unit, most=3)) for _ in range(3)] == [3, 2, 0]
    with db.reading() as unit:
        assert sorted(job.key for job in latest_jobs(unit)) == ["dead", "open", "young"]
