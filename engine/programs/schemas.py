"""What the terms of a program say: the one document that is versioned, published and explained by.

Unknown keys are refused. Amounts are maps from currency to minor units, rates are basis points.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

from engine.kernel.currencies import EXPONENTS
from engine.plugin_api import MAX_MINOR, Signal

DEFAULT_MODEL = "basic"
KEY = r"^[a-z][a-z0-9_-]{0,39}$"


class Input(BaseModel):
    """Base of everything that comes from outside: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: object) -> object:
        if _holds_nul(value):
            raise ValueError("a NUL character cannot be stored")
        return value


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case Mapping():
            return any(_holds_nul(one) for pair in value.items() for one in pair)
        case list() | tuple() | set() | frozenset():
            return any(map(_holds_nul, value))
    return False


class AttributionPolicy(Input):
    """Who gets the credit: a model and the order in which signals count.

    `customer_link_days` None is off, 0 is for life. The click window is enforced on the server; codes have none.
    With `new_customers_only` nothing but the customer's first order with the brand is credited.
    """

    model: str = DEFAULT_MODEL
    signals: tuple[Signal, ...] = (Signal.CODE, Signal.CLICK)
    click_window_days: int = Field(default=30, ge=1, le=365)
    customer_link_days: int | None = Field(default=None, ge=0, le=3650)
    self_purchase: Literal["blocked", "allowed"] = "blocked"
    new_customers_only: bool = False

    @field_validator("signals")
    @classmethod
    def _each_once(cls, value: tuple[Signal, ...]) -> tuple[Signal, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("name each signal once, and at least one")
        return value

    @model_validator(mode="after")
    def _link_is_a_signal(self) -> Self:
        if (self.customer_link_days is not None) != (Signal.CUSTOMER_LINK in self.signals):
            raise ValueError("customer_link_days and the signal customer_link go together")
        return self


class BaseRules(Input):
    """What the rate applies to. By default line totals after discounts, without tax, shipping and gift cards."""

    include_tax: bool = False
    include_shipping: bool = False
    include_gift_cards: bool = False
    excluded_products: frozenset[str] = frozenset()
    excluded_collections: frozenset[str] = frozenset()

    @field_serializer("excluded_products", "excluded_collections")
    def _in_order(self, value: frozenset[str]) -> list[str]:
        return sorted(value)


class CustomerDiscount(Input):
    """What the promo code gives the customer: a percentage, or an amount per currency."""

    percent_bps: int | None = Field(default=None, ge=1, le=10_000)
    amount_minor: dict[str, int] | None = None

    @field_validator("amount_minor")
    @classmethod
    def _amounts(cls, value: dict[str, int] | None) -> dict[str, int] | None:
        for currency, minor in (value or {}).items():
            if currency not in EXPONENTS or not 0 < minor <= MAX_MINOR:
                raise ValueError(f"{currency}: give an ISO currency and a positive amount in minor units")
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.percent_bps is None) == (self.amount_minor is None):
            raise ValueError("give either percent_bps or amount_minor")
        return self


class RewardTerm(Input):
    """A reward of the program: its key (used in rates and scopes), the plugin's reward type, and its parameters."""

    key: str = Field(pattern=KEY)
    type: str = Field(pattern=KEY)
    params: dict[str, Any] = Field(default_factory=dict)


class RateRowLevel(StrEnum):
    """The levels at which terms themselves may set a rate; personal rates are rows beside them."""

    GROUP_PRODUCT = "group_product"
    GROUP = "group"
    PRODUCT = "product"
    COLLECTION = "collection"
    PROGRAM = "program"


class RateRow(Input):
    """A rate of one reward for a group, a product, a collection, or the whole program, by which keys are given.

    Collections are ordered: of those that a line is in, the first listed wins.
    """

    reward: str = Field(pattern=KEY)
    rate_bps: int = Field(ge=0, le=10_000)
    group: str | None = Field(default=None, min_length=1, max_length=40)
    product: str | None = Field(default=None, min_length=1, max_length=200)
    collection: str | None = Field(default=None, min_length=1, max_length=200)

    @property
    def level(self) -> RateRowLevel:
        """The level that the given keys mean."""
        match self.group, self.product, self.collection:
            case str(), str(), None:
                return RateRowLevel.GROUP_PRODUCT
            case str(), None, None:
                return RateRowLevel.GROUP
            case None, str(), None:
                return RateRowLevel.PRODUCT
            case None, None, str():
                return RateRowLevel.COLLECTION
        return RateRowLevel.PROGRAM

    @model_validator(mode="after")
    def _a_known_level(self) -> Self:
        if self.collection and (self.group or self.product):
            raise ValueError("a collection rate names neither a group nor a product")
        return self


class TermsDocument(Input):
    """The terms of a program. Immutable once published; a change is a new version."""

    attribution: AttributionPolicy = AttributionPolicy()
    hold_days: int = Field(default=30, ge=0, le=365)
    customer_discount: CustomerDiscount | None = None
    base: BaseRules = BaseRules()
    rewards: tuple[RewardTerm, ...] = Field(min_length=1)
    rates: tuple[RateRow, ...] = ()


class ProgramDraft(Input):
    """What a new program is called and where its days begin."""

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,38}$")
    name: str = Field(min_length=1, max_length=120)
    currency: str
    time_zone: str = "UTC"
    priority: int = Field(ge=1, le=10_000)

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if value not in EXPONENTS:
            raise ValueError(f"{value!r} is not an active ISO 4217 currency code")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone as an object."""
        return ZoneInfo(self.time_zone)


class GroupDraft(Input):
    """A new group of a program: the key by which terms name it, and what people call it."""

    key: str = Field(pattern=KEY)
    name: str = Field(min_length=1, max_length=120)


class PersonalRateDraft(Input):
    """A rate for one ambassador or one promo code, beside the terms. `rate_bps` None ends what was agreed before."""

    reward: str = Field(pattern=KEY)
    rate_bps: int | None = Field(ge=0, le=10_000)
    product: str | None = Field(default=None, min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)
