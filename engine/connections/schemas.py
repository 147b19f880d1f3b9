"""What is checked before a connection is stored."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from engine.connections.rules import ACCOUNT


class ConnectionDraft(BaseModel):
    """A connection as somebody wants it. `settings` are checked by the plugin of its connector.

    `account` names the shop in its orders and in the address of its webhooks, and never changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    connector: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    account: str
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    quiet_after_h: Annotated[int, Field(ge=1, le=24 * 90)] = 48
    settings: Mapping[str, Any] = {}

    @field_validator("account")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not ACCOUNT.fullmatch(value):
            raise ValueError("use 3 to 80 of a-z, 0-9 and -")
        return value

    @field_validator("title")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("use characters that can be seen")
        return value
