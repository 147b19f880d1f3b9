"""Medusa's Admin API, asked with a secret API key."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engine.plugin_api import ConfigError, FatalError, HttpClient, InputError
from plugins.medusa.settings import MedusaSettings


@dataclass(frozen=True, slots=True)
class AdminApi:
    """Asks the Admin API of one shop."""

    settings: MedusaSettings
    http: HttpClient

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return what stands at `path`, a list or a thing that is always there.

        Raises:
            ConfigError: the key does not open, or there is no Admin API at this address.
            RetriableError, FatalError: as `HttpClient.request`.
        """
        found = self.maybe("GET", path, params=params)
        if found is None:
            raise ConfigError(
                "There is no Medusa Admin API at this address. Write the server's address without /admin."
            )
        return found

    def maybe(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Return the object that answers, or None where there is no such thing.

        Raises:
            ConfigError: the key does not open.
            FatalError: the shop refuses what was asked, in its words.
            RetriableError: it does not answer now.
        """
        key = self.settings.api_key.get_secret_value()
        answer = self.http.request(
            method,
            f"{self.settings.url}/admin/{path}",
            params=params,
            headers={"authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"},
            json=json,
            accept=(400, 404),
        )
        if answer.status == 404:
            return None
        try:
            found = answer.json()
        except InputError as error:
            raise FatalError(f"Medusa's answer cannot be read: {error}") from None
        if not isinstance(found, dict):
            raise FatalError("Medusa answered with something that is no object. Is this the address of the server?")
        if answer.status == 400:
            raise FatalError(f"Medusa refused: {str(found.get('message', 'no reason given'))[:300]}")
        return found


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
        raise FatalError(f"Medusa's answer has not the documented shape: {problem}.") from error
