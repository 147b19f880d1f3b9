"""Each check of the kit catches a connector that breaks its promise, and blames nothing else for it.

A hostile connector is the good one with one thing wrong. It must fail the check that is named, and that one alone.
"""

import json
import logging
import threading
from dataclasses import replace
from datetime import timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from engine.plugin_api import (
    ConfigError,
    ConnectionReport,
    FatalError,
    OrderEvent,
    RefundEvent,
    RetriableError,
    hookimpl,
)
from engine.testing.conformance import check_names, failures_of
from engine.testing.connectors import ConnectorConformance
from engine.testing.fakes.shop_asking import send
from plugins import csv_orders
from plugins.csv_orders.connector import CsvOrders
from tests.engine.testing import test_fake_shop_conformance as fake_shop
from tests.engine.testing.hostile_connectors import (
    Completing,
    Good,
    GoodFile,
    altered_deliveries,
    believes,
    breaks_on,
    breaks_on_odd_signatures,
    case,
    changes_the_settings,
    compares_the_start_only,
    deletes_what_must_be_there,
    file_says_otherwise,
    forgets_the_time,
    hangs_on,
    hides_a_capability,
    in_the_address,
    keeps_a_secret_as_text,
    keeps_its_place,
    leave_a_thread,
    leaves_a_thread,
    looks_up_a_name,
    looks_up_a_name_and_hides_it,
    makes_another_code,
    misspelt_hook,
    never_the_same,
    of_kind,
    overriding,
    plugin,
    print_it,
    raising_instead,
    reads_before_it_verifies,
    reads_unknown_topics,
    refuses_new_fields,
    remembers_the_last_body,
    shows_a_secret,
    strips_the_body,
    subscribes_to_one,
    swallowing,
    takes_unknown_settings,
    telling,
    tells_the_token,
    tries_again,
    verifying,
    with_key,
)
from tests.plugins import test_csv_orders_conformance as csv_file

HOSTILE: dict[str, list[Any]] = {
    "test_the_host_takes_the_plugin_with_its_manifest_and_connector": [misspelt_hook],
    "test_declared_capabilities_are_those_that_it_has": [hides_a_capability],
    "test_settings_are_of_the_declared_model_and_refuse_unknown_keys": [takes_unknown_settings],
    "test_secrets_are_secret_strings_and_masked": [keeps_a_secret_as_text, shows_a_secret],
    "test_parse_is_pure": [remembers_the_last_body],
    "test_parse_asks_nobody_outside": [looks_up_a_name, looks_up_a_name_and_hides_it],
    "test_reading_leaves_no_thread_behind": [leaves_a_thread],
    "test_what_cannot_be_read_is_an_input_error": [
        lambda: breaks_on(b"null", KeyError("x")),
        lambda: breaks_on(b"[]", SystemExit(3)),
        lambda: breaks_on(b"{", RetriableError("later")),
    ],
    "test_what_is_unknown_gives_no_event_and_what_is_new_does_no_harm": [reads_unknown_topics, refuses_new_fields],
    "test_every_event_is_one_that_the_host_can_book": [
        lambda: of_kind(OrderEvent, charged_minor=lambda event: float(event.charged_minor)),
        lambda: of_kind(OrderEvent, updated_at=lambda event: event.updated_at.replace(tzinfo=None)),
        lambda: of_kind(OrderEvent, placed_at=lambda event: event.placed_at.astimezone(timezone(timedelta(hours=1)))),
        lambda: of_kind(OrderEvent, lines=lambda event: event.lines * 2),
        lambda: of_kind(OrderEvent, shipping_minor=lambda _: -1),
        lambda: of_kind(RefundEvent, external_id=lambda _: ""),
    ],
    "test_every_refund_is_of_an_order_that_was_read": [
        lambda: of_kind(RefundEvent, order_external_id=lambda event: event.order_external_id + "x"),
        lambda: of_kind(RefundEvent, currency=lambda _: "USD"),
        lambda: of_kind(RefundEvent, lines=lambda event: tuple(replace(one, line_id="77") for one in event.lines)),
    ],
    "test_a_file_is_read_into_deliveries_that_can_be_read_again": [file_says_otherwise],
    "test_a_signed_webhook_is_taken_with_key_and_topic": [
        lambda: with_key(lambda webhook, _: webhook.key * 30),
        lambda: verifying(lambda good, request: replace(good(request), topic="orders")),
    ],
    "test_a_missing_or_wrong_signature_is_refused": [
        lambda: believes(lambda request: not request.headers.get("x-shop-signature")),
        compares_the_start_only,
        breaks_on_odd_signatures,
    ],
    "test_the_signature_is_over_the_raw_bytes_and_judged_before_they_are_read": [
        strips_the_body,
        reads_before_it_verifies,
    ],
    "test_a_stale_signature_is_refused": [forgets_the_time],
    "test_a_webhook_that_comes_twice_has_one_key_and_another_body_another": [
        lambda: with_key(lambda webhook, request: f"{webhook.key}:{request.received_at}"),
        lambda: with_key(lambda *_: "always the same"),
    ],
    "test_its_origins_are_ones_that_the_host_pins": [
        lambda: overriding(origins=lambda _self, good, *_: (f"{good()[0]}/api",)),
    ],
    "test_a_refusal_of_the_shop_reaches_the_host_as_what_it_is": [
        lambda: overriding(find_code=swallowing(ConfigError, None)),
        lambda: overriding(revoke_code=swallowing(FatalError, None)),
        lambda: overriding(check=raising_instead(ConfigError, lambda error, _: RetriableError(str(error)))),
        lambda: overriding(
            subscribe=raising_instead(
                RetriableError, lambda error, _: RetriableError(str(error)) if error.retry_after_s else error
            )
        ),
    ],
    "test_silence_of_the_shop_is_left_to_the_host": [
        lambda: overriding(pull=tries_again),
        lambda: overriding(
            check=raising_instead(RetriableError, lambda e, _: e if e.retry_after_s else ConfigError("no answer"))
        ),
    ],
    "test_an_answer_that_makes_no_sense_is_an_error_of_ours": [
        lambda: overriding(
            check=lambda _self, _good, *, settings, http: ConnectionReport(
                json.loads(send(http, "GET /shop", settings=settings).body)["name"]
            )
        ),
    ],
    "test_the_check_of_a_connection_names_the_shop": [
        lambda: overriding(check=lambda _self, good, **_: replace(good(), shop="")),
        lambda: overriding(check=lambda _self, good, **_: good() and "Fake shop"),
    ],
    "test_talking_leaves_no_thread_behind": [
        lambda release: overriding(push_code=lambda _self, good, *_, **__: leave_a_thread(release) or good()),
    ],
    "test_no_secret_is_told_by_errors_logs_or_addresses": [
        lambda: overriding(check=raising_instead(FatalError, tells_the_token)),
        lambda: overriding(check=telling(print_it)),
        lambda: overriding(check=telling(lambda token: logging.getLogger("hostile").warning("with %s", token))),
        lambda: overriding(check=telling(lambda token: structlog.get_logger().info("asked", token=token))),
        lambda: overriding(check=in_the_address),
    ],
    "test_a_pull_ends_and_gives_deliveries_that_can_be_read_again": [
        lambda: altered_deliveries(lambda one: replace(one, events=one.events[:1] * 2)),
        lambda: altered_deliveries(lambda one: replace(one, key="order")),
    ],
    "test_a_pull_goes_on_from_any_page_and_the_same_page_comes_again": [keeps_its_place],
    "test_a_code_that_is_pushed_twice_is_there_once": [
        lambda: overriding(push_code=makes_another_code),
        lambda: overriding(push_code=lambda _self, good, code, **_: good(replace(code, percent_bps=10))),
        lambda: overriding(
            find_code=lambda _self, good, code, **_: good() if code.isupper() else None,
        ),
    ],
    "test_a_code_that_is_revoked_is_no_longer_given_and_a_missing_one_is_quiet": [
        lambda: overriding(revoke_code=deletes_what_must_be_there),
        lambda: overriding(revoke_code=lambda _self, good, *_, **__: good("999") and None),
    ],
    "test_a_link_that_carries_a_code_stays_with_the_shop": [
        lambda: overriding(code_address=lambda *_, **__: "https://evil.example/CONFORM10"),
        lambda: overriding(
            code_address=lambda _self, good, destination, *, code, **_: f"https://shop.example/discount/{code}"
        ),
        lambda: overriding(code_address=lambda *_, **__: None),
        lambda: overriding(code_address=lambda _self, good, *_, code, **__: f"https://shop.example/?coupon={code}"),
        lambda: overriding(
            code_address=lambda _self, good, destination, *, code, **_: destination.replace(
                "?", f"?coupon={code.replace(' ', '+').encode('ascii', 'ignore').decode()}&"
            )
        ),
    ],
    "test_subscribing_makes_the_shop_send_every_topic_once": [
        lambda: overriding(subscribe=subscribes_to_one),
        lambda: overriding(subscriptions=lambda _self, good, **_: tuple(one for one in good() if one.enabled)),
    ],
    "test_a_completed_webhook_can_be_read_alone": [lambda: overriding(complete=never_the_same())],
}
EXAMPLES = [(check, number) for check, hostile in HOSTILE.items() for number in range(len(hostile))]


@pytest.fixture(autouse=True)
def unprinted():
    """Thousands of calls are logged here, and printing each takes longer than making it."""
    structlog.configure(processors=[lambda *_: ""], logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def release():
    """Lets go of the threads that hostile connectors leave behind."""
    event = threading.Event()
    yield event
    event.set()


def built(make, release):
    return make(release) if make.__code__.co_argcount else make()


def test_the_good_ones_pass():
    assert failures_of(Good) == {}
    assert failures_of(GoodFile) == {}


def test_each_check_has_a_hostile_connector():
    assert set(HOSTILE) == set(check_names(ConnectorConformance))


@pytest.mark.parametrize(("check", "number"), EXAMPLES, ids=[f"{check[5:60]}-{n}" for check, n in EXAMPLES])
def test_a_hostile_connector_fails_its_check_and_no_other(check, number, release):
    failed = failures_of(built(HOSTILE[check][number], release))
    assert set(failed) == {check}, failed
    assert "\n    " in failed[check], "a failed check says what to do"
    assert failed[check].startswith("AssertionError: ")


def test_settings_that_parse_changes_are_noticed():
    assert "test_parse_is_pure" in failures_of(changes_the_settings())


def test_a_connector_that_hangs_is_left_waiting():
    failed = failures_of(hangs_on(b"null"))
    assert "no answer within 0.3 seconds" in failed["test_what_cannot_be_read_is_an_input_error"]


def test_a_pull_that_never_ends_is_stopped():
    endless = overriding(pull=lambda _self, good, **_: replace(good(cursor=None), cursor="again"))
    failed = failures_of(endless)
    assert "there is still a cursor" in failed["test_a_pull_ends_and_gives_deliveries_that_can_be_read_again"]


@pytest.mark.parametrize(
    ("more", "check", "words"),
    [
        ({"samples": ()}, "test_parse_is_pure", "Set samples"),
        ({"stale_after": None}, "test_a_stale_signature_is_refused", "see stale_after"),
        ({"signed": ConnectorConformance.signed}, "test_a_signed_webhook_is_taken_with_key_and_topic", "Write signed"),
        ({"shop": ConnectorConformance.shop}, "test_the_check_of_a_connection_names_the_shop", "Write shop"),
        ({"pointers": ()}, "test_a_completed_webhook_can_be_read_alone", "Set pointers"),
        ({"shop": lambda _: SimpleNamespace()}, "test_the_check_of_a_connection_names_the_shop", "request"),
    ],
)
def test_what_the_author_left_out_is_a_failure_that_says_so(more, check, words):
    assert words in failures_of(case(**more))[check]


def test_a_plugin_with_several_connectors_must_say_which():
    twice = plugin(connectors=hookimpl(lambda: (Completing(), CsvOrders())))
    with pytest.raises(TypeError, match="registers 2 connectors"):
        type("Case", (ConnectorConformance,), {"plugin": twice})
    chosen = type("Case", (ConnectorConformance,), {"plugin": csv_orders})
    assert chosen.connector.name == "csv_orders"  # type: ignore[attr-defined]


def test_checks_of_what_a_connector_does_not_declare_are_named():
    few = csv_file.TestCsvOrders
    assert len(check_names(few)) + len(few.left_out) == len(check_names(ConnectorConformance))
    assert few.left_out["test_a_stale_signature_is_refused"] == "no webhooks"


def test_the_shop_of_the_ground_case_has_what_the_checks_need():
    assert any(order.refunds for order in fake_shop.a_shop().orders.values())
