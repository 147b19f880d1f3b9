"""The fake shop through a connector that tells nothing of what it pulls: all there is to know stands in the bodies.

An order for `unreadable` goods cannot be read, and one for `breaking` goods breaks it.
"""

from dataclasses import replace
from datetime import datetime

from engine.plugin_api import (
    CommerceEvent,
    Connector,
    HttpClient,
    InputError,
    PluginManifest,
    PluginSettings,
    PulledPage,
    hookimpl,
)
from engine.testing.fakes.shop_connector import FakeShopConnector
from engine.testing.fakes.shop_settings import FakeShopSettings


class MuteShop(FakeShopConnector):
    """Pulls deliveries without events."""

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        if b"unreadable" in body:
            raise InputError("It says nothing.", field="sku")
        if b"breaking" in body:
            raise ZeroDivisionError
        return super().parse(body, topic=topic, settings=settings)

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        told = FakeShopConnector().pull(since=since, until=until, cursor=cursor, settings=settings, http=http)
        return replace(told, deliveries=tuple(replace(each, events=()) for each in told.deliveries))


@hookimpl
def manifest() -> PluginManifest:
    return PluginManifest(name="fake_shop", version="1", title="Mute shop", summary="For tests.")


@hookimpl
def settings_model() -> type[PluginSettings]:
    return FakeShopSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    return (MuteShop(),)
