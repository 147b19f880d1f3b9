"""Makes up who clicked on what: those who then bought, those who only looked, those who came twice, and programs.

All of it by a seed. Half of those who only look come when many buy, the other half evenly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2s
from operator import itemgetter
from random import Random
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.demo.people import PEOPLE, Person
from engine.demo.programs import ZONE
from engine.kernel.ids import new_id_at
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import Target
from engine.tracking.clicks.visits import Reason

LOOKS_PER_ORDER: Final = 3
"""How many clicks there are for each order of the log, beside those that led to one."""

MOST_LOOKS: Final = 75_000
MONTHS: Final = 18
_LOCAL: Final = ZoneInfo(ZONE)
_ARRIVALS: Final = ("story", "bio", "video", "newsletter", None, None)
_REFERRERS: Final = ("https://www.instagram.com", "https://www.youtube.com", "https://t.co", None, None)
_AGENTS: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/137.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:139.0) Gecko/20100101 Firefox/139.0",
)
_BOT: Final = "Mozilla/5.0 (compatible; ListBot/2.1; +https://bot.example)"


class Way(StrEnum):
    """What an order brings along of the ambassador through whom its customer came."""

    CODE = "code"
    CLICK = "click"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Spot:
    """A link or landing page that can be clicked on from `since` on; from `ends` on no click counts."""

    program_id: UUID
    enrollment_id: UUID
    target: Target
    target_id: UUID
    since: datetime
    weight: int
    ends: datetime | None = None


@dataclass(slots=True)
class Visits:
    """The clicks of the demo. `spots` is filled while links and pages are made: by person's address."""

    seed: int
    key: bytes
    brand_id: UUID
    orders: int
    spots: dict[str, list[Spot]] = field(default_factory=dict)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(f"clicks:{self.seed}")  # noqa: S311 - a story, not a secret

    def way(self) -> Way:
        """Say what the next order brings along: 20 in 100 the click alone, 25 both, the others the code alone."""
        lot = self._random.random()
        return Way.CLICK if lot < 0.20 else Way.BOTH if lot < 0.45 else Way.CODE

    def before(self, order_at: datetime, *, person: Person, customer: str) -> str:
        """Make the click that led to an order placed at `order_at` (local), and return the click id that it brings.

        Empty where there was nothing to click on yet. Some come back a few minutes later, and it is that visit which
        the order brings; some came before by somebody else's link. All of it within the order's month: the clicks of
        the month before are written and counted already.
        """
        month = order_at.replace(day=1, hour=0, minute=0, second=0, tzinfo=_LOCAL).astimezone(UTC)
        at = order_at.replace(tzinfo=_LOCAL).astimezone(UTC) - self._gap()
        if at < month:
            at = order_at.replace(tzinfo=_LOCAL).astimezone(UTC) - timedelta(minutes=self._random.randint(2, 90))
        spot = self._spot(person, at)
        if spot is None:
            return ""
        visitor = blake2s(customer.encode(), digest_size=16).hexdigest() if self._random.random() < 0.7 else None
        lot = self._random.random()
        earlier = at - timedelta(hours=30)
        if visitor and lot < 0.04 and earlier >= month and (other := self._spot(self._anybody(), earlier)):
            self._click(other, earlier, visitor=visitor)
        click_id = self._click(spot, at, visitor=visitor)
        again = at + timedelta(seconds=80)
        if visitor and lot > 0.9 and again.astimezone(_LOCAL).replace(tzinfo=None) < order_at:
            click_id = self._click(spot, again, visitor=visitor, reason=Reason.REPEAT)
        return click_token(self.key, click_id)

    def look(self, month: str, orders: int) -> None:
        """Make the clicks of a month (`YYYY-MM`) of `orders` orders after which nobody bought."""
        first = date(int(month[:4]), int(month[5:]), 1)
        days = ((first + timedelta(days=31)).replace(day=1) - first).days
        budget = min(LOOKS_PER_ORDER * self.orders, MOST_LOOKS)
        for _ in range(budget // 2 // MONTHS + budget // 2 * orders // self.orders):
            day = first + timedelta(days=self._random.randrange(days))
            at = datetime(day.year, day.month, day.day, tzinfo=_LOCAL) + timedelta(seconds=self._second_of_day())
            spot = self._spot(self._anybody(), at.astimezone(UTC))
            if spot is not None:
                self._look(spot, at.astimezone(UTC))

    def burst(self, person: Person, at: datetime, *, clicks: int) -> None:
        """Let a program fetch somebody's links again and again, for a few minutes from `at` on."""
        for number in range(clicks):
            moment = at + timedelta(seconds=2 * number)
            spot = self._spot(person, moment)
            if spot is not None:
                self._click(spot, moment, visitor=None, reason=Reason.BOT)

    def take(self, until: datetime) -> Sequence[Mapping[str, Any]]:
        """Return the clicks before `until` as rows, in the order of time, and forget them; later ones wait."""
        rows = sorted((row for row in self._rows if row["at"] < until), key=itemgetter("id"))
        self._rows = [row for row in self._rows if row["at"] >= until]
        return rows

    def _look(self, spot: Spot, at: datetime) -> None:
        """Make one click after which nobody buys: 8 in 100 are programs', 9 repeat an earlier one."""
        lot = self._random.random()
        if lot < 0.08:
            reasons = (Reason.BOT, Reason.BOT, Reason.BOT, Reason.PREFETCH, Reason.HEAD, Reason.EMBEDDED)
            self._click(spot, at, visitor=None, reason=self._random.choice(reasons))
            return
        visitor = f"{self._random.getrandbits(128):032x}" if self._random.random() < 0.7 else None
        self._click(spot, at, visitor=visitor)
        if visitor and lot < 0.17:
            again = at + timedelta(minutes=self._random.randint(2, 600))
            self._click(spot, again, visitor=visitor, reason=Reason.REPEAT)

    def _click(self, spot: Spot, at: datetime, *, visitor: str | None, reason: Reason | None = None) -> UUID:
        if reason is None and spot.ends is not None and at >= spot.ends:
            reason = Reason.EXPIRED
        bot = reason is Reason.BOT
        click_id = new_id_at(at)
        self._rows.append(
            {
                "id": click_id,
                "brand_id": self.brand_id,
                "program_id": spot.program_id,
                "enrollment_id": spot.enrollment_id,
                "target": spot.target.value,
                "target_id": spot.target_id,
                "at": at,
                "counted": reason is None,
                "reason": reason.value if reason else None,
                "verified": visitor is not None,
                "visitor_key": visitor,
                "address": f"203.0.113.{self._random.randrange(256) & 0xF0}" if visitor else None,
                "user_agent": self._random.choice(_AGENTS) if visitor else _BOT if bot else None,
                "referrer": None if bot else self._random.choice(_REFERRERS),
                "sub_id": None if bot else self._random.choice(_ARRIVALS),
                "signals": "",
            }
        )
        return click_id

    def _spot(self, person: Person, at: datetime) -> Spot | None:
        there = [spot for spot in self.spots.get(person.email, ()) if spot.since <= at]
        return self._random.choices(there, [spot.weight for spot in there])[0] if there else None

    def _gap(self) -> timedelta:
        """Return how long before an order its click was: minutes mostly, days now and then, seldom a moment."""
        lot = self._random.random()
        if lot < 0.002:
            return timedelta(seconds=3)
        if lot < 0.15:
            return timedelta(seconds=self._random.randint(86_400, 6 * 86_400))
        return timedelta(seconds=self._random.randint(90, 5_400))

    def _second_of_day(self) -> int:
        """Return when of a day somebody looks: in the evening more than in the morning."""
        return int(self._random.triangular(6 * 3600, 86_399, 20 * 3600))

    def _anybody(self) -> Person:
        return self._random.choices(PEOPLE, [one.weight for one in PEOPLE])[0]
