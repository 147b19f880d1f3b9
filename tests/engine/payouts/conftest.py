"""A brand whose books are written by hand."""

import pytest

from engine.kernel.database import Database
from tests.engine.payouts.books import Books, open_books


@pytest.fixture
def books(db: Database) -> Books:
    """A brand that pays out euros from 25.00 on."""
    return open_books(db)
