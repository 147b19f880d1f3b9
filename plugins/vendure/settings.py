"""What a connection to a Vendure shop must be told."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from engine.plugin_api import CodeParameter, PluginError, PluginSettings


def _admin_address(text: str) -> str:
    address = text.strip().rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("write the address of the Admin API, such as https://shop.example/admin-api")
    return address


def _webhook_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) < 24 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a webhook secret is at least 24 plain characters, drawn at random")
    return secret


WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]


class VendureSettings(PluginSettings):
    """One shop. The administrator needs to read orders and, for promo codes, to change promotions.

    `secrets` are those with which the shop may sign webhooks now. `channel` is the token of a channel that is not the
    default one. `click_field` names the custom field of an order that holds its click id. Refunds do not change when an
    order was last updated, so orders are looked at again for `refund_days` after they were placed.
    `code_parameter` is what the storefront reads a promo code from.
    """

    admin_api: Annotated[str, AfterValidator(_admin_address)]
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: SecretStr
    secrets: Annotated[tuple[WebhookSecret, ...], Field(min_length=1, max_length=4)]
    channel: Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x21-\x7e]*\z")] = ""
    click_field: Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,59})?\z")] = ""
    refund_days: Annotated[int, Field(ge=1, le=365)] = 60
    code_parameter: CodeParameter = ""

    @property
    def origin(self) -> str:
        """The one origin that the connector talks to."""
        parts = urlsplit(self.admin_api)
        return f"{parts.scheme}://{parts.netloc}"


def own(settings: PluginSettings) -> VendureSettings:
    """Return `settings` as this connector's.

    Raises:
        PluginError: they are another plugin's, or none.
    """
    if not isinstance(settings, VendureSettings):
        raise PluginError("vendure was asked without its settings. Enter the Admin API, an administrator and a secret.")
    return settings
