"""How the fake shop is asked, and what is made of its answers before anything is used."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from engine.plugin_api import (
    BPS,
    CodeView,
    ConfigError,
    FatalError,
    HttpClient,
    HttpResponse,
    InputError,
    PluginSettings,
    ShopCode,
    exponent_of,
    parse_currency,
)
from engine.testing.fakes.shop_settings import FakeShopSettings

T = TypeVar("T")


def checked(settings: PluginSettings) -> FakeShopSettings:
    """Return the settings of a connection.

    Raises:
        ConfigError: they are not this connector's.
    """
    if not isinstance(settings, FakeShopSettings):
        raise ConfigError("The shop's settings are missing. Enter them first.")
    return settings


def send(
    http: HttpClient,
    call: str,
    *,
    settings: PluginSettings,
    params: Mapping[str, str] | None = None,
    json: Any = None,
    accept: tuple[int, ...] = (),
) -> HttpResponse:
    """Make a `call` such as `GET /orders`, with the shop's token.

    Raises:
        ConfigError, RetriableError, FatalError: as `HttpClient.request`.
    """
    known, (method, _, path) = checked(settings), call.partition(" ")
    headers = {"authorization": f"Bearer {known.token.get_secret_value()}"}
    return http.request(method, f"{known.address}{path}", params=params, headers=headers, json=json, accept=accept)


def ask(
    http: HttpClient, call: str, *, settings: PluginSettings, params: Mapping[str, str] | None = None, json: Any = None
) -> dict[str, Any]:
    """Return the object with which the shop answers a `call`.

    Raises:
        ConfigError, RetriableError, FatalError: as `HttpClient.request`; FatalError also where it answers no object.
    """
    try:
        answer = send(http, call, settings=settings, params=params, json=json).json()
    except InputError as error:
        raise FatalError(f"The shop answered {call} with what cannot be read: {error}") from None
    if not isinstance(answer, dict):
        raise FatalError(f"The shop answered {call} with no object.")
    return answer


def field(answer: Any, name: str, *, kind: type[T]) -> T:
    """Return a field of an answer.

    Raises:
        FatalError: it is missing, or of another kind.
    """
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, kind):
        raise FatalError(f"The shop's answer has no {name} as documented.")
    return value


def written(instant: datetime) -> str:
    """Return an instant as the shop reads it."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def code_document(code: CodeView) -> dict[str, Any]:
    """Return a promo code as the shop takes it: percent and amounts as decimal text."""
    amounts = None if code.amount_minor is None else {
        currency: f"{Decimal(minor).scaleb(-exponent_of(parse_currency(currency))):f}"
        for currency, minor in code.amount_minor.items()
    }  # fmt: skip
    return {
        "code": code.code,
        "title": code.title,
        "percent": None if code.percent_bps is None else f"{Decimal(code.percent_bps).scaleb(-2):f}",
        "amounts": amounts,
        "starts_at": written(code.starts_at),
        "expires_at": written(code.expires_at) if code.expires_at else None,
        "note": code.key,
    }


def shop_code(answer: Any) -> ShopCode:
    """Return a code as the shop describes it.

    Raises:
        FatalError: it is not described as documented.
    """
    percent, amounts, expires = (field(answer, name, kind=object) for name in ("percent", "amounts", "expires_at"))
    try:
        return ShopCode(
            reference=field(answer, "id", kind=str),
            code=field(answer, "code", kind=str),
            active=field(answer, "active", kind=bool),
            percent_bps=None if percent is None else _bps(str(percent)),
            amount_minor=None if amounts is None else _minors(amounts),
            expires_at=None if expires is None else datetime.fromisoformat(str(expires)),
        )
    except (InvalidOperation, ValueError, AttributeError):
        raise FatalError("The shop describes a code with what is no amount or time.") from None


def _bps(percent: str) -> int | None:
    """Return basis points; None for a percentage that is finer than they are, which is then another than ours."""
    exact = Decimal(percent).scaleb(2)
    return int(exact) if exact == int(exact) and 0 <= exact <= BPS else None


def _minors(amounts: Any) -> dict[str, int]:
    found = {code: Decimal(str(text)).scaleb(exponent_of(parse_currency(code))) for code, text in amounts.items()}
    return {currency: int(minor) for currency, minor in found.items() if minor == int(minor)}
