"""The REST API of one shop, version 3: signed by OAuth 1.0a over http, by Basic over https, as WooCommerce wants it."""

import hmac
import secrets
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from engine.plugin_api import ConfigError, FatalError, HttpClient, HttpResponse, InputError, RetriableError
from plugins.woocommerce.settings import WooCommerceSettings

_MISSING: Final = (404, 410)
_NOT_HERE: Final = "There is no WooCommerce REST API at this address. Check the address and the shop's permalinks."
_MOST_PAGES: Final = 50
_PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class RestApi:
    """Asks the REST API of one shop."""

    settings: WooCommerceSettings
    http: HttpClient

    def ask(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the JSON that answers, or None where there is no such thing.

        Raises:
            ConfigError: the key does not open, or may not do this; or there is no REST API at this address.
            RetriableError: the shop failed, or answered something that is no JSON, as it does while it is being kept.
            FatalError: the shop refuses what was asked, in its words.
        """
        url = f"{self.settings.url}/wp-json/{path}"
        sent, headers = self._signed(method, url, dict(params or {}))
        answer = self.http.request(method, url, params=sent, headers=headers, json=json, accept=(400, *_MISSING))
        found = _read(answer)
        return found if answer.status < 400 else _refused(found, answer.status)

    def page(self, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return one page of what is listed at `path`; where that is missing, nothing.

        Raises:
            FatalError: it is no list of objects: nothing would look like an empty shop.
            ConfigError, RetriableError: as `ask`.
        """
        found = self.ask("GET", path, params=params)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise FatalError(f"WooCommerce's answer at {path} is no list.")
        return found

    def listed(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield everything that is listed at `path`, page by page.

        Raises:
            ConfigError, RetriableError, FatalError: as `page`.
        """
        for number in range(1, _MOST_PAGES + 1):
            found = self.page(path, {"per_page": str(_PER_PAGE), "page": str(number)})
            yield from found
            if len(found) < _PER_PAGE:
                return

    def _signed(self, method: str, url: str, params: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        key, secret = self.settings.consumer_key, self.settings.consumer_secret.get_secret_value()
        if url.startswith("https:"):
            return params, {"authorization": f"Basic {b64encode(f'{key}:{secret}'.encode()).decode()}"}
        stamp = {"oauth_nonce": secrets.token_hex(16), "oauth_timestamp": str(int(time.time()))}
        return oauth_signed(method, url, params={**params, **stamp}, key=key, secret=secret), {}


def oauth_signed(method: str, url: str, *, params: Mapping[str, str], key: str, secret: str) -> dict[str, str]:
    """Return `params` with an OAuth 1.0a signature without token (RFC 5849, HMAC-SHA256), for the query string.

    `params` hold nonce and timestamp. The body of a request is not signed: WooCommerce takes JSON, which OAuth leaves
    out.
    """
    given = {**params, "oauth_consumer_key": key, "oauth_signature_method": "HMAC-SHA256"}
    pairs = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(given.items()))
    base = "&".join((method, _encoded(url), _encoded(pairs)))
    signature = b64encode(hmac.digest(f"{_encoded(secret)}&".encode(), base.encode(), "sha256")).decode()
    return {**given, "oauth_signature": signature}


@contextmanager
def answers_of_the_shop() -> Iterator[None]:
    """Guard the reading of answers: what has not the documented shape is an error of the shop's, not of ours.

    Raises:
        FatalError: an answer lacks a field, or has another kind of value in it.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, ArithmeticError) as error:
        problem = f"{type(error).__name__} {error!s:.100}"
        raise FatalError(f"WooCommerce's answer has not the documented shape: {problem}.") from error


def _read(answer: HttpResponse) -> Any:
    try:
        return answer.json()
    except InputError as error:
        if answer.status in _MISSING:
            raise ConfigError(_NOT_HERE) from None
        raise RetriableError(f"The shop's answer cannot be read: {error!s:.200}") from None


def _refused(found: Any, status: int) -> None:
    """Return None where the thing is missing.

    Raises:
        ConfigError: the whole API is.
        FatalError: something else was wrong.
    """
    said = found if isinstance(found, dict) else {"message": found}
    code = str(said.get("code", ""))
    if code == "rest_no_route":
        raise ConfigError(_NOT_HERE)
    if status not in _MISSING and not code.endswith("_invalid_id"):  # what is to be changed is missed with a 400
        raise FatalError(f"WooCommerce refused it: {said.get('message', '')!s:.200} ({code:.80})")


def _encoded(text: str) -> str:
    return quote(text, safe="~")
