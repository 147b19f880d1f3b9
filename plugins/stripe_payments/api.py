"""Stripe's REST API: forms in, JSON out, of one pinned version whatever the account's own is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from engine.plugin_api import FatalError, HttpClient, InputError, RetriableError
from plugins.stripe_payments.settings import StripeSettings

ORIGIN: Final = "https://api.stripe.com"
VERSION: Final = "2026-06-24.dahlia"
"""The version whose shapes are asked for; those of older ones are read as well."""

_MISSING: Final = 404
_REFUSALS: Final = (400, 402, 409, _MISSING)
_CONFLICT: Final = 409
_MOST_PAGES: Final = 50
_PER_PAGE: Final = 100

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StripeApi:
    """Asks the API in the name of one account."""

    settings: StripeSettings
    http: HttpClient

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Found:
        """Return the object at `path`.

        Raises:
            FatalError: there is none, or Stripe refuses the question, in its words.
            ConfigError, RetriableError: as `HttpClient.request`.
        """
        found = self.maybe(path, params)
        if found is None:
            raise FatalError(f"Stripe has nothing at {path[:200]}.")
        return found

    def maybe(self, path: str, params: Mapping[str, str] | None = None) -> Found | None:
        """Return the object at `path`, or None where there is none.

        Raises:
            FatalError: Stripe refuses the question, in its words.
            ConfigError, RetriableError: as `HttpClient.request`.
        """
        return self._ask("GET", path, params=params)

    def post(self, path: str, form: Mapping[str, str], *, key: str | None = None) -> Found | None:
        """Write at `path` and return the object, or None where there is none. `key` is an idempotency key.

        For a day Stripe answers a key again as it did at first and does nothing: what is switched to and fro, and
        what was looked for just before, goes without.

        Raises:
            FatalError: Stripe refuses it, in its words.
            ConfigError, RetriableError: as `HttpClient.request`.
        """
        return self._ask("POST", path, form=form, headers={"Idempotency-Key": key} if key else {})

    def page(self, path: str, params: Mapping[str, str]) -> tuple[list[Found], bool]:
        """Return one page of a list and whether there are more.

        Raises:
            FatalError: it is no list: nothing would look like an account without orders.
            ConfigError, RetriableError: as `HttpClient.request`.
        """
        found = self.get(path, params)
        listed = found.get("data")
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise FatalError(f"Stripe's answer at {path[:200]} is no list.")
        return listed, found.get("has_more") is True and bool(listed)

    def listed(
        self, path: str, params: Mapping[str, str] | None = None, *, after: str | None = None
    ) -> Iterator[Found]:
        """Yield everything in a list, page by page, behind the thing with the id `after`.

        Raises:
            FatalError: the list has no end within 5,000 things.
            ConfigError, RetriableError: as `page`.
        """
        for _ in range(_MOST_PAGES):
            more = {"starting_after": after} if after else {}
            found, goes_on = self.page(path, {**(params or {}), "limit": str(_PER_PAGE), **more})
            yield from found
            if not goes_on:
                return
            after = str(found[-1]["id"])
        raise FatalError(f"Stripe lists more than {_MOST_PAGES * _PER_PAGE} things at {path[:200]}.")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Found | None:
        signed = {"Authorization": f"Bearer {self.settings.api_key.get_secret_value()}", "Stripe-Version": VERSION}
        answer = self.http.request(
            method,
            f"{ORIGIN}/v1/{path}",
            params=params,
            form=form,
            headers={**signed, **(headers or {})},
            accept=_REFUSALS,
        )
        if answer.status == _MISSING:
            return None
        try:
            found = answer.json()
        except InputError as error:
            raise RetriableError(f"Stripe's answer cannot be read: {error!s:.200}") from None
        if answer.status >= 400:
            raise _refusal(answer.status, found)
        if not isinstance(found, dict):
            raise FatalError(f"Stripe's answer at {path[:200]} is no object.")
        return found


def expanded(*fields: str) -> dict[str, str]:
    """Return the parameters that ask for whole objects in place of their ids."""
    return numbered("expand", fields)


def numbered(name: str, values: Sequence[str]) -> dict[str, str]:
    """Return a list as Stripe's forms write it: `name[0]`, `name[1]`, and so on."""
    return {f"{name}[{number}]": value for number, value in enumerate(values)}


@contextmanager
def answers_of_stripe() -> Iterator[None]:
    """Guard the reading of answers: what has not the documented shape is an error of Stripe's, not of ours.

    Raises:
        FatalError: an answer lacks a field, or has another kind of value in it.
    """
    try:
        yield
    except InputError as error:
        raise FatalError(f"Stripe's answer cannot be used: {error!s:.200}") from error
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, ArithmeticError) as error:
        problem = f"{type(error).__name__} {error!s:.100}"
        raise FatalError(f"Stripe's answer has not the documented shape: {problem}.") from error


def _refusal(status: int, found: Any) -> FatalError | RetriableError:
    said = found.get("error") if isinstance(found, dict) else None
    words = said.get("message") if isinstance(said, dict) else None
    problem = f"Stripe refused it ({status}): {words or 'without a word'!s:.300}"
    return RetriableError(problem) if status == _CONFLICT else FatalError(problem)
