"""The installation's settings, from `GOODWORD_*` variables; every mistake is told at once."""

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engine.kernel.addresses import parse_origin
from engine.kernel.crypto import Keyring
from engine.kernel.errors import InputError, SettingsError

DEFAULT_PLUGINS = (
    "attribution_basic",
    "attribution_multi_touch",
    "csv_orders",
    "generic_webhook",
    "landing_social",
    "medusa",
    "payout_csv",
    "rewards_cash",
    "shopify",
    "stripe_payments",
    "vendure",
    "woocommerce",
)


THREADS = 32
"""How many requests a process of `goodword serve` works on at once, other than clicks, which take no thread."""


class Settings(BaseSettings):
    """Where Goodword keeps its things and what it may load. All have a default that needs no service."""

    model_config = SettingsConfigDict(env_prefix="GOODWORD_", frozen=True, extra="ignore")

    home: Path = Path("instance")
    database_url: str = ""
    secret_key: SecretStr | None = None
    base_url: str = "http://127.0.0.1:8000"
    plugins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=DEFAULT_PLUGINS, description="Those that are loaded; +acme is loaded beside those of the house."
    )
    private_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Shops of yours that are not on the public Internet, such as http://shop.lan:8080."
    )
    smtp_url: str = ""
    mail_from: str = "Goodword <goodword@localhost>"
    secure_cookies: bool = False
    proxies: int = Field(default=0, ge=0, le=5, description="How many proxies of ours stand before `goodword serve`.")
    threads: int = Field(default=THREADS, ge=1, le=256, description="Threads of each process of `goodword serve`.")
    click_writer: str = Field(default="", description="Where clicks are written: set by `goodword serve` only.")
    worker: bool = Field(default=True, description="Whether `goodword serve` also runs the jobs.")
    body_days: int = Field(default=90, ge=1, description="Days for which the bytes that shops sent are kept.")
    clock_offset_s: int = Field(default=0, description="Seconds by which the clock is off: set by the demo only.")

    @field_validator("plugins", "private_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("plugins")
    @classmethod
    def _beside_those_of_the_house(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not any(name.startswith("+") for name in value):
            return value
        return tuple(dict.fromkeys([*DEFAULT_PLUGINS, *(name.removeprefix("+") for name in value)]))

    @field_validator("private_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(parse_origin(origin)) for origin in value)
        except InputError as error:
            raise ValueError(str(error)) from None

    @field_validator("base_url")
    @classmethod
    def _plain_origin(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("start it with http:// or https://")
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("use at least 32 characters")
        return value

    @property
    def database(self) -> str:
        """The database's address: SQLite in `home` unless one was given."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'goodword.db'}"

    @cached_property
    def keyring(self) -> Keyring:
        """The keys of this installation; the secret key is made once and kept in `home` unless one was given."""
        return Keyring(self.secret_key or _kept_key(self.home / "secret.key"))


def load_settings(**overrides: object) -> Settings:
    """Return the settings of the environment, with `overrides` on top.

    Raises:
        SettingsError: one or more settings are wrong; all are named.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        problems = tuple(f"GOODWORD_{str(p['loc'][0]).upper()}: {p['msg']}." for p in error.errors())
        raise SettingsError(problems) from None


def _kept_key(path: Path) -> SecretStr:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return SecretStr(path.read_text().strip())
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(48))
    return SecretStr(key)
