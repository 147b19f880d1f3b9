"""How a shop sends webhooks, as bad as the real ones do: retries or none, duplicates, losses, delays, switching off."""

import hashlib
import hmac
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from engine.kernel.clock import VirtualClock


@dataclass(frozen=True, slots=True)
class Sending:
    """What a shop does about failures.

    `retries` are the delays before each further try of one webhook, always with the original bytes. After `patience`
    failed tries in a row a subscription is switched `off`. An answer is a success where its status is in `welcome`.
    """

    retries: tuple[timedelta, ...] = ()
    patience: int | None = None
    off: Literal["disabled", "removed"] = "disabled"
    welcome: range = range(200, 300)


_HALF_AN_HOUR: Final = timedelta(minutes=30)
RELIABLE: Final = Sending(retries=(timedelta(minutes=1),) * 100)
SHOPIFY_LIKE: Final = Sending(retries=(_HALF_AN_HOUR,) * 8, patience=9, off="removed")
"""Eight retries in four hours; when the last fails as well, the subscription is gone."""
WOOCOMMERCE_LIKE: Final = Sending(patience=7, off="disabled", welcome=range(200, 303))
"""No retry at all; once more than six in a row failed, the webhook is disabled, and nobody is told. A redirect is fine.

`class-wc-webhook.php` counts to six and disables on the next failure, though its documentation says five.
"""
STRIPE_LIKE: Final = Sending(retries=tuple(timedelta(minutes=4 << number) for number in range(10)))
"""Retries for almost three days, each after twice as long as the one before; the real intervals are not documented."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to webhooks on their way, in percent of them; `late` is the longest delay. Drawn from the seed."""

    lost: int = 0
    twice: int = 0
    late: timedelta = timedelta(0)
    shuffled: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """One try to deliver a webhook. Names of `headers` are lower-case."""

    address: str
    topic: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


Receiver = Callable[[Post], int]
"""Takes a webhook and gives the status of its answer; what it raises counts as no answer."""


@dataclass(slots=True)
class Subscribed:
    """An address to which a topic goes."""

    address: str
    topic: str
    enabled: bool = True
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    address: str
    topic: str
    delivery_id: str
    body: bytes
    due: datetime
    tries: int = 0


@dataclass(slots=True)
class PostOffice:
    """Subscriptions, and what waits to be sent to them."""

    clock: VirtualClock
    secret: str
    sending: Sending
    faults: Faults
    dice: random.Random
    subscriptions: list[Subscribed] = field(default_factory=list)
    _waiting: list[_Waiting] = field(default_factory=list)
    _numbered: int = 0

    def subscribe(self, address: str, topics: tuple[str, ...]) -> None:
        """Send `topics` to `address` from now on, also where they were switched off."""
        self.subscriptions = [one for one in self.subscriptions if one.address != address or one.topic not in topics]
        self.subscriptions += [Subscribed(address, topic) for topic in topics]

    def enqueue(self, topic: str, body: bytes) -> None:
        """Let everybody who subscribed to `topic` have `body`, as far as the faults let it through."""
        for one in self.subscriptions:
            if not one.enabled or one.topic != topic:
                continue
            self._numbered += 1
            waiting = _Waiting(self._numbered, one.address, topic, f"d-{self._numbered}", body, self._due())
            if self._happens(self.faults.lost):
                continue
            self._waiting.append(waiting)
            if self._happens(self.faults.twice):
                self._waiting.append(replace(waiting, due=self._due()))

    def next_due(self) -> datetime | None:
        """Return when the next webhook goes out, None when none waits."""
        return min((one.due for one in self._waiting), default=None)

    def deliver(self, receiver: Receiver) -> int:
        """Send what is due now; return how many tries that took."""
        now = self.clock.now()
        due = sorted((one for one in self._waiting if one.due <= now), key=lambda one: (one.due, one.number))
        if self.faults.shuffled:
            self.dice.shuffle(due)
        self._waiting = [one for one in self._waiting if one.due > now]
        return sum(self._try(one, receiver) for one in due)

    def post(self, address: str, *, topic: str, delivery_id: str, body: bytes) -> Post:
        """Return a webhook, signed now."""
        at = self.clock.now()
        headers = signed_headers(body, topic=topic, delivery_id=delivery_id, at=at, secret=self.secret)
        return Post(address, topic, headers, body, at)

    def _try(self, waiting: _Waiting, receiver: Receiver) -> bool:
        subscribed = self._subscribed(waiting)
        if subscribed is None or not subscribed.enabled:
            return False
        post = self.post(waiting.address, topic=waiting.topic, delivery_id=waiting.delivery_id, body=waiting.body)
        try:
            arrived = receiver(post) in self.sending.welcome
        except Exception:  # noqa: BLE001 - to the shop it is a timeout, whatever went wrong behind it
            arrived = False
        if arrived:
            subscribed.failures = 0
        else:
            self._failed(waiting, subscribed)
        return True

    def _failed(self, waiting: _Waiting, subscribed: Subscribed) -> None:
        subscribed.failures += 1
        if waiting.tries < len(self.sending.retries):
            due = self.clock.now() + self.sending.retries[waiting.tries]
            self._waiting.append(replace(waiting, due=due, tries=waiting.tries + 1))
        if self.sending.patience is not None and subscribed.failures >= self.sending.patience:
            subscribed.enabled = False
            if self.sending.off == "removed":
                self.subscriptions.remove(subscribed)

    def _subscribed(self, waiting: _Waiting) -> Subscribed | None:
        mine = (one for one in self.subscriptions if (one.address, one.topic) == (waiting.address, waiting.topic))
        return next(mine, None)

    def _due(self) -> datetime:
        longest = int(self.faults.late.total_seconds())
        return self.clock.now() + timedelta(seconds=self.dice.randint(0, longest) if longest else 0)

    def _happens(self, percent: int) -> bool:
        return self.dice.randrange(100) < percent


def signed_headers(body: bytes, *, topic: str, delivery_id: str, at: datetime, secret: str) -> dict[str, str]:
    """Return the headers under which the shop sends `body`; the signature covers id, time, topic and body."""
    time = str(int(at.timestamp()))
    signed = b".".join([delivery_id.encode(), time.encode(), topic.encode(), body])
    return {
        "content-type": "application/json",
        "x-shop-topic": topic,
        "x-shop-delivery": delivery_id,
        "x-shop-time": time,
        "x-shop-signature": hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest(),
    }
