"""What a version of a page says otherwise than the one before, for the person who decides about it.

Pure. Texts are compared word by word, lists as wholes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from engine.tracking.pages.schemas import PageDocument

_WORD: Final = re.compile(r"\s+|\S+")


class Mark(StrEnum):
    """Whether words are in both versions, only in the new one, or only in the old one."""

    SAME = "same"
    ADDED = "added"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words with their mark."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One field that says something else, in pieces that read on as one text."""

    field: str
    pieces: tuple[Piece, ...]


def changes_between(before: PageDocument | None, after: PageDocument) -> tuple[Change, ...]:
    """Return the fields of words that differ, in the order of the page; without a version before, all that say any.

    Photo and products are pictures: they are shown, not compared here.
    """
    old, new = _texts(before), _texts(after)
    return tuple(
        Change(name, _pieces(old.get(name, ""), text)) for name, text in new.items() if old.get(name, "") != text
    )


def _texts(document: PageDocument | None) -> dict[str, str]:
    if document is None:
        return {}
    return {
        "name": document.name,
        "headline": document.headline,
        "story": document.story,
        "language": document.language,
        "links": "\n".join(document.links),
    }


def _pieces(before: str, after: str) -> tuple[Piece, ...]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    pieces: list[Piece] = []
    for _, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, added = old[old_from:old_to], new[new_from:new_to]
        if gone == added:
            pieces.append(Piece(Mark.SAME, "".join(added)))
            continue
        pieces += _marked(Mark.GONE, gone) + _marked(Mark.ADDED, added)
    return tuple(pieces)


def _marked(mark: Mark, words: Sequence[str]) -> list[Piece]:
    return [Piece(mark, "".join(words))] if words else []
