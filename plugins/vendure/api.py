"""One conversation with Vendure's Admin API: signed in at its beginning, GraphQL from then on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from engine.plugin_api import ConfigError, FatalError, HttpClient, InputError
from plugins.vendure.questions import SIGN_IN
from plugins.vendure.settings import VendureSettings


class AdminApi:
    """Asks one shop. Make one with `signed_in`; its token lives as long as it does."""

    def __init__(self, settings: VendureSettings, http: HttpClient, *, token: str | None = None) -> None:
        self.settings, self._http, self._token = settings, http, token

    @classmethod
    def signed_in(cls, settings: VendureSettings, http: HttpClient) -> Self:
        """Return a conversation in which we are the administrator of `settings`.

        Raises:
            ConfigError: the shop does not know the name or the password.
            RetriableError, FatalError: as `HttpClient.request`.
        """
        variables = {"username": settings.username, "password": settings.password.get_secret_value()}
        headers, data = _asked(http, settings, SIGN_IN, variables=variables, token=None)
        if data["login"].get("__typename") != "CurrentUser":
            raise ConfigError("Vendure does not let this administrator in. Check the name and the password.")
        token = headers.get("vendure-auth-token")
        if not token:
            raise ConfigError("Vendure gave no token. Set its authOptions.tokenMethod to include 'bearer'.")
        return cls(settings, http, token=token)

    def ask(self, question: str, **variables: Any) -> dict[str, Any]:
        """Return the data that answers `question`.

        Raises:
            ConfigError: the administrator may not do this.
            FatalError: the shop does not understand the question.
            RetriableError: it does not answer now.
        """
        return _asked(self._http, self.settings, question, variables=variables, token=self._token)[1]


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
        raise FatalError(f"Vendure's answer has not the documented shape: {problem}.") from error


def _asked(
    http: HttpClient, settings: VendureSettings, question: str, *, variables: Mapping[str, Any], token: str | None
) -> tuple[Mapping[str, str], dict[str, Any]]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if settings.channel:
        headers["vendure-token"] = settings.channel
    said = {"query": question, "variables": dict(variables)}
    answer = http.request("POST", settings.admin_api, headers=headers, json=said, accept=(400,))
    try:
        document = answer.json()
    except InputError as error:
        raise FatalError(f"Vendure's answer cannot be read: {error}") from None
    errors = document.get("errors") if isinstance(document, dict) else None
    if errors:
        raise _refusal(errors)
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise FatalError("Vendure answered with no data. Is this the address of its Admin API?")
    return answer.headers, data


def _refusal(errors: Any) -> ConfigError | FatalError:
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    said = str(first.get("message", "no reason given"))[:300]
    if code in {"FORBIDDEN", "UNAUTHENTICATED"}:
        return ConfigError(f"Vendure does not allow this administrator to do that: {said}")
    if code == "CHANNEL_NOT_FOUND":
        return ConfigError(f"Vendure has no such channel. Check the channel's token: {said}")
    return FatalError(f"Vendure refused: {said}")
