"""Stripe's REST API by its library: parameters in, plain objects out, of one pinned version of the API."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from engine.plugin_api import FatalError, HttpClient, InputError
from plugins.stripe_payments.settings import StripeSettings

_MOST_PAGES: Final = 50
_PER_PAGE: Final = 100

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StripeApi:
    """Asks the API in the name of one account."""

    settings: StripeSettings
    http: HttpClient

    def get(self, path: str, params: Mapping[str, object] | None = None) -> Found:
        """Return the object at `path`.

        Raises:
            FatalError: there is none.
            ConfigError, RetriableError, FatalError: as `library.ask`.
        """
        found = self.maybe(path, params)
        if found is None:
            raise FatalError(f"Stripe has nothing at {path[:200]}.")
        return found

    def maybe(self, path: str, params: Mapping[str, object] | None = None) -> Found | None:
        """Return the object at `path`, or None where there is none.

        Raises:
            ConfigError, RetriableError, FatalError: as `library.ask`.
        """
        return self._ask("get", path, params=params)

    def post(self, path: str, params: Mapping[str, object], *, key: str | None = None) -> Found | None:
        """Write at `path` and return the object, or None where there is none. `key` is an idempotency key.

        For a day Stripe answers a key again as it did at first and does nothing: what is switched to and fro, and
        what was looked for just before, goes without.

        Raises:
            ConfigError, RetriableError, FatalError: as `library.ask`.
        """
        return self._ask("post", path, params=params, key=key)

    def page(self, path: str, params: Mapping[str, object]) -> tuple[list[Found], bool]:
        """Return one page of a list and whether there are more.

        Raises:
            FatalError: it is no list: nothing would look like an account without orders.
            ConfigError, RetriableError, FatalError: as `library.ask`.
        """
        found = self.get(path, params)
        listed = found.get("data")
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise FatalError(f"Stripe's answer at {path[:200]} is no list.")
        return listed, found.get("has_more") is True and bool(listed)

    def listed(
        self, path: str, params: Mapping[str, object] | None = None, *, after: str | None = None
    ) -> Iterator[Found]:
        """Yield everything in a list, page by page, behind the thing with the id `after`.

        Raises:
            FatalError: the list has no end within 5,000 things.
            ConfigError, RetriableError: as `page`.
        """
        for _ in range(_MOST_PAGES):
            more = {"starting_after": after} if after else {}
            found, goes_on = self.page(path, {**(params or {}), "limit": _PER_PAGE, **more})
            yield from found
            if not goes_on:
                return
            after = str(found[-1]["id"])
        raise FatalError(f"Stripe lists more than {_MOST_PAGES * _PER_PAGE} things at {path[:200]}.")

    def _ask(
        self, method: str, path: str, *, params: Mapping[str, object] | None, key: str | None = None
    ) -> Found | None:
        # Loading the library takes a quarter of a second and 22 MB: only those who ask Stripe pay for it.
        from plugins.stripe_payments.library import ask  # noqa: PLC0415

        found = ask(method, path, params=params or {}, settings=self.settings, http=self.http, key=key)
        if found is not None and not isinstance(found, dict):
            raise FatalError(f"Stripe's answer at {path[:200]} is no object.")
        return found


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
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, ArithmeticError, RecursionError) as error:
        problem = f"{type(error).__name__} {error!s:.100}"
        raise FatalError(f"Stripe's answer has not the documented shape: {problem}.") from error
