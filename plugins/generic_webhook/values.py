"""What stands at the places that a template names, as values. Every refusal names the field and the place."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from engine.plugin_api import Currency, InputError, Money, MoneyError, parse_currency
from plugins.generic_webhook.paths import Place, find, read_path
from plugins.generic_webhook.settings import GenericWebhookSettings

CLICK: Final = "gw_click"
_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)
_MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Thing:
    """One order, refund, chargeback or line in a body, from which a template's fields are read.

    `kind` stands before a field's name in what is said when one is wrong.
    """

    kind: str
    here: Place
    body: Place
    settings: GenericWebhookSettings

    def each(self, path: str, *, kind: str) -> Iterator["Thing"]:
        """Yield the things within this one that `path` names."""
        found = find(read_path(path), self.here, body=self.body)
        return (Thing(kind, place, self.body, self.settings) for place in found)

    def text(self, field: str, path: str) -> str:
        """Return an id or a word; a whole number counts as its digits.

        Raises:
            InputError: there is nothing, or something else.
        """
        place = self._required(field, path)
        return self._text(field, place)

    def optional_text(self, field: str, path: str | None) -> str | None:
        """Return a text, or None where there is nothing or an empty one."""
        place = self._optional(path)
        return (self._text(field, place) or None) if place else None

    def texts(self, field: str, path: str | None) -> tuple[str, ...]:
        """Return all texts that `path` names, without empty ones."""
        if path is None:
            return ()
        found = list(find(read_path(path), self.here, body=self.body))
        if len(found) == 1 and isinstance(found[0].value, list):
            found = [Place(item, f"{found[0].where}[{number}]") for number, item in enumerate(found[0].value)]
        if len(found) > _MOST:
            raise self._wrong(field, f"{path} names more than {_MOST:,} texts.")
        return tuple(text for place in found if place.value is not None and (text := self._text(field, place)))

    def clicks(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Return the click ids at `paths`, each once: written out, or carried by an address."""
        said = (text for path in paths for text in self.texts("clicks", path))
        return tuple(dict.fromkeys(click for text in said for click in _clicks_in(text)))

    def amount(self, field: str, path: str, *, currency: Currency) -> int:
        """Return an amount in minor units of `currency`, from 0 on.

        Raises:
            InputError: there is nothing, or no such amount.
        """
        return self._amount(field, self._required(field, path), currency)

    def optional_amount(self, field: str, path: str | None, *, currency: Currency) -> int | None:
        """Return an amount, or None where there is nothing."""
        place = self._optional(path)
        return self._amount(field, place, currency) if place else None

    def instant(self, field: str, path: str) -> datetime:
        """Return a time, in UTC.

        Raises:
            InputError: there is nothing, or no time.
        """
        return self._instant(field, self._required(field, path))

    def optional_instant(self, field: str, path: str | None) -> datetime | None:
        """Return a time, or None where there is nothing."""
        place = self._optional(path)
        return self._instant(field, place) if place and place.value != "" else None

    def quantity(self, path: str | None) -> int:
        """Return a whole number from 1 on; 1 where there is nothing."""
        place = self._optional(path)
        value = place.value if place else 1
        if type(value) is not int or value < 1:
            raise self._wrong("quantity", f"{_shown(value)} at {_at(place)} is no whole number from 1 on.")
        return value

    def flag(self, field: str, path: str | None) -> bool:
        """Return true or false; false where there is nothing."""
        place = self._optional(path)
        if place and not isinstance(place.value, bool):
            raise self._wrong(field, f"{_shown(place.value)} at {place.where} is neither true nor false.")
        return bool(place and place.value)

    def word(self, field: str, path: str, *, words: Mapping[str, str]) -> str:
        """Return what the shop's word at `path` stands for, by `words`.

        Raises:
            InputError: there is no word, or one that is not among `words`.
        """
        said = self.text(field, path)
        if said not in words:
            known = ", ".join(sorted(words))
            raise self._wrong(field, f"{_shown(said)} at {path} is none of {known}. Add it to the states.")
        return words[said]

    def currency(self, path: str | None) -> Currency:
        """Return the currency at `path`, in whatever case, or the one declared for all.

        Raises:
            InputError: there is none, or no such active currency.
        """
        written = self.text("currency", path) if path else self.settings.currency or ""
        try:
            return parse_currency(written.upper())
        except MoneyError as error:
            raise self._wrong("currency", str(error)) from None

    def _required(self, field: str, path: str) -> Place:
        place = self._optional(path)
        if place is None:
            raise self._wrong(field, f"There is nothing at {path} in {self.here.where}.")
        return place

    def _optional(self, path: str | None) -> Place | None:
        return next(find(read_path(path), self.here, body=self.body), None) if path else None

    def _text(self, field: str, place: Place) -> str:
        value = place.value
        if type(value) is int:
            return str(value)
        if not isinstance(value, str):
            raise self._wrong(field, f"{_shown(value)} at {place.where} is no text.")
        return value.strip()

    def _amount(self, field: str, place: Place, currency: Currency) -> int:
        value = place.value
        if self.settings.amounts == "minor":
            if type(value) is not int:
                problem = f"{_shown(value)} at {place.where} is no whole number of minor units."
                raise self._wrong(field, problem)
            minor = value
        else:
            minor = self._decimal(field, place, currency)
        if minor < 0:
            raise self._wrong(field, f"{_shown(value)} at {place.where} is negative.")
        return minor

    def _decimal(self, field: str, place: Place, currency: Currency) -> int:
        value = place.value
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise self._wrong(field, f"{_shown(value)} at {place.where} is no decimal amount such as 12.40.")
        written = format(value, "f") if isinstance(value, Decimal) else str(value)
        try:
            return Money.parse(written, currency).minor
        except MoneyError as error:
            raise self._wrong(field, f"At {place.where}: {error}") from None

    def _instant(self, field: str, place: Place) -> datetime:
        try:
            found = _read_instant(place.value, self.settings)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            problem = f"{_shown(place.value)} at {place.where} is no time as declared ({self.settings.times})."
            raise self._wrong(field, problem) from None
        raise self._wrong(field, f"{_shown(place.value)} at {place.where} has no offset. Declare time_zone.")

    def _wrong(self, field: str, problem: str) -> InputError:
        return InputError(problem, field=f"{self.kind}.{field}")


def _read_instant(value: Any, settings: GenericWebhookSettings) -> datetime:
    if settings.times != "iso":
        if type(value) is not int:
            raise ValueError
        seconds, ms = divmod(value, 1000) if settings.times == "unix_ms" else (value, 0)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ms * 1000)
    if not isinstance(value, str) or not _INSTANT.fullmatch(value.strip()):
        raise ValueError
    found = datetime.fromisoformat(value.strip())
    if found.tzinfo is None and settings.time_zone:
        found = found.replace(tzinfo=ZoneInfo(settings.time_zone))
    return found


def _clicks_in(text: str) -> list[str]:
    if CLICK not in text:
        return [text] if len(text) <= 64 else []
    try:
        return parse_qs(urlsplit(text).query).get(CLICK, [])[:5]
    except ValueError:
        return []


def _at(place: Place | None) -> str:
    return place.where if place else "the body"


def _shown(value: Any) -> str:
    return f"{value!r:.60}"
