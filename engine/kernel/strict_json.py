"""Reads JSON that comes from strangers: what Python's reader would quietly make something of is refused."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from engine.kernel.errors import InputError

_LONGEST_NUMBER: Final = 40
_LARGEST_EXPONENT: Final = 40


def read_json(body: bytes) -> Any:
    """Return the JSON in `body`, UTF-8; numbers with a point or an exponent as `Decimal`, never as float.

    Raises:
        InputError: it is no JSON, is nested too deeply, or holds what cannot be relied on: a key twice in one object,
            NaN or Infinity, a number of more than 40 digits.
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_constant,
        )
    except RecursionError:
        raise InputError("The JSON is nested too deeply.") from None
    except UnicodeDecodeError:
        raise InputError("The body is not UTF-8 text.") from None
    except ValueError as error:
        raise InputError(f"The body is no JSON: {error!s:.200}.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one key twice")
    return found


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number has too many digits")
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number has too many digits")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number cannot be read") from None
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("a number is too large or too small")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
