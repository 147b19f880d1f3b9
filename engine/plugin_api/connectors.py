"""Connectors: how orders get in from a shop, and promo codes out to it.

A connector is one object. What it can do it declares in `capabilities`, and each capability is a protocol below: the
host quarantines a plugin whose connector declares one without the methods, or has the methods without declaring it.
`settings` are always those of one connection (a shop account of a brand), validated. Methods that get `http` talk to
the shop through the host's client and are called with no transaction open; all others are pure: no session, no clock,
no network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Protocol, runtime_checkable

from engine.kernel.errors import RowProblem
from engine.plugin_api.events import CommerceEvent
from engine.plugin_api.http import HttpClient
from engine.plugin_api.settings import PluginSettings


class Capability(StrEnum):
    """What a connector can do; the protocol that says how stands behind each."""

    FILES = "files"
    """`FileConnector`"""
    WEBHOOKS = "webhooks"
    """`WebhookConnector`"""
    COMPLETION = "completion"
    """`CompletingConnector`"""
    PULL = "pull"
    """`PullConnector`"""
    CODES = "codes"
    """`CodeConnector`"""
    CODE_LINKS = "code_links"
    """`CodeLinkConnector`"""
    SUBSCRIPTIONS = "subscriptions"
    """`SubscribingConnector`"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One keyed piece of what a shop sent. The same key twice has the effect of once.

    `body` is what arrived, kept so that it can be read again; `topic` says what it is about, as the shop names it,
    where the body alone does not; `events` is what `parse` makes of both; `line` is where it began in a file.
    """

    key: str
    body: bytes
    events: tuple[CommerceEvent, ...]
    line: int | None = None
    topic: str = ""


@runtime_checkable
class Connector(Protocol):
    """Reads what one kind of shop sends."""

    name: str
    title: str
    capabilities: frozenset[Capability]

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the events in `body`, in its order; unknown topics and kinds give none. Pure and deterministic.

        Raises:
            InputError: the body cannot be read; it becomes a dead letter, its bytes are kept.
        """
        ...


@runtime_checkable
class FileConnector(Connector, Protocol):
    """A connector that also reads whole files, as `goodword import orders` hands them in."""

    def read_file(self, file: BinaryIO, *, name: str, settings: PluginSettings) -> Iterator[Delivery | RowProblem]:
        """Yield the file's deliveries and, where a row is wrong, its problem; one bad row never costs a good one.

        Memory must not grow with the file. Each delivery's `events` equal `parse(delivery.body)`.

        Raises:
            InputError: the file as a whole cannot be read: an undeclared column, no header, not text.
        """
        ...


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it came. Names of `headers` are lower-case; `body` is raw; `received_at` is aware UTC."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class WebhookKind(StrEnum):
    """What a verified webhook is: to be read, a greeting, of a topic without use here, or the shop's last word.

    After a GOODBYE a shop sends and answers nothing until somebody connects it again.
    """

    EVENT = "event"
    PING = "ping"
    IGNORED = "ignored"
    GOODBYE = "goodbye"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that is known to be the shop's: the key under which it counts once, and its topic.

    `key` is 1 to 300 printable characters; take a hash of the body into it where the shop's own id may repeat.
    `matters` is a sentence of up to 600 printable characters about what staff must see to, such as a customer who asks
    to be forgotten: an alarm of the connection until somebody ends it, or for a GOODBYE until the shop is back. Only
    the sentence is kept of what is not an EVENT, so let it name what is needed, and no more. A PING has none.
    """

    key: str
    topic: str
    kind: WebhookKind = WebhookKind.EVENT
    matters: str = ""


@runtime_checkable
class WebhookConnector(Connector, Protocol):
    """A connector whose shop sends webhooks. Where the connector is registered, they go to /hooks/NAME/ACCOUNT."""

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook that `request` is. Over the raw bytes, in constant time, before anything is parsed.

        During a rotation of secrets all live ones in `settings` count. Shops that greet a new address without a
        signature are answered by a `Webhook` of kind PING.

        Raises:
            SignatureError: nothing shows that the shop sent it: no signature, a wrong one, or one too old.
        """
        ...


@runtime_checkable
class OnlineConnector(Connector, Protocol):
    """A connector that talks to its shop. Every capability with `http` needs this one too."""

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        """Return the origins that `http` may talk to, such as `https://acme.example`."""
        ...

    def check(self, *, settings: PluginSettings, http: HttpClient) -> "ConnectionReport":
        """Say whether the shop lets us in and what it lets us do. One or two calls that change nothing.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a connection check found: the shop's own name, and a sentence for everything that will not work."""

    shop: str
    problems: tuple[str, ...] = ()


@runtime_checkable
class CompletingConnector(OnlineConnector, Protocol):
    """A connector whose webhooks only point at things, so that something must be fetched before they can be read."""

    def complete(self, body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient) -> bytes:
        """Return the body that `parse` can read alone. Called after the webhook was acknowledged; may be repeated.

        What comes back is stored as the delivery's body in place of the webhook's. A webhook that needs nothing comes
        back as it is.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
            InputError: the body cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class PulledPage:
    """A page of what changed. `cursor` asks for the next one; None at the end.

    `reached` says that everything changed before that instant has been told, where pages come in the order of change: a
    run that has to stop can go on from there.
    """

    deliveries: tuple[Delivery, ...]
    cursor: str | None
    reached: datetime | None = None


@runtime_checkable
class PullConnector(OnlineConnector, Protocol):
    """A connector that can ask its shop what changed: how lost webhooks are found."""

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        """Return a page of the orders changed from `since` until `until` (aware UTC), with their refunds.

        A cursor None asks for the first page. The same arguments give the same page while the shop stands still; each
        delivery's key changes whenever the thing does, and its `events` equal `parse(body, topic)` and say the same as
        the webhook about that state did.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        ...


@dataclass(frozen=True, slots=True)
class CodeView:
    """A promo code to be put into the shop, with what it gives the customer.

    Either `percent_bps` (basis points off the order) or `amount_minor` (minor units per currency) is given. `key` is
    ours and never changes: send it along where the shop takes an idempotency key or a note.
    """

    key: str
    code: str
    title: str
    percent_bps: int | None
    amount_minor: Mapping[str, int] | None
    starts_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShopCode:
    """A discount code as the shop has it. `reference` is the shop's own id; amounts as in `CodeView`, None: others."""

    reference: str
    code: str
    active: bool
    percent_bps: int | None = None
    amount_minor: Mapping[str, int] | None = None
    expires_at: datetime | None = None


@runtime_checkable
class CodeConnector(OnlineConnector, Protocol):
    """A connector that can put promo codes into its shop."""

    def find_code(self, code: str, *, settings: PluginSettings, http: HttpClient) -> ShopCode | None:
        """Return what the shop has under `code`, in whatever case, or None.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        ...

    def push_code(self, code: CodeView, *, settings: PluginSettings, http: HttpClient) -> str:
        """Make the shop give `code` its discount and return the shop's reference. Twice has the effect of once.

        A code of that name that is there already is brought to what `code` says and its reference returned.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`; FatalError also where this shop cannot
                give such a discount.
        """
        ...

    def revoke_code(self, reference: str, *, settings: PluginSettings, http: HttpClient) -> None:
        """Make the shop no longer take the code behind `reference`; quiet where it is gone.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        ...


@runtime_checkable
class CodeLinkConnector(Connector, Protocol):
    """A connector whose shop applies a promo code by itself when the customer comes through a certain address.

    A storefront that reads the code from the query needs `CodeParameter` in the settings and `address_with` only.
    """

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str | None:
        """Return the address that applies `code` and then shows `destination`, on the same host as `destination`.

        `destination` is plain ASCII. None where this shop, or that page of it, knows no such address.
        """
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic that the shop sends, or would send, to an address of ours."""

    topic: str
    enabled: bool


@runtime_checkable
class SubscribingConnector(OnlineConnector, Protocol):
    """A connector that can see and set which webhooks its shop sends."""

    def subscriptions(self, *, address: str, settings: PluginSettings, http: HttpClient) -> tuple[Subscription, ...]:
        """Return every topic that the connector wants sent to `address`, and whether the shop does send it now.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        ...

    def subscribe(self, *, address: str, settings: PluginSettings, http: HttpClient) -> None:
        """Make the shop send every wanted topic to `address`, also those that it had switched off; harmless to repeat.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        ...
