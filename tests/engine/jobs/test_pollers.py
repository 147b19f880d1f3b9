"""Pollers look for what came beside the jobs: at once, each by itself, whatever happens to one of them."""

import threading
import time
from collections import deque

from engine.jobs.worker import Worker


def test_what_comes_is_taken_within_a_second_while_a_job_takes_its_time(db):
    """A job that hangs holds no poller up."""
    came: deque[float] = deque()
    taken: list[float] = []
    stop, hanging = threading.Event(), threading.Event()

    def poll() -> int:
        if not came:
            return 0
        taken.append(time.monotonic() - came.popleft())
        return 1

    worker = Worker(db, {}, pollers=[poll])
    worker._run_jobs = lambda _: hanging.wait(30)  # type: ignore[assignment, method-assign]  # a job in hand
    thread = threading.Thread(target=worker.run_forever, args=(stop,))
    thread.start()
    for _ in range(3):
        came.append(time.monotonic())
        time.sleep(0.3)
    while len(taken) < 3:
        time.sleep(0.01)
    stop.set()
    hanging.set()
    thread.join()
    assert min(taken) < 1.5
    assert max(taken) < 10, "on a busy machine, too: the job in hand takes thirty"


def test_a_poller_that_breaks_is_asked_again_and_stops_nobody(db):
    asked: list[int] = []
    stop = threading.Event()

    def broken() -> int:
        asked.append(1)
        if len(asked) == 2:
            stop.set()
        raise ZeroDivisionError("half")

    Worker(db, {}, pollers=[broken]).run_forever(stop)
    assert len(asked) == 2


def test_doing_all_that_is_due_includes_what_pollers_find(db):
    left = [3]

    def poll() -> int:
        left[0] -= 1
        return left[0]

    Worker(db, {}, pollers=[poll]).run_once()
    assert left == [0]
