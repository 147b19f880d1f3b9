"""What may be said about a link. Unknown keys are refused."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from engine.kernel.errors import InputError
from engine.programs.schemas import Input
from engine.tracking.links.rules import LONGEST_URL, checked_template
from engine.tracking.links.slugs import SlugRefusedError, check_vanity, slug_key


def _one_line(value: str) -> str:
    value = " ".join(value.split())
    if not value.isprintable():
        raise ValueError("write a title that can be read")
    return value


def _vanity(value: str) -> str:
    try:
        key = slug_key(value)
        check_vanity(key)
    except SlugRefusedError as error:
        raise ValueError(f"{error.problem} {error.remedy}") from None
    return key


def _trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _template(value: dict[str, str]) -> dict[str, str]:
    try:
        return checked_template(value)
    except InputError as error:
        raise ValueError(f"{error.problem} {error.remedy}") from None


Title = Annotated[str, Field(max_length=120), AfterValidator(_one_line)]
Address = Annotated[str, BeforeValidator(_trimmed), Field(max_length=LONGEST_URL)]
Template = Annotated[dict[str, str], AfterValidator(_template)]


class LinkDraft(Input):
    """A new link. `slug` None has one drawn; `destination` empty leads to the program's home address.

    `utm` is added to the program's template, a name of its own instead of the program's. From `expires_at` on no click
    counts.
    """

    title: Title = ""
    destination: Address = ""
    slug: Annotated[str, AfterValidator(_vanity)] | None = None
    utm: Template = Field(default_factory=dict)
    expires_at: datetime | None = None


class LinkChange(Input):
    """What becomes different about a link: only what is given."""

    title: Title | None = None
    destination: Annotated[Address, Field(min_length=1)] | None = None
    utm: Template | None = None
    expires_at: datetime | None = None

    @field_validator("expires_at")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("name a time zone")
        return value
