"""The one source of "now". Injected, so that tests and the demo may turn it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Return how many microseconds after 1970 an aware instant is."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(at: int) -> datetime:
    """Return the instant, in UTC, that is so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=at)


class Clock(Protocol):
    """Something that tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands where it was put. For tests, the demo and rebuild."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Put the clock at `instant`; backwards too, since real clocks do that as well."""
        self._now = instant.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        """Turn the clock by `step`."""
        self._now += step


class ShiftedClock:
    """The machine's clock, some time off. For the demo, which goes on from where its purchase log ended."""

    def __init__(self, offset: timedelta) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """Return the present instant moved by the offset, aware, in UTC."""
        return datetime.now(UTC) + self._offset


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day on which `instant` falls in `zone`."""
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of `day` in `zone`, in UTC; where clocks skip midnight, the first one that exists."""
    midnight = datetime.combine(day, time.min, tzinfo=zone)
    instant = midnight.astimezone(UTC)
    if instant.astimezone(zone).time() == time.min:
        return instant
    before, after = midnight.replace(fold=1).astimezone(UTC), instant
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        before, after = (before, middle) if local_date(middle, zone) >= day else (middle, after)
    return after


def month_of(instant: datetime, zone: ZoneInfo) -> str:
    """Return the calendar month of `instant` in `zone`, as `YYYY-MM`."""
    local = instant.astimezone(zone)
    return f"{local.year:04d}-{local.month:02d}"


def month_end(month: str, zone: ZoneInfo) -> datetime:
    """Return the first instant after `month` (`YYYY-MM`) in `zone`, in UTC: months are half-open."""
    year, number = int(month[:4]), int(month[5:])
    following = date(year + number // 12, number % 12 + 1, 1)
    return start_of_day(following, zone)


def month_start(month: str, zone: ZoneInfo) -> datetime:
    """Return the first instant of `month` (`YYYY-MM`) in `zone`, in UTC."""
    return start_of_day(date(int(month[:4]), int(month[5:]), 1), zone)
