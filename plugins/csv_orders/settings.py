"""The mapping: which column of a shop's file holds what, and what the file leaves unsaid."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, StringConstraints, model_validator

from engine.plugin_api import MoneyError, PluginSettings, parse_currency

ColumnField = Literal[
    "record",
    "order_id",
    "line_id",
    "placed_at",
    "updated_at",
    "paid_at",
    "cancelled_at",
    "amount",
    "quantity",
    "product",
    "collections",
    "gift_card",
    "tax",
    "shipping",
    "charged",
    "code",
    "click",
    "customer_email",
    "customer_id",
    "currency",
    "refund_id",
    "refunded_at",
    "state",
]
FIELDS: Final[tuple[ColumnField, ...]] = get_args(ColumnField)
_REQUIRED: Final = ("order_id", "placed_at", "amount")
_REFUND_ONLY: Final = ("refund_id", "refunded_at", "state")


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


ColumnName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class CsvOrdersSettings(PluginSettings):
    """How to read one shop's files.

    `columns` maps a field to the header of its column; together with `ignored_columns` it names every column, so that
    a file which changed is noticed. `time_zone` is where times without an offset were written; `currency` is that of
    all amounts, unless a column tells. Codes, clicks and collections in one cell are separated by `|`; `click` holds
    click ids (`gw_click`), or the addresses on which customers landed.
    """

    columns: Mapping[ColumnField, ColumnName]
    ignored_columns: tuple[ColumnName, ...] = ()
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    currency: Annotated[str, AfterValidator(_known_currency)] | None = None
    delimiter: Literal[",", ";", "\t", "|"] = ","

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing = [field for field in _REQUIRED if field not in self.columns]
        if missing:
            raise ValueError(f"declare a column for {', '.join(missing)}")
        if ("currency" in self.columns) == (self.currency is not None):
            raise ValueError("declare either one currency for the file or a column for it")
        if "record" in self.columns and "refund_id" not in self.columns:
            raise ValueError("a record column tells refunds from orders: declare a column for refund_id")
        if "record" not in self.columns and any(field in self.columns for field in _REFUND_ONLY):
            raise ValueError("refunds are known by a record column that holds order or refund: declare it")
        names = [*self.columns.values(), *self.ignored_columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each column is declared once; declared again: {', '.join(twice)}")
        return self
