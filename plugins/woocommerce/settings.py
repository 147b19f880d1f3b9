"""What a connection to a WooCommerce shop must be told."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from engine.plugin_api import CodeParameter, PluginError, PluginSettings

# WordPress decodes entities in a secret before it signs: what has none cannot differ.
_SECRET: Final = re.compile(r"[A-Za-z0-9_.~-]{16,200}", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9_]{8,100}", re.ASCII)
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*", re.ASCII)


def _secret(secret: SecretStr) -> SecretStr:
    if not _SECRET.fullmatch(secret.get_secret_value()):
        raise ValueError("a secret is 16 to 200 letters and digits: others are changed by WordPress before it signs")
    return secret


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError("a consumer key looks like ck_ and forty characters")
    return text


def _shop_address(text: str) -> str:
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        plain = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        raise ValueError("write the shop's address, such as https://shop.example") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or plain.lower() != address.lower():
        raise ValueError("write the shop's address alone, such as https://shop.example: no query, no user, no more")
    if not _PATH.fullmatch(parts.path):
        raise ValueError("the path of the shop's address holds odd characters")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"


Secret = Annotated[SecretStr, AfterValidator(_secret)]


class WooCommerceSettings(PluginSettings):
    """One shop, a key of its REST API with read and write access, and the secrets that may sign its webhooks now.

    `url` is what WordPress has as its site address (Settings → General). The first of `secrets` is given to webhooks
    that Goodword makes. `code_parameter` is what an extension for coupons in addresses reads, where there is one.
    """

    url: Annotated[str, AfterValidator(_shop_address)]
    consumer_key: Annotated[str, AfterValidator(_key)]
    consumer_secret: Secret
    secrets: Annotated[tuple[Secret, ...], Field(min_length=1, max_length=4)]
    code_parameter: CodeParameter = ""

    @property
    def origin(self) -> str:
        """The one origin that the connector talks to."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def own(settings: PluginSettings) -> WooCommerceSettings:
    """Return `settings` as this connector's.

    Raises:
        PluginError: they are another plugin's, or none.
    """
    if not isinstance(settings, WooCommerceSettings):
        raise PluginError("woocommerce was asked without its settings. Enter the shop's address, key and secret.")
    return settings
