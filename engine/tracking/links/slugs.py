"""What the last part of a link's address is: the one form by which it is found, which are refused, how they are drawn.

Pure. Addresses are typed from posters and read aloud, so slugs are lower-case ASCII and capitals do not count.
"""

import re
import secrets
import unicodedata
from collections.abc import Callable
from typing import Final

from engine.kernel.errors import InputError

SHORTEST: Final = 3
LONGEST: Final = 64
DRAWN: Final = 8

DRAWN_FROM: Final = "23456789bcdfghjkmnpqrstvwxyz"
"""28 letters and digits that are not mistaken for one another (0 o, 1 i l, u v) and make no words."""

_OF_THE_HOUSE = ("admin", "api", "app", "goodword", "help", "hooks", "login", "media", "portal", "staff", "support")
_OF_THE_WEB = ("assets", "health", "index", "metrics", "null", "robots", "sitemap", "static", "undefined", "www")
_OF_PROMISES = ("official", "payment", "password", "refund", "security", "sign-in", "verify")
RESERVED: Final = frozenset(_OF_THE_HOUSE + _OF_THE_WEB + _OF_PROMISES)
"""Nobody may own these: they would pass for something of ours, or for what an ambassador is not."""

_PLAIN: Final = re.compile(rf"[a-z0-9-]{{{SHORTEST},{LONGEST}}}")
_VANITY: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class SlugRefusedError(InputError):
    """A text that cannot be the last part of a link's address."""

    def __init__(self, text: str, problem: str, remedy: str) -> None:
        self.text = text
        super().__init__(problem, field="slug", remedy=remedy)


def slug_key(text: str) -> str:
    """Return the form of `text` by which a link is found: 3 to 64 of a-z, 0-9 and -.

    Raises:
        SlugRefusedError: another character is in it, or it is too short or too long.
    """
    key = lookup_slug(text.strip())
    if key is not None:
        return key
    folded = _folded(text.strip()[: LONGEST + 1])
    if strange := re.search(r"[^a-z0-9-]", folded):
        name = unicodedata.name(strange[0], "a character without a name")
        remedy = "Use the letters a to z, digits and - only."
        raise SlugRefusedError(text, f"This ending holds {strange[0]!r} ({name}).", remedy)
    problem = f"This ending has {len(folded)} characters." if len(folded) <= LONGEST else "This ending is too long."
    raise SlugRefusedError(text, problem, f"Use {SHORTEST} to {LONGEST}.")


def lookup_slug(text: str) -> str | None:
    """Return the key of a slug in an address, or None for what cannot be one. Never raises."""
    if _PLAIN.fullmatch(text):
        return text
    if len(text) > LONGEST:
        return None
    folded = _folded(text)
    return folded if _PLAIN.fullmatch(folded) else None


def check_vanity(key: str) -> None:
    """Refuse a chosen slug that is reserved or would be misread: it holds a letter, and each dash joins two others.

    Raises:
        SlugRefusedError: it breaks one of these rules.
    """
    if key.replace("-", "") in {word.replace("-", "") for word in RESERVED}:
        raise SlugRefusedError(key, f"The ending {key} is reserved.", "Choose one that says whose link it is.")
    if not _VANITY.fullmatch(key):
        raise SlugRefusedError(key, f"In the ending {key} a - stands alone.", "Put single dashes between letters.")
    if key.replace("-", "").isdigit():
        raise SlugRefusedError(key, f"The ending {key} holds no letter and reads like a number.", "Add a letter.")


def generate_slug(*, choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a new slug of 8 drawn letters: of a million links, one in 380,000 draws meets one that is taken.

    `choose` picks one character of a text; the demo gives a seeded one.
    """
    return "".join(choose(DRAWN_FROM) for _ in range(DRAWN))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
