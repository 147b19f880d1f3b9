"""What a connection must know: its secrets, and the template that says where in a body everything is."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from engine.plugin_api import ChargebackState, CodeParameter, MoneyError, PluginSettings, RefundState, parse_currency
from plugins.generic_webhook.paths import ManyPath, OnePath

PREFIX: Final = "whsec_"
_SHORTEST_KEY: Final = 16


def key_of(secret: str) -> bytes:
    """Return the key that a Standard Webhooks secret writes out: base64, with or without `whsec_` before it.

    Raises:
        ValueError: it is no base64, or a key of fewer than 16 bytes.
    """
    text = secret.strip().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret is base64, with or without whsec_ before it") from None
    if len(key) < _SHORTEST_KEY:
        raise ValueError(f"a secret holds at least {_SHORTEST_KEY} bytes")
    return key


def _usable_secret(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{name!r} is no IANA time zone such as Europe/Berlin") from None
    return name


def _known_currency(code: str) -> str:
    try:
        return parse_currency(code)
    except MoneyError as error:
        raise ValueError(str(error)) from None


CurrencyCode = Annotated[str, AfterValidator(_known_currency)]


class Template(BaseModel):
    """What every template has: which topics it is for, and where its things are.

    `topics` empty: every body. `each` names the list of things (`order.refunds[]`); without it the body is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topics: tuple[str, ...] = ()
    each: ManyPath | None = None


class LineTemplate(BaseModel):
    """Where an order's lines are, and what is in one. `net` is after discounts and without tax."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: ManyPath
    id: OnePath
    net: OnePath
    quantity: OnePath | None = None
    tax: OnePath | None = None
    product: OnePath | None = None
    collections: ManyPath | None = None
    gift_card: OnePath | None = None


class OrderTemplate(Template):
    """Where an order's fields are. Without `lines` it has one line of `net`; with nothing at `paid_at` it is not paid.

    `charged` left out is the sum of net amounts, taxes and shipping. `clicks` lead to click ids, or to addresses that
    carry one as `gw_click`.
    """

    id: OnePath
    updated_at: OnePath
    placed_at: OnePath
    paid_at: OnePath
    currency: OnePath | None = None
    lines: LineTemplate | None = None
    net: OnePath | None = None
    cancelled_at: OnePath | None = None
    charged: OnePath | None = None
    shipping: OnePath | None = None
    codes: ManyPath | None = None
    clicks: tuple[ManyPath, ...] = ()
    customer_email: OnePath | None = None
    customer_id: OnePath | None = None
    first_seen_at: OnePath | None = None
    refund_ids: ManyPath | None = None

    @model_validator(mode="after")
    def _one_way_to_lines(self) -> Self:
        if (self.lines is None) == (self.net is None):
            raise ValueError("declare either lines, or net for an order that is one line")
        return self


class RefundLineTemplate(BaseModel):
    """Where a refund's lines are: which line of the order, and how much of its net amount was given back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: ManyPath
    line_id: OnePath
    net: OnePath


class RefundTemplate(Template):
    """Where a refund's fields are. `states` translates the shop's words; without `state` it succeeded."""

    id: OnePath
    order_id: OnePath
    updated_at: OnePath
    amount: OnePath
    refunded_at: OnePath | None = None
    currency: OnePath | None = None
    lines: RefundLineTemplate | None = None
    state: OnePath | None = None
    states: Mapping[str, RefundState] = Field(default_factory=dict)


class ChargebackTemplate(Template):
    """Where a chargeback's fields are. `states` translates the shop's words."""

    id: OnePath
    order_id: OnePath
    updated_at: OnePath
    amount: OnePath
    state: OnePath
    opened_at: OnePath | None = None
    currency: OnePath | None = None
    states: Mapping[str, ChargebackState] = Field(default_factory=dict)


class GenericWebhookSettings(PluginSettings):
    """The secrets with which the shop signs (two while one replaces the other), and the templates.

    `topic` leads to what the body is about (`type`). `amounts` says how amounts are written: `decimal` in major units,
    as text or number, `minor` as whole numbers of minor units. `times`: `iso` (ISO 8601; `time_zone` is where those
    without an offset were written), `unix` seconds or `unix_ms`. `currency` is that of every amount whose template does
    not say where it is written. `code_parameter` is what the storefront reads a promo code from.
    """

    signing_secrets: Annotated[tuple[Annotated[SecretStr, AfterValidator(_usable_secret)], ...], Field(min_length=1)]
    topic: OnePath | None = None
    amounts: Literal["decimal", "minor"] = "decimal"
    times: Literal["iso", "unix", "unix_ms"] = "iso"
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    currency: CurrencyCode | None = None
    order: OrderTemplate | None = None
    refund: RefundTemplate | None = None
    chargeback: ChargebackTemplate | None = None
    code_parameter: CodeParameter = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        templates = [one for one in (self.order, self.refund, self.chargeback) if one is not None]
        if not templates:
            raise ValueError("declare at least one template: order, refund or chargeback")
        if len(self.signing_secrets) > 5:
            raise ValueError("keep at most 5 secrets: the old one is only needed until the shop uses the new one")
        if self.topic is None and any(one.topics for one in templates):
            raise ValueError("a template names topics: say in topic where the body tells its own")
        if self.currency is None and any(one.currency is None for one in templates):
            raise ValueError("declare one currency for all, or where each template's is written")
        return self
