"""Hostile connectors: the good one with one thing wrong, each made to break one promise."""

import json
import socket
import sys
import threading
import time
from dataclasses import replace
from itertools import cycle
from types import ModuleType
from typing import Any

from pydantic import BaseModel, SecretStr

from engine.plugin_api import (
    Capability,
    Delivery,
    FatalError,
    InputError,
    RetriableError,
    SignatureError,
    Webhook,
    hookimpl,
)
from engine.testing.connectors import Sample
from engine.testing.fakes import shop_plugin
from engine.testing.fakes.shop_asking import send
from engine.testing.fakes.shop_connector import FakeShopConnector
from engine.testing.fakes.shop_settings import FakeShopSettings
from plugins.csv_orders.connector import CsvOrders
from tests.engine.testing import test_fake_shop_conformance as fake_shop
from tests.plugins import test_csv_orders_conformance as csv_file

PLAIN = "plain-as-day"
SETTINGS: dict[str, Any] = {
    "token": SecretStr(fake_shop.TOKEN),
    "signing_secrets": (SecretStr(fake_shop.SECRET), SecretStr(fake_shop.OLDER)),
}
TOPICS = ("order.updated", "order.updated", "order.paid")


class Completing(FakeShopConnector):
    """The good connector, for a shop whose webhooks carry ids only."""

    capabilities = FakeShopConnector.capabilities | {Capability.COMPLETION}

    def complete(self, body, *, topic, settings, http):
        try:
            order_id = json.loads(body)["id"]
        except (ValueError, KeyError, TypeError):
            raise InputError("It points at nothing.") from None
        return send(http, f"GET /orders/{order_id}", settings=settings).body


class Good(fake_shop.TestFakeShop):
    """The ground case: everything but files."""

    __test__ = False
    connector = Completing()
    samples = tuple(
        Sample(sample.body, topic)
        for sample, topic in zip(
            fake_shop.TestFakeShop.samples, ("order.updated", "order.updated", "order.paid"), strict=True
        )
    )
    pointers = (Sample(b'{"id": "1001"}', "order.updated"),)
    patience_s = 2.0


class GoodFile(csv_file.TestCsvOrders):
    """The ground case with files."""

    __test__ = False


def plugin(**hooks):
    """The good plugin with some hooks replaced."""
    module = ModuleType("hostile")
    for name, hook in (vars(shop_plugin) | hooks).items():
        setattr(module, name, hook)
    return module


def case(connector=None, *, of=Good, **more):
    return type("Case", (of,), {"connector": connector or of.connector, "__test__": False, **more})


def misspelt_hook():
    @hookimpl
    def conectors():
        return ()

    return case(plugin=plugin(conectors=conectors))


def hides_a_capability():
    class Hostile(Completing):
        capabilities = Completing.capabilities - {Capability.SUBSCRIPTIONS}

    return case(Hostile())


def takes_unknown_settings():
    class Inner(BaseModel, extra="allow"):
        colour: str = "red"

    class Loose(FakeShopSettings):
        inner: Inner = Inner()

    settings = Loose(**SETTINGS)
    return case(settings=settings, plugin=plugin(settings_model=hookimpl(lambda: Loose)))


def keeps_a_secret_as_text():
    class Plain(FakeShopSettings):
        webhook_secret: str = PLAIN

    settings = Plain(
        token=SecretStr(fake_shop.TOKEN), signing_secrets=(SecretStr(fake_shop.SECRET), SecretStr(fake_shop.OLDER))
    )
    return case(settings=settings, plugin=plugin(settings_model=hookimpl(lambda: Plain)))


def shows_a_secret():
    class Shown(FakeShopSettings):
        def __repr__(self):
            return f"Shown({self.token.get_secret_value()})"

    settings = Shown(
        token=SecretStr(fake_shop.TOKEN), signing_secrets=(SecretStr(fake_shop.SECRET), SecretStr(fake_shop.OLDER))
    )
    return case(settings=settings, plugin=plugin(settings_model=hookimpl(lambda: Shown)))


def changed(make):
    """A connector whose events `make` changes on the way out."""

    class Hostile(Completing):
        def parse(self, body, *, topic, settings):
            return tuple(make(event) for event in super().parse(body, topic=topic, settings=settings))

    return case(Hostile())


def of_kind(kind, **fields):
    """Change fields of events of a kind; a field is a function of the event."""
    return changed(
        lambda event: (
            replace(event, **{name: make(event) for name, make in fields.items()}) if isinstance(event, kind) else event
        )
    )


def before_parsing(act):
    class Hostile(Completing):
        last = b""
        nothing = ()

        def parse(self, body, *, topic, settings):
            found = act(self, body, topic, settings)
            return super().parse(body, topic=topic, settings=settings) if found is None else found

    return case(Hostile())


def remembers_the_last_body():
    def act(self, body, topic, settings):
        same, self.last = body == self.last, body
        return self.nothing if same and topic == "order.paid" else None

    return before_parsing(act)


def changes_the_settings():
    def act(self, body, topic, settings):
        object.__setattr__(settings, "address", settings.address + "/")

    settings = FakeShopSettings(**SETTINGS)
    return case(before_parsing(act).connector, settings=settings)


def looks_up_a_name():
    return before_parsing(lambda *_: socket.getaddrinfo("127.0.0.1", 80) and None)


def looks_up_a_name_and_hides_it():
    def act(*_):
        try:
            socket.getaddrinfo("127.0.0.1", 80)
        except PermissionError:
            return

    return before_parsing(act)


def leave_a_thread(release):
    threading.Thread(target=release.wait, args=(30,), name="left behind", daemon=True).start()


def leaves_a_thread(release):
    def act(_self, _body, topic, _settings):
        if topic == "order.paid":
            leave_a_thread(release)

    return before_parsing(act)


def breaks_on(body, error):
    def act(_self, given, _topic, _settings):
        if given == body:
            raise error

    return before_parsing(act)


def hangs_on(body):
    hostile = before_parsing(lambda _self, given, _topic, _settings: time.sleep(1) if given == body else None)
    hostile.patience_s = 0.3
    return hostile


def reads_unknown_topics():
    return before_parsing(
        lambda self, body, topic, settings: (
            None if topic.startswith("order.") else Completing.parse(self, body, topic="order.paid", settings=settings)
        )
    )


def refuses_new_fields():
    def act(_self, body, _topic, _settings):
        if b"goodword_unknown" in body:
            raise InputError("There is a field that I do not know.")

    return before_parsing(act)


def verifying(change):
    """A connector whose verify `change` replaces; it gets the good one."""

    class Hostile(Completing):
        def verify(self, request, *, settings):
            good = super().verify
            return change(lambda request: good(request, settings=settings), request)

    return case(Hostile())


def with_key(make):
    return verifying(lambda good, request: replace(good(request), key=make(good(request), request)))


def believes(when):
    return verifying(
        lambda good, request: Webhook("k", request.headers.get("x-shop-topic", "")) if when(request) else good(request)
    )


def compares_the_start_only():
    def change(good, request):
        given = request.headers.get("x-shop-signature", "")
        if 8 <= len(given) < 64:
            given = next((full for full in seen if full.startswith(given)), given)
        seen.append(given)
        return good(replace(request, headers={**request.headers, "x-shop-signature": given}))

    seen: list[str] = []
    return verifying(change)


def breaks_on_odd_signatures():
    def change(good, request):
        request.headers.get("x-shop-signature", "").encode("ascii")
        return good(request)

    return verifying(change)


def strips_the_body():
    def change(good, request):
        found = [body for body in (request.body, request.body.strip()) if accepted(good, replace(request, body=body))]
        return good(replace(request, body=found[0] if found else request.body))

    def accepted(good, request):
        try:
            good(request)
        except SignatureError:
            return False
        return True

    return verifying(change)


def reads_before_it_verifies():
    def change(good, request):
        json.loads(request.body)
        return good(request)

    return verifying(change)


def forgets_the_time():
    def change(good, request):
        at = request.headers.get("x-shop-time", "")
        now = request.received_at.fromtimestamp(int(at), request.received_at.tzinfo) if at.isdecimal() else None
        return good(replace(request, received_at=now or request.received_at))

    return verifying(change)


def overriding(**methods):
    """A connector with some methods replaced; each is called with the good connector's method first."""

    def replaced(name, change):
        def method(self, *arguments, **named):
            def good(*more, **others):
                return getattr(Completing, name)(self, *(more or arguments), **{**named, **others})

            return change(self, good, *arguments, **named)

        return method

    return case(type("Hostile", (Completing,), {name: replaced(name, change) for name, change in methods.items()})())


def swallowing(error, answer):
    def change(_self, good, *_, **__):
        try:
            return good()
        except error:
            return answer

    return change


def raising_instead(error, make):
    def change(_self, good, *_, **named):
        try:
            return good()
        except error as caught:
            raise make(caught, named) from None

    return change


def tries_again(_self, good, *_, **__):
    for _try in range(5):
        try:
            return good()
        except RetriableError as error:
            if error.retry_after_s is not None:
                raise
    return good()


def telling(tell):
    def change(_self, good, *_, settings, **__):
        tell(settings.token.get_secret_value())
        return good()

    return change


def in_the_address(_self, good, *_, settings, http):
    class Leaky:
        def request(self, method, url, **more):
            return http.request(method, f"{url}?key={settings.token.get_secret_value()}", **more)

    return good(http=Leaky())


def tells_the_token(error, named):
    return FatalError(f"{error} The token was {named['settings'].token.get_secret_value()}.")


def altered_deliveries(change):
    def pull(_self, good, **_):
        page = good()
        return replace(page, deliveries=tuple(change(one) for one in page.deliveries))

    return overriding(pull=pull)


def keeps_its_place():
    def pull(self, good, *, cursor, **_):
        page = good(cursor=cursor and self.place)
        self.place = page.cursor
        return page

    return overriding(pull=pull)


def makes_another_code(self, good, code, *, settings, http):
    if self.find_code(code.code, settings=settings, http=http):
        return good(replace(code, code=f"{code.code}X"))
    return good()


def print_it(token):
    sys.stdout.write(token)


def deletes_what_must_be_there(_self, _good, reference, *, settings, http):
    send(http, f"DELETE /codes/{reference}", settings=settings)


def subscribes_to_one(_self, _good, *, address, settings, http):
    send(http, "PUT /subscriptions", settings=settings, json={"address": address, "topics": ["order.paid"]})


def file_says_otherwise():
    class Hostile(CsvOrders):
        def read_file(self, file, *, name, settings):
            for item in super().read_file(file, name=name, settings=settings):
                yield replace(item, events=item.events * 2) if isinstance(item, Delivery) else item

    return case(Hostile(), of=GoodFile, samples=tuple(
        Sample(one.body) for one in csv_file.TestCsvOrders().read_file() if isinstance(one, Delivery)))  # fmt: skip


def never_the_same():
    spaces = cycle([b"", b" "])
    return lambda _self, good, *_, **__: good() + next(spaces)
