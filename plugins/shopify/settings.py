"""What a connection to a Shopify shop must be told."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from engine.plugin_api import PluginError, PluginSettings

_SHORTEST_SECRET: Final = 16
_VERSION: Final = re.compile(r"20\d\d-(01|04|07|10)", re.ASCII)
_OLDEST: Final = "2026-01"
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9-]{16,100}", re.ASCII)
_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,61}\.myshopify\.com", re.ASCII)


def _real_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) < _SHORTEST_SECRET or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"a secret of Shopify is at least {_SHORTEST_SECRET} plain characters; copy it whole")
    return secret


def _shop_domain(text: str) -> str:
    domain = text.strip().lower()
    if not _SHOP.fullmatch(domain):
        raise ValueError("write the shop's permanent domain, such as acme.myshopify.com")
    return domain


def _known_version(text: str) -> str:
    if not _VERSION.fullmatch(text) or text < _OLDEST:
        raise ValueError(f"a version of the Admin API is a quarter of a year from {_OLDEST} on")
    return text


def _client_id(text: str) -> str:
    if not _CLIENT_ID.fullmatch(text):
        raise ValueError("a client ID is 16 or more letters and digits; copy it from the app's settings")
    return text


Secret = Annotated[SecretStr, AfterValidator(_real_secret)]


class ShopifySettings(PluginSettings):
    """One shop and the app that Goodword is there.

    `shop` is its permanent domain. An app from the Dev Dashboard has a `client_id`, and gets its access tokens for that
    and the first of `secrets`; an older one, made in the shop's admin, has an `access_token` that was shown once. Give
    one of them. `secrets` are the client secrets that may sign webhooks now, the present one first: during a rotation
    the old one signs for up to an hour. `api_version` is the Admin API's, a quarter of a year.
    """

    shop: Annotated[str, AfterValidator(_shop_domain)]
    client_id: Annotated[str, AfterValidator(_client_id)] | None = None
    access_token: Secret | None = None
    secrets: Annotated[tuple[Secret, ...], Field(min_length=1, max_length=4)]
    api_version: Annotated[str, AfterValidator(_known_version)] = "2026-07"

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.client_id is None) == (self.access_token is None):
            raise ValueError("give the client_id of an app from the Dev Dashboard, or an older app's access_token")
        return self

    @property
    def origin(self) -> str:
        """The one origin that the connector talks to."""
        return f"https://{self.shop}"


def own(settings: PluginSettings) -> ShopifySettings:
    """Return `settings` as this connector's.

    Raises:
        PluginError: they are another plugin's, or none.
    """
    if not isinstance(settings, ShopifySettings):
        raise PluginError("shopify was asked without its settings. Enter the shop, the app's client ID and its secret.")
    return settings
