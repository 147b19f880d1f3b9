"""What may be said about brands and people."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.identity.rules import email_key
from engine.identity.tables import Role
from engine.kernel.errors import InputError


def _address(value: str) -> str:
    try:
        email_key(value)
    except InputError as error:
        raise ValueError(f"{error.problem} {error.remedy}") from None
    return value.strip()


def _printable(value: str) -> str:
    value = " ".join(value.split())
    if not value.isprintable() or not value:
        raise ValueError("Write a name that can be read.")
    return value


Email = Annotated[str, Field(max_length=254), AfterValidator(_address)]
PersonName = Annotated[str, Field(max_length=120), AfterValidator(_printable)]


class BrandDraft(BaseModel):
    """A new brand: its name, and the slug that stands in addresses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,38}$")
    name: PersonName


class StaffDraft(BaseModel):
    """Somebody who is to work for a brand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Email
    name: PersonName
    role: Role
