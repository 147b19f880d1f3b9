"""Access tokens of the Admin API, as an app from the Dev Dashboard gets them: for its id and secret, good for a day.

They are kept in memory until an hour before they end. Older apps have one token that does not end; it is a setting.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from engine.plugin_api import ConfigError, HttpClient, InputError, RetriableError
from plugins.shopify.settings import ShopifySettings

_REFUSED: Final = (400, 404)
_REASONS: Final = ("app_not_installed", "shop_not_permitted", "application_cannot_be_found", "invalid_client")
"""What Shopify's page may say; everything else on it is left out."""

_EARLY_S: Final = 3_600
_LONGEST_S: Final = 86_400

Key = tuple[str, str, str]


@dataclass(slots=True)
class Tokens:
    """The tokens that are known, for all connections of the installation."""

    now: Callable[[], float] = time.monotonic
    _kept: dict[Key, tuple[str, float]] = field(default_factory=dict)

    def of(self, settings: ShopifySettings, http: HttpClient) -> str:
        """Return a token that opens the shop now.

        Raises:
            ConfigError: Shopify gives none for this id and secret.
            RetriableError: Shopify failed.
        """
        if settings.access_token is not None:
            return settings.access_token.get_secret_value()
        token, ends = self._kept.get(_key(settings), ("", 0.0))
        if not token or ends <= self.now():
            token, good_for_s = _asked(settings, http)
            self._kept[_key(settings)] = (token, self.now() + good_for_s)
        return token

    def forget(self, settings: ShopifySettings) -> bool:
        """Forget a token that no longer opens; tell whether there was one."""
        return self._kept.pop(_key(settings), None) is not None


def _key(settings: ShopifySettings) -> Key:
    """Name whose token it is. The secret is part of it: another brand's guess must not find what ours was given."""
    secret = sha256(settings.secrets[0].get_secret_value().encode()).hexdigest()
    return settings.shop, settings.client_id or "", secret


def _asked(settings: ShopifySettings, http: HttpClient) -> tuple[str, float]:
    """Return a new token and for how many seconds it may be kept."""
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id or "",
        "client_secret": settings.secrets[0].get_secret_value(),
    }
    answer = http.request("POST", f"{settings.origin}/admin/oauth/access_token", form=form, accept=_REFUSED)
    if answer.status in _REFUSED:
        said = next((reason for reason in _REASONS if reason.encode() in answer.body), f"status {answer.status}")
        raise ConfigError(
            f"Shopify gives the app no access token ({said}). Check the client ID and the first secret, that the app "
            "is installed in this shop, and that both belong to one organization."
        )
    try:
        given = answer.json()
    except InputError as error:
        raise RetriableError(f"Shopify's answer cannot be read: {error}") from None
    token, ends_in = (given.get("access_token"), given.get("expires_in")) if isinstance(given, dict) else (None, None)
    if not isinstance(token, str) or not 0 < len(token) <= 500 or not token.isascii() or not token.isprintable():
        raise RetriableError("Shopify's answer holds no access token.")
    lasts_s = ends_in if type(ends_in) is int else 0
    return token, max(0, min(lasts_s, _LONGEST_S) - _EARLY_S)
