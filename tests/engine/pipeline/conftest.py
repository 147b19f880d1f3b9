"""A world for every test of the pipeline; at its end the books are checked."""

from collections.abc import Iterator

import pytest

from engine.kernel.database import Database
from tests.engine.pipeline import odd_plugin
from tests.engine.pipeline.world import World


@pytest.fixture
def empty(db: Database) -> Iterator[World]:
    """A brand without programs. Whatever a test does to it, ledger and rows agree at the end."""
    made = World(db)
    yield made
    made.check()


@pytest.fixture
def world(empty: World) -> World:
    """A brand whose one program pays ten percent, with Ada and Bea and a code for each."""
    empty.program()
    empty.enroll("Ada")
    empty.enroll("Bea")
    return empty


@pytest.fixture
def odd() -> Iterator[dict]:
    """What the odd plugin answers; put back afterwards."""
    yield odd_plugin.ANSWER
    odd_plugin.ANSWER.clear()
