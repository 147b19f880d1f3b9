"""The Admin API: one question in, its data out, and what its errors mean for us.

Shopify answers most failures with 200 and a list of errors; each is put into the class that says what happens next.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from engine.plugin_api import ConfigError, FatalError, HttpClient, HttpResponse, InputError, RetriableError
from plugins.shopify.settings import ShopifySettings
from plugins.shopify.tokens import Tokens

_SHUT: Final = (402, 423)
"""The shop owes Shopify money, or was locked: nothing works until somebody has looked."""

_LONGEST_WAIT_S: Final = 60

_SPARED: Final = frozenset({"email", "customer", "product"})
"""What an order can do without, where Shopify keeps it from an app: personal data, and what a scope is missing for."""


class TooCostlyError(FatalError):
    """One question asked for more than Shopify answers at once; a smaller one may pass."""


@dataclass(frozen=True, slots=True)
class AdminApi:
    """Asks the Admin API of one shop."""

    settings: ShopifySettings
    http: HttpClient
    tokens: Tokens

    def ask(self, question: str, variables: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Return the data that answers `question`. Customer and product are None where the app may not see them.

        Raises:
            ConfigError: the app gets in no more, lacks an access scope, or the shop is shut.
            RetriableError: asked too much too fast, with the delay until enough is restored; or Shopify failed.
            TooCostlyError: the question alone is too large.
            FatalError: Shopify does not understand the question.
        """
        return self.ask_openly(question, variables)[0]

    def ask_openly(
        self, question: str, variables: Mapping[str, Any] | None = None
    ) -> tuple[Mapping[str, Any], frozenset[str]]:
        """Return the data that answers `question`, and the fields that Shopify keeps from the app.

        Raises:
            ConfigError, RetriableError, FatalError: as `ask`.
        """
        answer = self._sent({"query": question, "variables": dict(variables or {})})
        if answer.status in _SHUT:
            raise ConfigError(f"{self.settings.shop} is shut by Shopify (status {answer.status}). Open it again.")
        try:
            document = answer.json()
        except InputError as error:
            raise RetriableError(f"Shopify's answer cannot be read: {error}") from None
        if not isinstance(document, dict):
            raise RetriableError("Shopify's answer is no object.")
        data, errors = document.get("data"), document.get("errors")
        kept_back = _kept_back(errors) if isinstance(data, dict) else None
        if errors and kept_back is None:
            _give_up(errors, document)
        if not isinstance(data, dict):
            raise RetriableError("Shopify's answer holds no data.")
        return data, kept_back or frozenset()

    def _sent(self, document: Mapping[str, Any]) -> HttpResponse:
        """Send a question; a kept token that no longer opens is asked for anew, once."""
        try:
            return self._posted(document)
        except ConfigError:
            if not self.tokens.forget(self.settings):
                raise
        return self._posted(document)

    def _posted(self, document: Mapping[str, Any]) -> HttpResponse:
        return self.http.request(
            "POST",
            f"{self.settings.origin}/admin/api/{self.settings.api_version}/graphql.json",
            headers={"x-shopify-access-token": self.tokens.of(self.settings, self.http)},
            json=document,
            accept=_SHUT,
        )


@contextmanager
def answers_of_shopify() -> Iterator[None]:
    """Guard the reading of answers: what has not the shape of the schema is an error of the shop's, not of ours.

    Raises:
        FatalError: an answer lacks a field, or has another kind of value in it.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, ArithmeticError) as error:
        problem = f"{type(error).__name__} {error!s:.100}"
        raise FatalError(f"Shopify's answer has not the shape of its schema: {problem}.") from error


def refuse_user_errors(payload: Mapping[str, Any] | None, *, doing: str) -> None:
    """Pass where a mutation was carried out.

    Raises:
        FatalError: Shopify refused it, with Shopify's own words.
    """
    errors = payload["userErrors"] if payload else [{"message": "nothing was answered"}]
    if errors:
        said = "; ".join(str(error.get("message", "")) for error in errors)
        raise FatalError(f"Shopify refused to {doing}: {said:.300}")


def _kept_back(errors: object) -> frozenset[str] | None:
    """Return the fields that Shopify keeps from the app where that is all that is wrong, else None."""
    listed = errors if isinstance(errors, list) else [errors] if errors else []
    fields = [_field(error) for error in listed]
    denied = all(_code(error) == "ACCESS_DENIED" for error in listed)
    return frozenset(fields) if denied and _SPARED.issuperset(fields) else None


def _field(error: object) -> str:
    path = error.get("path") if isinstance(error, dict) else None
    return str(path[-1]) if isinstance(path, list) and path else ""


def _give_up(errors: object, document: Mapping[str, Any]) -> NoReturn:
    listed = errors if isinstance(errors, list) else [{"message": errors}]
    codes = {_code(error) for error in listed}
    said = "; ".join(str(error.get("message", "")) for error in listed if isinstance(error, dict))[:300]
    if "THROTTLED" in codes or said == "Throttled":
        raise RetriableError("Shopify asks us to slow down.", retry_after_s=_wait(document))
    if "MAX_COST_EXCEEDED" in codes:
        raise TooCostlyError(f"Shopify finds the question too large: {said}")
    if "ACCESS_DENIED" in codes:
        raise ConfigError(f"Shopify does not let the app see this: {said}. Grant the access scope and install anew.")
    if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT"}:
        raise RetriableError(f"Shopify failed: {said}")
    raise FatalError(f"Shopify does not understand the question: {said}")


def _code(error: object) -> str:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    return str(extensions.get("code", "")) if isinstance(extensions, dict) else ""


def _wait(document: Mapping[str, Any]) -> int:
    """Return the seconds after which enough points are restored for what was asked."""
    try:
        cost = document["extensions"]["cost"]
        status = cost["throttleStatus"]
        missing = int(cost["requestedQueryCost"]) - int(status["currentlyAvailable"])
        return min(_LONGEST_WAIT_S, max(1, -(-missing // int(status["restoreRate"]))))
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 2
