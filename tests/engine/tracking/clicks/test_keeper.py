"""A writer that goes away amid a batch is sent it again, and keeps it once; one that stays away holds nobody."""

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from engine.kernel.clock import microseconds
from engine.kernel.ids import new_id
from engine.tracking.clicks.keeper import ClickKeeper
from engine.tracking.clicks.store import ClickStore
from engine.tracking.clicks.wire import Answer, NewClick, Pieces, answer_message, batch_in, listening
from tests.engine.tracking.clicks.world import clicks, make_link, make_shop
from tests.support.asking import awaited

KEPT = Answer(None)
AT = microseconds(datetime(2026, 3, 2, 9, tzinfo=UTC))


def a_click(target="0 0 0 link 0"):
    return NewClick(new_id().hex, target, AT, False, None, None, None, None, None, "", None, False, AT)


@contextmanager
def writer_that(*acts):
    """A writer that does one of `acts` over each line that it gets: it is given the messages, and returns an answer."""
    told: list[bytes] = []
    with listening() as listener:

        def run():
            for act in acts:
                line, _ = listener.accept()
                pieces = Pieces()
                while piece := line.recv(1_000_000):
                    whole = list(pieces.messages(piece))
                    told.extend(whole)
                    answer = act(whole)
                    if answer is None:
                        break
                    line.sendall(answer_message(answer))
                line.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname(), told
        thread.join(timeout=10)


def go_away(_messages):
    return None


def keep(_messages):
    return KEPT


def test_what_was_on_its_way_to_a_writer_that_died_is_sent_again():
    click = a_click()
    with writer_that(go_away, go_away, keep) as (address, told):
        keeper = ClickKeeper(address)
        assert awaited(keeper.keep(click))
        keeper.close()
    assert [one.name for message in told for one in batch_in(message).clicks] == [click.name] * 3
    assert keeper.lost == 0


def test_what_is_sent_twice_is_kept_once(db):
    def work(unit):
        place = make_shop(unit)
        ids = (place.brand_id.hex, place.program_id.hex, place.enrollment_id.hex, "link", make_link(unit, place).hex)
        return " ".join(ids)

    target, store = db.run(work), ClickStore(db)
    click = a_click(target)
    for _ in range(2):
        store.write([click, a_click(target)], (), not_after=time.monotonic() + 5)
    store.close()
    assert len(clicks(db)) == 3


def test_a_writer_that_hangs_leaves_in_doubt_what_it_has_and_is_sent_no_more():
    over = threading.Event()

    def hang(_messages):
        over.wait(10)

    with writer_that(hang) as (address, told):
        keeper = ClickKeeper(address, patience_s=0.3)
        assert awaited(keeper.keep(a_click())) is True
        assert awaited(keeper.keep(a_click())) is False
        assert (len(told), keeper.lost) == (1, 2)
        over.set()


def test_a_batch_that_kills_every_writer_is_given_up(monkeypatch):
    monkeypatch.setattr("engine.tracking.clicks.keeper.LATEST_S", 0.5)
    good, bad = a_click(), a_click()

    def die_of_it(messages):
        time.sleep(0.1)
        return None if bad.name.encode() in b"".join(messages) else KEPT

    with writer_that(*[die_of_it] * 6) as (address, _):
        keeper = ClickKeeper(address, patience_s=0.3, rest_s=0)
        assert awaited(keeper.keep(bad)) is True  # in doubt: it may be kept yet
        time.sleep(0.5)
        monkeypatch.undo()
        assert awaited(keeper.keep(good))
        keeper.close()
        assert keeper.lost == 1


@pytest.mark.parametrize("connects", [True, False])
def test_where_nobody_writes_visitors_wait_no_longer_than_the_patience(connects):
    with listening() as listener:
        address = listener.getsockname()
        keeper = ClickKeeper(address if connects else f"{address}-gone", patience_s=0.2)
        started = time.monotonic()
        awaited(keeper.keep(a_click()))
        assert time.monotonic() - started < 1.5
        assert keeper.lost == 1
