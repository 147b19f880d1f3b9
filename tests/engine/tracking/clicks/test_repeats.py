"""Who was counted of late is remembered, by visitor and by network, and memory is bounded."""

from engine.tracking.clicks.repeats import Repeats, names_of

COAT, HAT = "1" * 32, "2" * 32
T0, DAY = 1_772_841_600_000_000, 86_400_000_000
KEY, NETWORK = "0" * 16 + "a" * 16, "a" * 16


def test_a_counted_visitor_is_known_by_key_and_by_network_on_that_target_only():
    repeats = Repeats()
    repeats.remember(dict.fromkeys(names_of(COAT, KEY), T0))
    assert repeats.counted_at((COAT, KEY)) == repeats.counted_at((COAT, NETWORK)) == T0
    assert repeats.counted_at((HAT, KEY)) is None


def test_the_newest_count_wins():
    repeats = Repeats()
    for at in (T0, T0 + DAY):
        repeats.remember({(COAT, KEY): at})
    assert repeats.counted_at((COAT, KEY)) == T0 + DAY


def test_memory_is_bounded_and_keeps_the_newest():
    repeats = Repeats(most=100)
    for number in range(1_000):
        names = names_of(COAT, f"{number:016x}{number:016x}")
        repeats.remember(dict.fromkeys(names, T0 + number))
        assert len(repeats) <= 402
    for number in range(900, 1_000):
        assert repeats.counted_at((COAT, f"{number:016x}")) == T0 + number
    assert repeats.counted_at((COAT, f"{0:016x}")) is None
