"""What commands share: which brand is meant, how what was typed is checked, and how an answer is written."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import click
from pydantic import BaseModel, ValidationError

from engine.bootstrap import Goodword, start
from engine.identity.queries import BrandView, brand_by_slug, brands
from engine.identity.sessions import issue_sign_in_link
from engine.identity.tables import Login
from engine.kernel.canonical import load_json
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError
from engine.kernel.paging import Page

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

LINK_LIFETIME: Final = timedelta(days=1)
"""How long a printed sign-in link may be used: it is handed on by hand."""

brand_option = click.option("--brand", "slug", help="The brand's short name; not needed where there is only one.")
json_option = click.option("--json", "as_json", is_flag=True, help="Write one JSON object for a program to read.")
by_option = click.option("--by", default="command line", show_default=True, help="Who does it, for the audit log.")


@contextmanager
def at_brand(slug: str | None) -> Iterator[tuple[Goodword, BrandView]]:
    """Start the installation, find the brand that is meant, and close everything afterwards.

    Raises:
        InputError: as `chosen_brand`.
    """
    goodword = start()
    try:
        yield goodword, chosen_brand(goodword, slug)
    finally:
        goodword.close()


def chosen_brand(goodword: Goodword, slug: str | None) -> BrandView:
    """Return the brand that is meant.

    Raises:
        InputError: no such brand, or there are several and none was named.
    """
    with goodword.database.reading() as unit:
        if slug is not None:
            found = brand_by_slug(unit, slug)
            if found is None:
                raise InputError(f"There is no brand {slug!r}.", field="--brand")
            return found
        every = brands(unit)
    if not every:
        raise InputError("There is no brand yet.", remedy="Make one: goodword brand create SLUG --name … --owner …")
    if len(every) != 1:
        names = ", ".join(brand.slug for brand in every)
        raise InputError("Which brand is meant?", field="--brand", remedy=f"Give one of: {names}.")
    return every[0]


def checked(model: type[M], **values: Any) -> M:
    """Return what was typed as `model`.

    Raises:
        InputError: it does not fit; every problem is named by its field.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {_said(one['msg'])}" for one in error.errors()]
        raise InputError(" ".join(problems)) from None


def _said(message: str) -> str:
    """Return a problem as a sentence, whether our own rule or the library found it."""
    return message.removeprefix("Value error, ").rstrip(".") + "."


def read_instant(text: str | None, zone: ZoneInfo, *, field: str) -> datetime | None:
    """Return the instant that `text` names, in `zone` where it has no offset; None for nothing.

    Raises:
        InputError: it names none.
    """
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        remedy = "Write it as 2026-03-01 or 2026-03-01T14:30."
        raise InputError(f"{text!r} is no date or time.", field=field, remedy=remedy) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)


def read_document(content: bytes, *, name: str, field: str, remedy: str | None = None) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Raises:
        InputError: it holds none; `field` names the option.
    """
    try:
        document = load_json(content)
    except ValueError as error:
        raise InputError(f"{name} is no JSON: {error}.", field=field, remedy=remedy) from None
    if not isinstance(document, dict):
        raise InputError(f"{name} holds no JSON object.", field=field, remedy=remedy)
    return document


def sign_in_link(unit: UnitOfWork, login: Login, *, goodword: Goodword) -> str:
    """Return the address that signs `login` in once, within a day."""
    token = issue_sign_in_link(unit, login, lifetime=LINK_LIFETIME)
    return f"{goodword.settings.base_url}/sign-in/{token}"


def every_row(page: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Yield the rows of all pages; `page` takes a cursor, None for the first page."""
    found = page(None)
    yield from found.rows
    while found.next_cursor:
        found = page(found.next_cursor)
        yield from found.rows


def write_json(value: Any) -> None:
    """Write one JSON object on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def answer(value: Any, text: str, *, as_json: bool) -> None:
    """Write `value` as JSON or `text` as it is."""
    if as_json:
        write_json(value)
    else:
        click.echo(text)
