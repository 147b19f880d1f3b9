"""Handles of landing pages, and the way of a version from draft to live.

Pure. Handles are unique in the installation and never given to anybody else once a page was live under them.
"""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.kernel.errors import InputError, InvalidTransitionError
from engine.tracking.pages.tables import VersionState

SHORTEST: Final = 3
LONGEST: Final = 40

_OF_THE_HOUSE = ("admin", "api", "app", "goodword", "help", "hooks", "login", "media", "portal", "staff", "support")
_OF_A_PAGE = ("click", "consent", "code", "codes", "page", "pages", "preview", "product", "products", "shop", "theme")
_OF_THE_WEB = ("assets", "favicon", "health", "index", "metrics", "null", "robots", "sitemap", "static", "undefined")
_OF_PROMISES = ("billing", "checkout", "official", "password", "payment", "refund", "security", "sign-in", "verify")
RESERVED: Final = frozenset(
    _OF_THE_HOUSE + _OF_A_PAGE + _OF_THE_WEB + _OF_PROMISES + ("test", "www", "you", "your-name")
)
"""Nobody may own these: they would pass for something of ours or of the shop, or for what an ambassador is not."""

_SHAPE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

DRAFT, SUBMITTED, APPROVED, REJECTED = VersionState

STEPS: Final[Mapping[VersionState, frozenset[VersionState]]] = MappingProxyType(
    {
        DRAFT: frozenset({SUBMITTED}),
        SUBMITTED: frozenset({APPROVED, REJECTED, DRAFT}),
        APPROVED: frozenset(),
        REJECTED: frozenset(),
    }
)
"""From each state of a version to those that may follow; back to draft is its ambassador taking it back."""


class HandleRefusedError(InputError):
    """A text that cannot be the handle of a page."""

    def __init__(self, text: str, problem: str, remedy: str) -> None:
        self.text = text
        super().__init__(problem, field="handle", remedy=remedy)


def checked_handle(text: str) -> str:
    """Return the handle that `text` asks for: 3 to 40 of a-z, 0-9 and single dashes between them. Capitals are folded.

    Raises:
        HandleRefusedError: it has another form, holds no letter, or is reserved.
    """
    handle = text.strip().removeprefix("@").lower()
    if not SHORTEST <= len(handle) <= LONGEST:
        problem = f"This name has {len(handle)} characters."
        raise HandleRefusedError(text[:80], problem, f"Use {SHORTEST} to {LONGEST}.")
    if not _SHAPE.fullmatch(handle):
        remedy = "Use a to z, digits, and single dashes between them, like anna-berg."
        raise HandleRefusedError(text, f"{text.strip()!r} cannot stand in an address.", remedy)
    if handle.replace("-", "").isdigit():
        raise HandleRefusedError(text, f"{handle} holds no letter and reads like a number.", "Add a letter.")
    if handle.replace("-", "") in {word.replace("-", "") for word in RESERVED}:
        raise HandleRefusedError(text, f"{handle} is reserved.", "Choose one that says whose page it is.")
    return handle


def handle_or_none(text: str) -> str | None:
    """Return the handle in an address, or None for what cannot be one. Never raises."""
    try:
        return checked_handle(text) if not text.startswith("@") else None
    except HandleRefusedError:
        return None


def handle_from(name: str) -> str:
    """Return a handle to begin with for somebody of this name, or nothing where no letter of it can stand in one."""
    plain = re.sub(r"[^a-z0-9]+", "-", _ascii(name)).strip("-")[:LONGEST].strip("-")
    return handle_or_none(plain) or ""


def parted_disclosure(text: str) -> tuple[str, str]:
    """Return the label of a disclosure and the rest: `Advertisement: I earn …` begins with its own.

    Without one the label is empty, and the page puts its own word for an advertisement there.
    """
    label, mark, rest = text.partition(":")
    if mark and rest.strip() and 2 <= len(label.strip()) <= 20 and " " not in label.strip():
        return label.strip(), rest.strip()
    return "", text


def step(state: VersionState, asked: VersionState) -> VersionState:
    """Return `asked` where it may follow `state`.

    Raises:
        InvalidTransitionError: the table has no such step.
    """
    if asked not in STEPS[state]:
        raise InvalidTransitionError("version of the page", state=state, asked=asked)
    return asked


def _ascii(name: str) -> str:
    folded = name.casefold().translate(_FOLDED)
    return "".join(one for one in unicodedata.normalize("NFKD", folded) if one.isascii())


_FOLDED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "o", "å": "a", "æ": "ae", "ł": "l", "đ": "d"})
