"""Plays the shop: turns the purchase log into the files that a shop would export, with codes and refunds by a seed.

Of the customers, 60 in 100 came through an ambassador and bring that person's code along on 90 of 100 orders, now and
then in small letters. The others use somebody's code on 5 of 100. Of all orders, 1 in 100 carries the house's own code,
which nobody owns, 1 in 100 one from elsewhere, and 1 in 100 a second ambassador's code beside the first. Of all paid
orders 6 in 100 are refunded 2 to 28 days later, half of them in part; a refund that would fall behind the log's end has
not happened yet. Of the orders of those who came through an ambassador, some bring the click on a link or page of that
person beside the code, some instead of it (`visits.Way`).
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from engine.demo.log import Purchase
from engine.demo.people import PEOPLE, Person
from engine.demo.programs import ZONE
from engine.demo.visits import Visits, Way

MAPPING: Final = {
    "columns": {
        "record": "record",
        "order_id": "order",
        "refund_id": "refund",
        "placed_at": "placed",
        "refunded_at": "refunded",
        "amount": "total",
        "quantity": "items",
        "code": "coupon",
        "click": "click",
        "customer_id": "customer",
        "customer_email": "email",
    },
    "time_zone": ZONE,
    "currency": "USD",
}
"""What the brand tells csv_orders about its files."""

HEADER: Final = "record,order,refund,placed,refunded,total,items,coupon,click,customer,email\n"
UNOWNED: Final = "HALFMOON-RADIO"
"""A code of the house: it gives customers their discount and belongs to nobody."""

ELSEWHERE: Final = "RETAILME25"
_OWN_ORDERS: Final = 3
_OPENS, _OPEN_SECONDS = time(8), 14 * 3600


@dataclass(frozen=True, slots=True)
class Row:
    """A line of an export, and the instant (local) at which it came about."""

    at: datetime
    text: str


class Shop:
    """Remembers where each customer came from. `codes` is filled while the demo issues them: by person's address.

    Orders bring clicks where `visits` is there to make them.
    """

    def __init__(self, purchases: Sequence[Purchase], *, seed: int) -> None:
        self.codes: dict[str, str] = {}
        self.visits: Visits | None = None
        self._purchases = purchases
        self._last_day = purchases[-1].day
        self._random = random.Random(seed)  # noqa: S311 - a story, not a secret
        self._weights = [person.weight for person in PEOPLE]
        self._came_through = self._homes()
        self._selves = self._own_accounts()
        self._refunds: dict[str, list[Row]] = {}

    def months(self) -> dict[str, int]:
        """Return the months (`YYYY-MM`) of the log in their order, each with its number of purchases."""
        return dict(sorted(Counter(_month(purchase) for purchase in self._purchases).items()))

    def exports(self) -> Iterator[bytes]:
        """Yield the file of each month, as CSV: its orders, and the refunds that were made in it.

        Which codes a file carries depends on those in `codes` when it is asked for.
        """
        for month, some in groupby(self._purchases, key=_month):
            rows = [row for _, day in groupby(some, key=attrgetter("day")) for row in self._day(list(day))]
            rows += self._refunds.pop(month, [])
            rows.sort(key=attrgetter("at"))
            yield (HEADER + "".join(row.text for row in rows)).encode()

    def _day(self, purchases: Sequence[Purchase]) -> Iterator[Row]:
        """Yield the orders of one day, spread over the hours in the log's order."""
        opens = datetime.combine(purchases[0].day, _OPENS)
        for number, purchase in enumerate(purchases):
            at = opens + timedelta(seconds=_OPEN_SECONDS * number // len(purchases))
            email = self._selves.get(purchase.customer, "")
            coupon, click = self._pointers(purchase, at)
            amount = _dollars(purchase.paid_minor)
            self._maybe_refund(purchase)
            facts = f"{purchase.line},,{at},,{amount},{purchase.items},{coupon},{click},{purchase.customer},{email}"
            yield Row(at, f"order,{facts}\n")

    def _pointers(self, purchase: Purchase, at: datetime) -> tuple[str, str]:
        """Return the codes that an order brings, and the click."""
        coupons, click = list(self._coupons(purchase)), ""
        home = self._came_through.get(purchase.customer)
        if home is not None and self.visits is not None and (way := self.visits.way()) is not Way.CODE:
            click = self.visits.before(at, person=home, customer=purchase.customer)
            if click and way is Way.CLICK:
                own = self.codes.get(home.email, "").casefold()
                coupons = [one for one in coupons if one.casefold() != own]
        return "|".join(coupons), click

    def _coupons(self, purchase: Purchase) -> Iterator[str]:
        chance = self._random.random
        home, lot = self._came_through.get(purchase.customer), chance()
        used = home if home and lot < 0.90 else self._anybody() if not home and lot < 0.05 else None
        code = self.codes.get(used.email) if used else None
        if code:
            yield code.lower() if chance() < 0.10 else code
        extra = chance()
        if extra < 0.01:
            yield UNOWNED
        elif extra < 0.02:
            yield ELSEWHERE
        elif extra < 0.03 and (second := self.codes.get(self._anybody().email)) and second != code:
            yield second

    def _maybe_refund(self, purchase: Purchase) -> None:
        lot, share, gap = self._random.random(), self._random.randint(20, 80), self._random.randint(2, 28)
        day = purchase.day + timedelta(days=gap)
        if lot >= 0.06 or not purchase.paid_minor or day > self._last_day:
            return
        amount = purchase.paid_minor if lot < 0.03 else max(1, purchase.paid_minor * share // 100)
        at = datetime.combine(day, time(11)) + timedelta(seconds=purchase.line % 3600)
        text = f"refund,{purchase.line},R{purchase.line},,{at},{_dollars(amount)},,,,,\n"
        self._refunds.setdefault(f"{day:%Y-%m}", []).append(Row(at, text))

    def _homes(self) -> Mapping[str, Person]:
        """Return through whom customers came, for those who came through somebody."""
        customers = dict.fromkeys(purchase.customer for purchase in self._purchases)
        return {customer: self._anybody() for customer in customers if self._random.random() < 0.60}

    def _own_accounts(self) -> Mapping[str, str]:
        """Return the customers who are ambassadors themselves, with their address; they use their own code."""
        often = Counter(purchase.customer for purchase in self._purchases)
        taken: dict[str, str] = {}
        for customer, home in self._came_through.items():
            if len(taken) < _OWN_ORDERS and often[customer] > 2 and home.email not in taken.values():
                taken[customer] = home.email
        return taken

    def _anybody(self) -> Person:
        return self._random.choices(PEOPLE, self._weights)[0]


def _month(purchase: Purchase) -> str:
    return f"{purchase.day:%Y-%m}"


def _dollars(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
