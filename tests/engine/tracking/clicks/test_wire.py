"""What one process tells another arrives as it was, in whatever pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.clicks.wire import (
    Answer,
    Batch,
    Loss,
    NewClick,
    Pieces,
    answer_in,
    answer_message,
    batch_in,
    batch_message,
    text_of,
)

TIMES = st.integers(0, 2**53)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDS = st.uuids().map(lambda one: one.hex)
CLICKS = st.builds(
    NewClick,
    IDS,
    TEXTS,
    TIMES,
    st.booleans(),
    *[st.none() | TEXTS] * 5,
    TEXTS,
    st.none() | TEXTS,
    st.booleans(),
    TIMES,
)
LOSSES = st.builds(Loss, IDS, IDS, st.integers(1, 10**9), TIMES, TIMES, TEXTS)
BATCHES = st.builds(Batch, st.floats(0, 1e9), st.lists(CLICKS, max_size=4), st.lists(LOSSES, max_size=3))


def message(batch):
    return batch_message([text_of(click) for click in batch.clicks], batch.losses, not_after=batch.not_after)


@given(batches=st.lists(BATCHES, min_size=1, max_size=3), sizes=st.lists(st.integers(1, 200), min_size=1))
def test_batches_arrive_as_they_were_in_whatever_pieces(batches, sizes):
    sent, found, pieces = b"".join(map(message, batches)), [], Pieces()
    while sent:
        size = sizes[len(sent) % len(sizes)]
        piece, sent = sent[:size], sent[size:]
        found += [batch_in(whole) for whole in pieces.messages(piece)]
    assert found == batches


@given(outage=st.none() | TEXTS, bad=st.lists(st.tuples(st.integers(0, 500), TEXTS)))
def test_answers_arrive_as_they_were(outage, bad):
    (whole,) = Pieces().messages(answer_message(Answer(outage, bad)))
    found = answer_in(whole)
    assert (found.outage, [tuple(one) for one in found.bad]) == (outage, bad)


@given(click=CLICKS)
def test_what_cannot_be_written_is_refused_by_itself(click):
    with pytest.raises(TypeError):
        text_of(click._replace(sub_id="\ud800"))
