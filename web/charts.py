"""Charts as numbers for an SVG that the server writes: one message, a zero baseline, labels where the bars are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

WIDE: Final = 720
NARROW: Final = 340
HEIGHT: Final = 200
_TOP: Final = 22
_BOTTOM: Final = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, in units of the drawing, and what is written at it."""

    x: int
    y: int
    width: int
    height: int
    label: str
    value: str
    last: bool
    shows_value: bool

    @property
    def middle(self) -> int:
        """Where its labels are centred."""
        return self.x + self.width // 2


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart of bars over one zero line. A negative bar hangs below it."""

    width: int
    height: int
    zero: int
    bars: tuple[Bar, ...]


def bar_chart(columns: Sequence[tuple[str, int, str]], *, width: int = WIDE) -> BarChart:
    """Return a chart of (label, amount, amount as written); the highest and the last bar show their value."""
    amounts = [amount for _, amount, _ in columns]
    high, low = max(*amounts, 0, 0), min(*amounts, 0, 0)
    span = max(high - low, 1)
    room = HEIGHT - _TOP - _BOTTOM
    zero = _TOP + room * high // span
    step = width // max(len(columns), 1)
    peak = amounts.index(high) if high else -1
    bars = []
    for index, (label, amount, written) in enumerate(columns):
        height = max(room * abs(amount) // span, 2 if amount else 0)
        last = index == len(columns) - 1
        crowded = index == peak and index == len(columns) - 2
        bars.append(
            Bar(
                x=index * step + step // 6,
                y=zero - height if amount >= 0 else zero,
                width=step * 2 // 3,
                height=height,
                label=label,
                value=written,
                last=last,
                shows_value=last or (index == peak and not crowded),
            )
        )
    return BarChart(width, HEIGHT, zero, tuple(bars))


def day_chart(days: Sequence[tuple[date, int]], *, write: Callable[[int], str]) -> Mapping[str, BarChart]:
    """Return the chart of a count by day for wide and for narrow screens, with a label at each week's end.

    The last day and every seventh before it are named by the day of the month.
    """
    columns = [
        (str(day.day) if (len(days) - 1 - number) % 7 == 0 else "", count, write(count))
        for number, (day, count) in enumerate(days)
    ]
    return {"wide": bar_chart(columns), "narrow": bar_chart(columns, width=NARROW)}
