"""Stripe's own library, which writes the requests and tells refusals apart, and reaches Stripe by the host's client.

What it would do besides is off: retries (ours wait in the queue), reports about this machine, warnings of its own. Its
objects are not made: they take ten times as long as the JSON that they are made of, which is read strictly here.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import stripe

from engine.plugin_api import FatalError, HttpClient, InputError, RetriableError, read_json
from plugins.stripe_payments.settings import ORIGIN, VERSION, StripeSettings

_MISSING: Final = 404
_CONFLICT: Final = 409
_REFUSALS: Final = (400, 402, _CONFLICT, _MISSING)
_SENT: Final = ("Authorization", "Stripe-Version", "Idempotency-Key")


def ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, object],
    settings: StripeSettings,
    http: HttpClient,
    key: str | None = None,
) -> Any:
    """Return what Stripe answers as JSON with exact decimals, or None where there is no such thing.

    `params` may be nested. `key` is an idempotency key; without one the library draws one for each request that writes.

    Raises:
        FatalError: Stripe refuses it, in its words.
        RetriableError: something else at the account is being changed, or the answer cannot be read.
        ConfigError, RetriableError, FatalError: as `HttpClient.request`.
    """
    stripe.enable_telemetry = False  # it would keep a file of its own in the home folder, and count how long calls take
    client = stripe.StripeClient(
        settings.api_key.get_secret_value(),
        stripe_version=VERSION,
        base_addresses={"api": ORIGIN},
        max_network_retries=0,
        http_client=_ByTheHost(http),
    )
    try:
        answer = client.raw_request(method, f"/v1/{path}", **params, idempotency_key=key)
        return read_json(answer.body.encode())
    except stripe.StripeError as error:
        if isinstance(error, stripe.InvalidRequestError) and error.http_status == _MISSING:
            return None
        raise _meaning(error) from None
    except InputError as error:
        raise RetriableError(f"Stripe's answer cannot be read: {error!s:.200}") from None


class _ByTheHost(stripe.HTTPClient):
    """Sends the library's requests by the host's client, which pins, bounds and classes them."""

    name = "goodword"

    def __init__(self, http: HttpClient) -> None:
        super().__init__()
        self._http = http

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Return body, status and headers of the answer.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        answer = self._http.request(
            method.upper(),
            url,
            headers={name: value for name, value in (headers or {}).items() if name in _SENT},
            form=None if post_data is None else dict(parse_qsl(post_data, keep_blank_values=True)),
            accept=_REFUSALS,
        )
        return answer.body.decode("utf-8", "replace"), answer.status, answer.headers


def _meaning(error: stripe.StripeError) -> FatalError | RetriableError:
    """Return what a refusal means to the host; an answer of 200 that is no JSON was none of Stripe's."""
    status = error.http_status or 0
    problem = f"Stripe refused it ({status}): {error.user_message or 'without a word'!s:.300}"
    passes = status < 400 or status == _CONFLICT or isinstance(error, stripe.RateLimitError)
    return RetriableError(problem) if passes else FatalError(problem)
