"""Brands, accounts and drafts for the books."""

from uuid import UUID

import pytest

from engine.kernel.database import Database
from tests.engine.ledger.books import add_brand


@pytest.fixture
def brand(db: Database) -> UUID:
    """A brand in `db`."""
    return add_brand(db)
