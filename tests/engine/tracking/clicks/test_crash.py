"""A server that is killed under load has kept every click that it answered."""

import pytest

from tests.engine.tracking.clicks.crash import crash


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_ten_crashes_lose_no_click_that_was_answered():
    answered, lost = crash(10)
    assert answered > 100
    assert lost == 0
