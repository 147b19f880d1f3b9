"""What a connection to a Stripe account must be told."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from engine.plugin_api import PluginError, PluginSettings

ORIGIN: Final = "https://api.stripe.com"
VERSION: Final = "2026-06-24.dahlia"
"""The version of the API whose shapes are asked for; those of older ones are read as well."""

_KEY: Final = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{8,250}", re.ASCII)
_HOST: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII)
_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/=_-]{16,200}", re.ASCII)


def _key(key: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(key.get_secret_value()):
        raise ValueError("a secret or restricted key begins with sk_live_, rk_live_, sk_test_ or rk_test_")
    return key


def _secret(secret: SecretStr) -> SecretStr:
    if not _SECRET.fullmatch(secret.get_secret_value()):
        raise ValueError("a signing secret begins with whsec_")
    return secret


def _host(text: str) -> str:
    host = text.strip().lower()
    if not _HOST.fullmatch(host):
        raise ValueError("write the host alone, such as buy.stripe.com")
    return host


class StripeSettings(PluginSettings):
    """One account: a key of its API, the signing secrets of its webhook endpoints, and whether this is its test mode.

    There may be no secret yet: Stripe makes it together with the endpoint, which Goodword can make with the key. Promo
    codes are put into the addresses of payment links: what leads to one of `payment_link_hosts`.
    """

    api_key: Annotated[SecretStr, AfterValidator(_key)]
    webhook_secrets: Annotated[tuple[Annotated[SecretStr, AfterValidator(_secret)], ...], Field(max_length=4)] = ()
    test_mode: bool = False
    payment_link_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_host)], ...],
        Field(max_length=5, description="Hosts of your payment links: buy.stripe.com, and your own domain for them."),
    ] = ("buy.stripe.com",)

    @model_validator(mode="after")
    def _key_and_mode_agree(self) -> Self:
        """Refuse a live key in test mode and a test key outside it.

        Raises:
            ValueError: they do not fit together.
        """
        if ("_test_" in self.api_key.get_secret_value()[:8]) != self.test_mode:
            raise ValueError("a test key is for test mode and a live key is not: switch test mode, or take another key")
        return self


def own(settings: PluginSettings) -> StripeSettings:
    """Return `settings` as this connector's.

    Raises:
        PluginError: they are another plugin's, or none.
    """
    if not isinstance(settings, StripeSettings):
        raise PluginError("stripe_payments was asked without its settings. Enter the account's key.")
    return settings
