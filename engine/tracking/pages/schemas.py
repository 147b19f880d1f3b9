"""What may stand on a landing page, and what a brand may say about a product. Unknown keys are refused."""

import re
import unicodedata
from types import MappingProxyType
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field

from engine.kernel.errors import InputError
from engine.programs.schemas import Input
from engine.tracking.links.rules import LONGEST_URL
from engine.tracking.pages.rules import checked_handle

LANGUAGES: Final = MappingProxyType(
    {
        "en": "English",
        "de": "Deutsch",
        "fr": "Français",
        "es": "Español",
        "it": "Italiano",
        "nl": "Nederlands",
        "pt": "Português",
        "pl": "Polski",
        "sv": "Svenska",
        "da": "Dansk",
    }
)
"""Languages in which a page can be written, by code, each in its own words."""

MOST_PRODUCTS: Final = 24
MOST_LINKS: Final = 8
LONGEST_STORY: Final = 5_000
_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def _one_line(value: str) -> str:
    value = " ".join(unicodedata.normalize("NFC", value).split())
    if not value.isprintable():
        raise ValueError("Write words that can be read.")
    return value


def _some(value: str) -> str:
    if not value:
        raise ValueError("Fill this in.")
    return value


def _prose(value: str) -> str:
    lines = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    text = "\n".join(line.rstrip().replace("\t", " ") for line in lines).strip("\n")
    if not all(line.isprintable() for line in text.split("\n")):
        raise ValueError("Write words that can be read.")
    return text


def _https(value: object) -> object:
    """Return an address as it is kept; `example.org/anna` is taken as https://example.org/anna."""
    if not isinstance(value, str):
        return value
    address = value.strip()
    if "://" not in address and not address.lower().startswith(("javascript:", "data:", "mailto:")):
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        host, user = parts.hostname or "", parts.username
    except ValueError:
        host, user = "", None
    plain = address.isprintable() and not re.search(r"[\s\\<>\"`]", address)
    if not plain or not address.startswith("https://") or user is not None or not _HOST.fullmatch(host):
        raise ValueError("Write an address like https://instagram.com/anna.")
    return address


def _handle(value: str) -> str:
    try:
        return checked_handle(value)
    except InputError as error:
        raise ValueError(f"{error.problem} {error.remedy}") from None


def _each_once(value: tuple[UUID, ...]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(value))


def _known_language(value: str) -> str:
    if value not in LANGUAGES:
        raise ValueError("Choose one of those shown.")
    return value


Handle = Annotated[str, AfterValidator(_handle)]
ProfileAddress = Annotated[str, BeforeValidator(_https), Field(max_length=300)]


class PageDocument(Input):
    """What an ambassador says on their page: a version of it holds one of these.

    `story` is markdown. Products stand in the order given. `links` are where the ambassador can be found elsewhere.
    """

    name: Annotated[str, Field(max_length=60), AfterValidator(_one_line), AfterValidator(_some)]
    headline: Annotated[str, Field(max_length=120), AfterValidator(_one_line)] = ""
    story: Annotated[str, Field(max_length=LONGEST_STORY), AfterValidator(_prose)] = ""
    language: Annotated[str, AfterValidator(_known_language)] = "en"
    photo_id: UUID | None = None
    product_ids: Annotated[tuple[UUID, ...], Field(max_length=MOST_PRODUCTS), AfterValidator(_each_once)] = ()
    links: Annotated[tuple[ProfileAddress, ...], Field(max_length=MOST_LINKS)] = ()


class PageDraft(Input):
    """A page as its ambassador saves it: its handle, and what stands on it."""

    handle: Handle
    document: PageDocument


class ProductDraft(Input):
    """A product as the brand enters it. `price_text` is shown as it is written: prices are the shop's business."""

    title: Annotated[str, Field(max_length=120), AfterValidator(_one_line), AfterValidator(_some)]
    link: Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(str.strip), AfterValidator(_some)]
    price_text: Annotated[str, Field(max_length=40), AfterValidator(_one_line)] = ""
    image_id: UUID | None = None
