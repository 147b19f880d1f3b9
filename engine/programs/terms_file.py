"""Terms as a TOML file that people write, and back.

What is read is checked as a whole, so that an author learns of every problem at once; what is written is read again as
the same document.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from engine.kernel.errors import InputError
from engine.programs.rules import TermsProblem
from engine.programs.schemas import TermsDocument
from engine.programs.service import TermsRefusedError


def read_terms(text: str) -> TermsDocument:
    """Return the terms that a TOML text holds.

    Raises:
        InputError: it is no TOML.
        TermsRefusedError: it is, and does not fit; every problem is named by its path.
    """
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"This is no TOML: {error}.", remedy="`goodword program template` shows how.") from None
    problems = list(_unusable("", written))
    document = None
    try:
        document = TermsDocument.model_validate(written)
    except ValidationError as error:
        problems += [_problem(one["loc"], one["msg"]) for one in error.errors()]
    if document is None or problems:
        raise TermsRefusedError(tuple(_by_place(problems)))
    return document


def _by_place(problems: Sequence[TermsProblem]) -> Iterator[TermsProblem]:
    """Yield one problem for each place, and none for a list whose parts have problems: it only echoes theirs."""
    first = {problem.field: problem for problem in reversed(problems)}
    for place in dict.fromkeys(problem.field for problem in problems):
        if not any(other.startswith((f"{place}[", f"{place}.")) for other in first):
            yield first[place]


def write_terms(document: TermsDocument) -> str:
    """Return terms as TOML; what is not set is left out."""
    written = document.model_dump(mode="json")
    return "\n".join([*_pairs(written), ""])


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if value is None:
            continue
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            yield f"{key} = [\n" + "".join(f"    {_inline(one)},\n" for one in value) + "]"
        else:
            yield f"{_key(key)} = {_inline(value)}"


def _inline(value: Any) -> str:
    match value:
        case Mapping():
            pairs = [f"{_key(key)} = {_inline(one)}" for key, one in value.items() if one is not None]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
        case list() | tuple():
            return f"[{', '.join(_inline(one) for one in value)}]"
        case str():
            return _text(value)
    return json.dumps(value)


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _text(key)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _unusable(place: str, value: Any) -> Iterator[TermsProblem]:
    """Yield what TOML has and terms have not: numbers with a point, dates and times."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _unusable(f"{place}.{key}" if place else key, inner)
        case list():
            for index, inner in enumerate(value):
                yield from _unusable(f"{place}[{index}]", inner)
        case float():
            remedy = "Write amounts in minor units (5 € is 500) and rates in basis points (12.5 % is 1250)."
            yield TermsProblem(place, f"{value} is no whole number.", remedy)
        case str() | int():
            return
        case _:
            yield TermsProblem(place, f"{value} is a date or time.", "Terms hold none; write it in quotes.")


def _problem(location: Sequence[int | str], message: str) -> TermsProblem:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")
    remedy = "See `goodword program template` for what terms may say." if message.startswith("Extra") else "Correct it."
    return TermsProblem(path or "terms", f"{message.removeprefix('Value error, ').rstrip('.')}.", remedy)
