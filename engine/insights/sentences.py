"""Why an amount is what it is, in one sentence: for ambassadors, for staff, on screens and in commands.

Each text stands here once and whole, so that it can be translated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from engine.insights.clicked import ClickStory
from engine.insights.said import Said, Value
from engine.kernel.money import Money, Rate
from engine.plugin_api import Signal


class Whose(StrEnum):
    """Through what an order came, and whether its ambassador is the reader."""

    MY_CODE = "my_code"
    CODE = "code"
    MY_LINK = "my_link"
    LINK = "link"
    MY_PAGE = "my_page"
    PAGE = "page"
    MY_CUSTOMER = "my_customer"
    CUSTOMER = "customer"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Cause:
    """Through what an order came: the signal, its code, the ambassador's name (None: the reader's own), and when.

    By a click it is `click`, where that is on record.
    """

    signal: Signal | None
    code: str | None
    name: str | None
    at: datetime
    click: ClickStory | None = None

    @property
    def whose(self) -> Whose:
        """Which of the sentences fits."""
        if self.code is not None:
            return Whose.CODE if self.name is not None else Whose.MY_CODE
        if self.click is not None and self.click.on_page:
            return Whose.PAGE if self.name is not None else Whose.MY_PAGE
        if self.click is not None:
            return Whose.LINK if self.name is not None else Whose.MY_LINK
        if self.signal is Signal.CUSTOMER_LINK:
            return Whose.CUSTOMER if self.name is not None else Whose.MY_CUSTOMER
        return Whose.OTHER


_RATED: Final = {
    Whose.MY_CODE: "%(rate)s of %(base)s, because your code %(code)s was used on %(day)s.",
    Whose.CODE: "%(rate)s of %(base)s, because the code %(code)s of %(name)s was used on %(day)s.",
    Whose.MY_LINK: (
        "%(rate)s of %(base)s, because your link %(link)s was clicked on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.LINK: (
        "%(rate)s of %(base)s, "
        "because the link %(link)s of %(name)s was clicked on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.MY_PAGE: (
        "%(rate)s of %(base)s, because your page was opened on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.PAGE: (
        "%(rate)s of %(base)s, because the page of %(name)s was opened on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.MY_CUSTOMER: "%(rate)s of %(base)s, because a customer who first came through you ordered again on %(day)s.",
    Whose.CUSTOMER: (
        "%(rate)s of %(base)s, because a customer who first came through %(name)s ordered again on %(day)s."
    ),
    Whose.OTHER: "%(rate)s of %(base)s, for the order of %(day)s.",
}
_CAPPED: Final = {
    Whose.MY_CODE: ("%(amount)s, the most that one order can bring, because your code %(code)s was used on %(day)s."),
    Whose.CODE: (
        "%(amount)s, the most that one order can bring, because the code %(code)s of %(name)s was used on %(day)s."
    ),
    Whose.MY_LINK: (
        "%(amount)s, the most that one order can bring, "
        "because your link %(link)s was clicked on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.LINK: (
        "%(amount)s, the most that one order can bring, "
        "because the link %(link)s of %(name)s was clicked on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.MY_PAGE: (
        "%(amount)s, the most that one order can bring, "
        "because your page was opened on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.PAGE: (
        "%(amount)s, the most that one order can bring, "
        "because the page of %(name)s was opened on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.MY_CUSTOMER: (
        "%(amount)s, the most that one order can bring, "
        "because a customer who first came through you ordered again on %(day)s."
    ),
    Whose.CUSTOMER: (
        "%(amount)s, the most that one order can bring, "
        "because a customer who first came through %(name)s ordered again on %(day)s."
    ),
    Whose.OTHER: "%(amount)s, the most that one order can bring, for the order of %(day)s.",
}
_PLAIN: Final = {
    Whose.MY_CODE: "%(amount)s, because your code %(code)s was used on %(day)s.",
    Whose.CODE: "%(amount)s, because the code %(code)s of %(name)s was used on %(day)s.",
    Whose.MY_LINK: (
        "%(amount)s, because your link %(link)s was clicked on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.LINK: (
        "%(amount)s, because the link %(link)s of %(name)s was clicked on %(clicked)s and an order followed on %(day)s."
    ),
    Whose.MY_PAGE: "%(amount)s, because your page was opened on %(clicked)s and an order followed on %(day)s.",
    Whose.PAGE: "%(amount)s, because the page of %(name)s was opened on %(clicked)s and an order followed on %(day)s.",
    Whose.MY_CUSTOMER: "%(amount)s, because a customer who first came through you ordered again on %(day)s.",
    Whose.CUSTOMER: "%(amount)s, because a customer who first came through %(name)s ordered again on %(day)s.",
    Whose.OTHER: "%(amount)s, for the order of %(day)s.",
}


def earned(amount: Money, cause: Cause, *, rated: Sequence[tuple[Rate, Money]], capped: bool) -> Said:
    """Return why an order brings `amount`; `rated` is the (rate, base) it consists of where it is but one of these."""
    values: dict[str, Value] = {"code": cause.code or "", "name": cause.name or "", "day": cause.at, "amount": amount}
    if cause.click is not None:
        values |= {"link": cause.click.name, "clicked": cause.click.at}
    if capped:
        return Said(_CAPPED[cause.whose], values)
    if len(rated) == 1:
        rate, base = rated[0]
        return Said(_RATED[cause.whose], values | {"rate": rate, "base": base})
    return Said(_PLAIN[cause.whose], values)


def changed(amount: Money, *, due: Money, before: Money, at: datetime) -> Said:
    """Return why a later row was booked: the order brings `due` now instead of `before`."""
    if amount.minor < 0:
        text = (
            "%(amount)s was taken back: the order changed on %(day)s, so it brings %(due)s now instead of %(before)s."
        )
        return Said(text, {"amount": -amount, "day": at, "due": due, "before": before})
    text = "%(amount)s was added: the order changed on %(day)s, so it brings %(due)s now instead of %(before)s."
    return Said(text, {"amount": amount, "day": at, "due": due, "before": before})


def settled(amount: Money, *, base: Money, month: str) -> Said:
    """Return why a month was settled with `amount`."""
    text = (
        "%(month)s closed: its orders came to %(base)s, "
        "so %(amount)s is settled on top of what they brought one by one."
    )
    return Said(text, {"month": month, "base": base, "amount": amount})


def settled_again(amount: Money, *, due: Money, before: Money, month: str) -> Said:
    """Return why a month was settled again after facts that came late."""
    if amount.minor < 0:
        text = "%(amount)s was taken back: %(month)s was settled again and brings %(due)s now instead of %(before)s."
        return Said(text, {"amount": -amount, "month": month, "due": due, "before": before})
    text = "%(amount)s was added: %(month)s was settled again and brings %(due)s now instead of %(before)s."
    return Said(text, {"amount": amount, "month": month, "due": due, "before": before})
