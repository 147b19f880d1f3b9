"""A server that is killed under load, whole or in part, has kept every click that it answered."""

import pytest

from tests.engine.tracking.clicks.crash import GOES_ON, crash, crash_of_a_part


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_ten_crashes_lose_no_click_that_was_answered():
    answered, lost = crash(10)
    assert answered > 100
    assert lost == 0


@pytest.mark.slow
@pytest.mark.parametrize("part", ["writer", "serving"])
def test_when_one_process_is_killed_no_click_is_lost_that_was_answered_and_the_server_goes_on(part):
    answered, lost = crash_of_a_part(3, part)
    assert answered >= 3 * GOES_ON
    assert lost == 0
