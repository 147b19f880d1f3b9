"""How amounts, dates, shares and numbers are written for people. The locale is always the request's own."""

from copy import copy
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent
from flask import Flask, g
from markupsafe import Markup

from engine.insights.said import Said, Value
from engine.kernel.currencies import EXPONENTS
from engine.kernel.money import Money, Rate
from web.i18n import locale, text

UTC = ZoneInfo("UTC")


def teach(app: Flask) -> None:
    """Give templates the filters."""
    app.jinja_env.filters |= {
        "money": money,
        "day": day,
        "moment": moment,
        "month": month,
        "number": number,
        "rate": rate,
        "share": share,
        "initials": initials,
        "said": said,
    }


def set_zone(name: str) -> None:
    """Write this page's dates in a program's or brand's time zone."""
    g.zone = ZoneInfo(name)


def zone() -> ZoneInfo:
    """Return the time zone of this page."""
    found: ZoneInfo = g.get("zone", UTC)
    return found


def money(minor: int, currency: str) -> str:
    """Return an amount of minor units as the locale writes it, always with the currency's own decimals.

    ISO 4217 says how many, as everywhere in the books; Babel's own table would round some away.
    """
    exponent = EXPONENTS[currency]
    pattern = copy(locale().currency_formats["standard"])
    pattern.frac_prec = (exponent, exponent)
    amount = Decimal(minor).scaleb(-exponent)
    written: str = pattern.apply(amount, locale(), currency=currency, currency_digits=False)
    return written.replace("-", "\N{MINUS SIGN}")


def day(instant: datetime | date) -> Markup:
    """Return the calendar day of an instant in the page's zone, as a `<time>`."""
    local = instant.astimezone(zone()).date() if isinstance(instant, datetime) else instant
    shown = format_date(local, format="medium", locale=locale())
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(), shown)


def moment(instant: datetime) -> Markup:
    """Return day and time of an instant in the page's zone, as a `<time>`."""
    local = instant.astimezone(zone())
    shown = format_datetime(local, format="d MMM y, HH:mm", locale=locale())
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="seconds"), shown)


def month(written: str, pattern: str = "MMMM y") -> str:
    """Return `YYYY-MM` as the locale says it."""
    return format_date(date(int(written[:4]), int(written[5:]), 1), format=pattern, locale=locale())


def number(value: int) -> str:
    """Return a whole number with the locale's grouping."""
    return format_decimal(value, locale=locale())


def rate(bps: int) -> str:
    """Return basis points as a percentage: 1,250 is 12.5 %."""
    return format_percent(Decimal(bps) / 10_000, format="0.##%", locale=locale()).replace("%", "\u202f%")


def share(ppm: int) -> str:
    """Return parts per million as a percentage: 333,333 is 33.3333 %."""
    return format_percent(Decimal(ppm) / 1_000_000, format="0.####%", locale=locale()).replace("%", "\u202f%")


def said(sentence: Said) -> Markup:
    """Return a sentence of the engine in the reader's language, its amounts and days written as the reader does."""
    values = {name: _value(name, value) for name, value in sentence.values.items()}
    return Markup(text(sentence.text)) % values  # noqa: S704 - the text is ours; its values are escaped


def _value(name: str, value: Value) -> str:
    match value:
        case Money():
            return money(value.minor, value.currency)
        case Rate():
            return rate(value.bps)
        case datetime():
            return day(value)
        case _ if name == "month":
            return month(value)
    return value


def initials(name: str) -> str:
    """Return up to two letters that stand for a person."""
    words = [word for word in name.split() if word[0].isalnum()]
    chosen = words[:1] + words[-1:] if len(words) > 1 else words
    return "".join(word[0] for word in chosen).upper() or "?"
