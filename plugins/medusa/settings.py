"""What a connection to a Medusa shop must be told."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from engine.plugin_api import CodeParameter, PluginError, PluginSettings

_KEY: Final = re.compile(r"sk_[A-Za-z0-9_-]{8,200}", re.ASCII)


def _server_address(text: str) -> str:
    address = text.strip().rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("write the address of the Medusa server, such as https://shop.example")
    if parts.path.endswith("/admin"):
        raise ValueError("write the address of the server without /admin")
    return address


def _api_key(key: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(key.get_secret_value()):
        raise ValueError("a secret API key begins with sk_ (Settings, Developer, Secret API keys)")
    return key


def _webhook_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) < 24 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a webhook secret is at least 24 plain characters, drawn at random")
    return secret


WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]


class MedusaSettings(PluginSettings):
    """One shop, and a secret API key of it.

    `secrets` are those with which the shop may sign webhooks now. Captures and refunds do not change when an order was
    last updated, so orders are looked at again for `refund_days` after they were placed. `code_parameter` is what the
    storefront reads a promo code from.
    """

    url: Annotated[str, AfterValidator(_server_address)]
    api_key: Annotated[SecretStr, AfterValidator(_api_key)]
    secrets: Annotated[tuple[WebhookSecret, ...], Field(min_length=1, max_length=4)]
    refund_days: Annotated[int, Field(ge=1, le=365)] = 60
    code_parameter: CodeParameter = ""

    @property
    def origin(self) -> str:
        """The one origin that the connector talks to."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def own(settings: PluginSettings) -> MedusaSettings:
    """Return `settings` as this connector's.

    Raises:
        PluginError: they are another plugin's, or none.
    """
    if not isinstance(settings, MedusaSettings):
        raise PluginError("medusa was asked without its settings. Enter the server, a secret API key and a secret.")
    return settings
