"""A connection ready to be asked: its connector behind the guard, its settings read, its client pinned."""

from dataclasses import dataclass, replace
from datetime import datetime

from engine.connections.queries import ConnectionView
from engine.connections.service import settings_of_connection
from engine.kernel.crypto import Keyring
from engine.plugin_api import (
    Capability,
    CodeView,
    CommerceEvent,
    ConnectionReport,
    Connector,
    HttpClient,
    PluginSettings,
    PulledPage,
    ShopCode,
    Subscription,
    Webhook,
    WebhookRequest,
)
from engine.plugin_host.answers import ask_parse
from engine.plugin_host.code_answers import ask_find_code, ask_push_code, ask_revoke_code
from engine.plugin_host.guard import Breaker, Registered
from engine.plugin_host.http import HttpPool
from engine.plugin_host.registry import PluginHost
from engine.plugin_host.shop_answers import (
    ask_check,
    ask_complete,
    ask_origins,
    ask_pull,
    ask_subscribe,
    ask_subscriptions,
    ask_verify,
)


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """One connection. Nothing here may be called while a unit is open, but `parse` and `verify`."""

    view: ConnectionView
    connector: Registered[Connector]
    settings: PluginSettings
    pool: HttpPool

    def can(self, capability: Capability) -> bool:
        """Tell whether its connector declares `capability`."""
        return capability in self.connector.value.capabilities

    def with_breaker(self, breaker: Breaker) -> "OpenConnection":
        """Return the same connection whose failures are counted by themselves, not with the connector's others."""
        return replace(self, connector=replace(self.connector, breaker=breaker))

    def client(self) -> HttpClient:
        """Return the client that may talk to this shop and to nobody else.

        Raises:
            InputError: the connector does not talk to its shop.
            ConfigError: its settings name an origin that is refused.
        """
        return self.pool.client(ask_origins(self.connector, settings=self.settings))

    def verify(self, request: WebhookRequest) -> Webhook:
        """Return the webhook that `request` is; raises as `ask_verify`."""
        return ask_verify(self.connector, request, settings=self.settings)

    def parse(self, body: bytes, *, topic: str) -> tuple[CommerceEvent, ...]:
        """Return the events in `body`; raises as `ask_parse`."""
        return ask_parse(self.connector, body, topic=topic, settings=self.settings)

    def complete(self, body: bytes, *, topic: str) -> bytes:
        """Return the body that can be read alone: asked of the shop where the connector needs that.

        Raises as `ask_complete`.
        """
        if not self.can(Capability.COMPLETION):
            return body
        return ask_complete(self.connector, body, topic=topic, settings=self.settings, http=self.client())

    def check(self) -> ConnectionReport:
        """Return what a connection check finds; raises as `ask_check`."""
        return ask_check(self.connector, settings=self.settings, http=self.client())

    def subscriptions(self, base_url: str) -> tuple[Subscription, ...]:
        """Return what its shop sends to our address, and what not; raises as `ask_subscriptions`."""
        address = self.address(base_url)
        return ask_subscriptions(self.connector, address=address, settings=self.settings, http=self.client())

    def subscribe(self, base_url: str) -> None:
        """Make its shop send its webhooks to our address; raises as `ask_subscribe`."""
        ask_subscribe(self.connector, address=self.address(base_url), settings=self.settings, http=self.client())

    def pull(self, *, since: datetime, until: datetime, cursor: str | None) -> PulledPage:
        """Return a page of what changed in its shop; raises as `ask_pull`."""
        return ask_pull(
            self.connector, since=since, until=until, cursor=cursor, settings=self.settings, http=self.client()
        )

    def find_code(self, code: str) -> ShopCode | None:
        """Return what its shop has under `code`; raises as `ask_find_code`."""
        return ask_find_code(self.connector, code, settings=self.settings, http=self.client())

    def push_code(self, code: CodeView) -> str:
        """Put `code` into its shop and return the shop's reference; raises as `ask_push_code`."""
        return ask_push_code(self.connector, code, settings=self.settings, http=self.client())

    def revoke_code(self, reference: str) -> None:
        """Make its shop no longer take the code behind `reference`; raises as `ask_revoke_code`."""
        ask_revoke_code(self.connector, reference, settings=self.settings, http=self.client())

    def address(self, base_url: str) -> str:
        """Return the address to which its shop sends webhooks."""
        return f"{base_url.rstrip('/')}{self.view.hook_path}"


@dataclass(frozen=True, slots=True)
class Shops:
    """Opens connections. Make one per process."""

    host: PluginHost
    keyring: Keyring
    pool: HttpPool

    def open(self, view: ConnectionView) -> OpenConnection:
        """Return the connection, ready to be asked.

        Raises:
            UnknownPluginNounError: no active plugin registers its connector.
            PluginSettingsError: what is stored no longer fits the plugin's model.
            UnreadableSecretError: it was stored with another secret key.
        """
        settings = settings_of_connection(view, host=self.host, keyring=self.keyring)
        return OpenConnection(view, self.host.connector(view.connector), settings, self.pool)
