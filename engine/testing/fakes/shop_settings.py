"""What a connection to the fake shop must know."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from engine.plugin_api import PluginSettings


def _one_or_two(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not 0 < len(secrets) <= 2:
        raise ValueError("give the secret that is live, and during a rotation the one before as well")
    return secrets


class FakeShopSettings(PluginSettings):
    """Where the shop is and what it trusts us with. During a rotation both signing secrets count."""

    address: str = "https://fake.example"
    token: SecretStr
    signing_secrets: Annotated[tuple[SecretStr, ...], AfterValidator(_one_or_two)]
