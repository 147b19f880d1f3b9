"""What a promo code is: the one form by which it is found, which codes are refused, how new ones are drawn.

Pure. Two texts that a customer would call the same code have one key; two that only look alike never both exist. The
database compares keys and folds nothing itself: its idea of upper and lower case depends on its kind and its locale.
"""

import re
import secrets
import unicodedata
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Final

from engine.kernel.errors import InputError

SHORTEST: Final = 3
LONGEST: Final = 32

_FROM_SHOPS = ("NULL", "NIL", "NONE", "NAN", "UNDEFINED", "UNKNOWN", "INVALID", "VOID", "TRUE", "FALSE", "TEST")
_OF_THE_HOUSE = ("ADMIN", "API", "GOODWORD", "GUEST", "HELP", "LOGIN", "ROOT", "STAFF", "SUPPORT", "SYSTEM")
_OF_THE_TRADE = ("CODE", "CODES", "COUPON", "DISCOUNT", "FREE", "OFFER", "PROMO", "SALE", "VOUCHER")
RESERVED: Final = frozenset(_FROM_SHOPS + _OF_THE_HOUSE + _OF_THE_TRADE)
"""Nobody may own these: shops send some of them where there is no code, and anybody would guess the others."""

DRAWN_FROM: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""30 letters and digits that are not mistaken for one another: without 0 O, 1 I L, and U beside V."""

_ALLOWED: Final = re.compile(r"[A-Z0-9_-]*")
_CYRILLIC_AND_GREEK: Final = "АВЕЅІЈКМНОРСТУХаеѕіјорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυ"  # noqa: RUF001 - look-alikes are the point
_THEIR_TWINS: Final = "ABESIJKMHOPCTYXAESIJOPCYXABEZHIKMNOPTYXAVOPU"
_TWINS: Final = dict(zip(_CYRILLIC_AND_GREEK, _THEIR_TWINS, strict=True))


class CodeRefusedError(InputError):
    """A text that cannot be a promo code."""

    def __init__(self, text: str, problem: str, remedy: str) -> None:
        self.text = text
        super().__init__(problem, field="code", remedy=remedy)


def code_key(text: str) -> str:
    """Return the form of `text` by which a promo code is found: 3 to 32 of A-Z, 0-9, - and _.

    Letter by letter: compatibility forms are resolved (NFKC), case is folded, what is left must be ASCII. Blanks around
    the code do not count. Total length is judged after folding, since one letter may fold to several.

    Raises:
        CodeRefusedError: another character is in it, or it is too short or too long.
    """
    letters = text.strip()
    if len(letters) > LONGEST:
        raise CodeRefusedError(letters, f"This code has {len(letters)} characters.", f"Use at most {LONGEST}.")
    folded = [_fold(letter) for letter in letters]
    for letter, form in zip(letters, folded, strict=True):
        if not _ALLOWED.fullmatch(form):
            raise _refused_letter(letters, letter)
    key = "".join(folded)
    if not SHORTEST <= len(key) <= LONGEST:
        remedy = f"Use {SHORTEST} to {LONGEST}."
        raise CodeRefusedError(letters, f"This code has {len(key)} characters once written plainly.", remedy)
    return key


@lru_cache(maxsize=10_000)
def lookup_key(text: str) -> str | None:
    """Return the key of a code on an order, or None for what cannot be a code. Never raises."""
    try:
        return code_key(text)
    except CodeRefusedError:
        return None


def shown_code(text: str) -> str:
    """Return `text` as people shall read it: as it was written where that is plain ASCII, else its key.

    Raises:
        CodeRefusedError: it cannot be a code.
    """
    key = code_key(text)
    written = unicodedata.normalize("NFKC", text.strip())
    return written if written.isascii() else key


def check_reserved(key: str, reserved: Collection[str] = ()) -> None:
    """Refuse a key that is reserved, also where dashes were put in between; `reserved` are the brand's own keys.

    Raises:
        CodeRefusedError: nobody may own this code.
    """
    plain = _without_dashes(key)
    if plain in RESERVED or any(plain == _without_dashes(word) for word in reserved):
        raise CodeRefusedError(key, f"The code {key} is reserved.", "Choose one that says whose code it is.")


def check_vanity(key: str) -> None:
    """Refuse a chosen code that would be misread: it holds a letter, and dashes stand only between letters or digits.

    Raises:
        CodeRefusedError: it breaks one of these rules.
    """
    if key.replace("-", "").replace("_", "").isdigit():
        raise CodeRefusedError(key, f"The code {key} holds no letter and reads like a number.", "Add a letter.")
    if not re.fullmatch(r"[A-Z0-9]+([-_][A-Z0-9]+)*", key):
        remedy = "Put a single - or _ between letters or digits only."
        raise CodeRefusedError(key, f"In the code {key} a - or _ stands alone.", remedy)


def generate_code(stem: str = "", *, choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a new code: 8 drawn letters, or as much of `stem` as a code may hold, a dash and 4 drawn letters.

    `choose` picks one character of a text; the demo gives a seeded one. 30⁸ codes without a stem: one that is taken is
    met about once in 650,000 draws where a brand has a million.
    """
    start = "".join(form for letter in _undotted(stem) if re.fullmatch(r"[A-Z0-9]+", form := _fold(letter)))[:16]
    drawn = "".join(choose(DRAWN_FROM) for _ in range(4 if start else 8))
    return f"{start}-{drawn}" if start else drawn


def _fold(letter: str) -> str:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", letter).casefold())
    return plain.upper() if plain.isascii() else plain


def _undotted(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def _without_dashes(key: str) -> str:
    return key.replace("-", "").replace("_", "").upper()


def _refused_letter(text: str, letter: str) -> CodeRefusedError:
    shown = f"{letter!r} ({unicodedata.name(letter, 'a character without a name')}, U+{ord(letter):04X})"
    if twin := _TWINS.get(letter):
        return CodeRefusedError(
            text, f"This code holds {shown}, which only looks like {twin}.", f"Type {twin} instead."
        )
    return CodeRefusedError(text, f"This code holds {shown}.", "Use the letters A to Z, digits, - and _ only.")
