"""Which webhooks are Stripe's: as the `stripe` library judges, by the time of arrival, and for several secrets."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.plugin_api import InputError, SignatureError, WebhookKind, WebhookRequest
from plugins.stripe_payments.connector import StripePayments
from plugins.stripe_payments.settings import StripeSettings
from plugins.stripe_payments.topics import WANTED
from tests.plugins.stripe_payments.account import KEY, SECRET, SETTINGS, sent
from tests.plugins.stripe_payments.objects import T0, a_session, an_event, an_invoice, seconds, written

CONNECTOR = StripePayments()
BODY = written(an_event("evt_1", "invoice.paid", an_invoice()))
OTHER = "whsec_" + "fedcba9876543210" * 2


def settings_of(**given: Any) -> StripeSettings:
    return StripeSettings.model_validate(given)


def verify(request, settings=SETTINGS):
    return CONNECTOR.verify(request, settings=settings)


def believed(request, settings=SETTINGS):
    try:
        verify(request, settings)
    except SignatureError:
        return False
    return True


def by_library(header, body=BODY, secret=SECRET):
    try:
        return stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=None)
    except stripe.SignatureVerificationError:
        return False


def test_what_the_library_signs_is_believed_under_the_events_id_and_type():
    header = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, timestamp=seconds())
    webhook = verify(WebhookRequest({"stripe-signature": header}, BODY, T0))
    assert (webhook.key, webhook.topic, webhook.kind) == ("evt_1", "invoice.paid", WebhookKind.EVENT)
    assert header == sent(BODY, at=T0).headers["stripe-signature"]


@given(st.text("tv01=, abcdef9", max_size=90), st.integers(0, 160), st.booleans())
def test_a_header_that_was_meddled_with_is_believed_by_neither(noise, place, instead):
    good = sent(BODY, at=T0).headers["stripe-signature"]
    header = good[:place] + noise + good[place + len(noise) * instead :]
    ours = believed(WebhookRequest({"stripe-signature": header}, BODY, T0))
    assert not ours or by_library(header)


@given(st.integers(0, 8 * len(BODY) - 1))
def test_one_flipped_bit_is_another_body(bit):
    body = bytearray(BODY)
    body[bit // 8] ^= 1 << bit % 8
    assert not believed(replace(sent(BODY, at=T0), body=bytes(body)))


@pytest.mark.parametrize(("late", "fine"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_signature_holds_five_minutes_before_and_after(late, fine):
    assert believed(replace(sent(BODY, at=T0), received_at=T0 + timedelta(seconds=late))) is fine


NO_SIGNATURES = {
    "none": "",
    "no v1": "t=1",
    "no t": "v1=00",
    "empty t": "t=,v1=00",
    "two t": "t=1,t=1,v1={v1}",
    "only v0": "t={t},v0={v1}",
    "empty v1": "t={t},v1=",
    "longer": "t={t},v1={v1}0",
    "blank in t": "t= {t},v1={v1}",
    "blank before t": " t={t},v1={v1}",
    "blank before v1": "t={t}, v1={v1}",
    "without an end": "t={t},v1={v1}" + ",v0=0" * 400,
}


@pytest.mark.parametrize("header", NO_SIGNATURES.values(), ids=NO_SIGNATURES)
def test_what_is_no_signature_is_refused(header):
    stamp, signature = (part.partition("=")[2] for part in sent(BODY, at=T0).headers["stripe-signature"].split(","))
    header = header.format(t=stamp, v1=signature)
    assert not believed(WebhookRequest({"stripe-signature": header}, BODY, T0))


def test_while_a_secret_is_rolled_both_are_believed_and_stripe_sends_both_signatures():
    rolled = settings_of(api_key=KEY, webhook_secrets=(SECRET, OTHER)).webhook_secrets
    both = SETTINGS.model_copy(update={"webhook_secrets": rolled})
    new, old = sent(BODY, at=T0, secret=OTHER), sent(BODY, at=T0)
    assert [believed(new), believed(new, both), believed(old, both)] == [False, True, True]
    signature = new.headers["stripe-signature"].partition(",")[2]
    assert believed(replace(old, headers={"stripe-signature": f"{old.headers['stripe-signature']},{signature}"}))


def test_without_a_secret_nothing_is_believed():
    assert not believed(sent(BODY, at=T0), settings_of(api_key=KEY))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, WebhookKind.EVENT),
        ({"livemode": False}, WebhookKind.IGNORED),
        ({"livemode": None}, WebhookKind.IGNORED),
        ({"account": "acct_2"}, WebhookKind.IGNORED),
        ({"type": "customer.created"}, WebhookKind.IGNORED),
    ],
    ids=["ours", "test mode", "no mode", "a connected account", "another type"],
)
def test_events_that_are_not_for_this_connection_are_ignored(changes, kind):
    body = written(an_event("evt_1", "invoice.paid", an_invoice()) | changes)
    assert verify(sent(body, at=T0)).kind is kind


def test_in_test_mode_only_events_of_test_mode_count():
    testing = settings_of(api_key=KEY.replace("live", "test"), webhook_secrets=(SECRET,), test_mode=True)
    live, test = (an_event("evt_1", "invoice.paid", an_invoice()) | {"livemode": mode} for mode in (True, False))
    found = [verify(sent(written(event), at=T0), testing).kind for event in (live, test)]
    assert found == [WebhookKind.IGNORED, WebhookKind.EVENT]


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"null", b'{"id": "evt_1", "id": "evt_2"}', b'{"id": NaN}', b"[" * 100_000, b'{"id": 5}'],
    ids=["empty", "no text", "null", "a key twice", "NaN", "nested", "an id that is a number"],
)
def test_a_signed_body_that_is_no_event_becomes_a_dead_letter(body):
    webhook = verify(sent(body, at=T0))
    assert webhook.kind is WebhookKind.EVENT
    with pytest.raises(InputError):
        CONNECTOR.parse(body, topic=webhook.topic, settings=SETTINGS)


def test_an_event_that_was_not_completed_cannot_be_read():
    body = written(an_event("evt_1", "checkout.session.completed", a_session()))
    with pytest.raises(InputError, match="Complete it first"):
        CONNECTOR.parse(body, topic="checkout.session.completed", settings=SETTINGS)


@pytest.mark.parametrize(
    "given",
    [
        {"api_key": "pk_live_" + "a" * 20},
        {"api_key": KEY, "test_mode": True},
        {"api_key": KEY.replace("live", "test")},
        {"api_key": KEY, "webhook_secrets": ["test"]},
        {"api_key": KEY, "webhook_secrets": [""]},
    ],
    ids=["a publishable key", "a live key in test mode", "a test key outside it", "a bare word", "nothing"],
)
def test_settings_that_cannot_work_are_refused(given):
    with pytest.raises(ValidationError):
        StripeSettings.model_validate(given)


def test_the_wanted_types_fit_one_question():
    assert len(WANTED) <= 20
