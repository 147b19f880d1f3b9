"""Connections to shops: who may be what, what is kept of the settings, and alarms that are open once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from engine.connections.queries import connection_at, connection_named, connections_of, open_alarms, refused_of
from engine.connections.refusals import Refusals
from engine.connections.rules import is_silent, weak_secrets
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import (
    count_refused,
    end_alarm,
    raise_alarm,
    save_connection,
    settings_of_connection,
    switch,
)
from engine.connections.tables import Connection, ConnectionState
from engine.identity.service import create_brand
from engine.identity.tables import AuditEntry
from engine.kernel.crypto import Keyring, UnreadableSecretError
from engine.kernel.errors import ConflictError, NotFoundError
from engine.kernel.tables import table_of
from engine.plugin_host.registry import UnknownPluginNounError
from engine.plugin_host.settings import MASK, PluginSettingsError, masked
from tests.conftest import START
from tests.support.wire import SECRET, WireSettings
from tests.support.wired import wired_host

KEYRING = Keyring(SecretStr("k" * 40))
HOST = wired_host()


@pytest.fixture
def brand(db):
    with db.unit() as unit:
        return create_brand(unit, slug="bean", name="Bean & Leaf")


@pytest.fixture
def save(db, brand):
    def run(account="main", *, of=brand, connector="wire", by="olga", title="Main shop", **settings):
        document = {"webhook_secrets": [SECRET]} | settings
        draft = ConnectionDraft(connector=connector, account=account, title=title, settings=document)
        return db.run(lambda unit: save_connection(unit, of.id, draft, host=HOST, keyring=KEYRING, by=by))

    return run


def told(view, keyring=KEYRING):
    return settings_of_connection(view, host=HOST, keyring=keyring)


def test_a_shop_is_connected_and_found_by_its_address(db, save, brand):
    view = save()
    assert (view.name, view.hook_path, view.is_on) == ("wire/main", "/hooks/wire/main", True)
    with db.reading() as unit:
        assert connection_at(unit, connector="wire", account="main") == view
        assert connections_of(unit, brand.id) == [view]
        assert connection_at(unit, connector="wire", account="other") is None


def test_settings_are_kept_encrypted_and_shown_masked(db, save):
    view = save(token="token-of-the-shop")
    with db.reading() as unit:
        (stored,) = unit.execute(select(table_of(Connection).c.settings_encrypted)).scalars()
    assert SECRET not in stored
    assert "token-of-the-shop" not in stored + repr(view)
    assert masked(told(view))["webhook_secrets"] == [f"{MASK} 1"]
    assert told(view).webhook_secrets[0].get_secret_value() == SECRET
    with pytest.raises(UnreadableSecretError):
        told(view, Keyring(SecretStr("another" * 8)))


def test_a_mask_that_comes_back_keeps_the_secret(save):
    save(token="token-of-the-shop")
    view = save(token=MASK, webhook_secrets=[MASK], origin="https://new.example")
    assert told(view).token.get_secret_value() == "token-of-the-shop"
    assert told(view).webhook_secrets[0].get_secret_value() == SECRET
    assert told(view).origin == "https://new.example"


def test_secrets_are_replaced_one_after_the_other_without_being_typed_again(save):
    def secrets(view):
        return [secret.get_secret_value() for secret in told(view).webhook_secrets]

    new = "the-new-secret-of-the-shop"
    save()
    assert secrets(save(webhook_secrets=[new, f"{MASK} 1"])) == [new, SECRET]
    assert secrets(save(webhook_secrets=[f"{MASK} 2", f"{MASK} 1"])) == [SECRET, new]
    assert secrets(save(webhook_secrets=[f"{MASK} 2"])) == [new]
    with pytest.raises(PluginSettingsError):
        save(webhook_secrets=[f"{MASK} 2"])


@pytest.mark.parametrize("secret", ["", "test", "short", "whsec_test", "a" * 40, "abab" * 10, MASK, " " * 20])
def test_a_secret_that_can_be_guessed_signs_nothing(save, secret):
    with pytest.raises(PluginSettingsError, match="webhook_secrets: use at least 16 characters") as refused:
        save(webhook_secrets=[SECRET, secret])
    assert SECRET not in str(refused.value)


def test_a_token_is_the_shops_to_judge(save):
    assert told(save(token="t")).token.get_secret_value() == "t"


@given(st.text(max_size=15))
def test_no_short_secret_passes(secret):
    assert weak_secrets(WireSettings(webhook_secrets=(SecretStr(secret),)))


@pytest.mark.parametrize("account", ["ab", "a" * 81, "Main", "main shop", "main/x", "mäin", "main\n", ""])
def test_an_account_is_plain(account):
    with pytest.raises(ValidationError, match="3 to 80"):
        ConnectionDraft(connector="wire", account=account, title="x")


def test_what_does_not_fit_the_plugins_model_is_refused(save):
    with pytest.raises(PluginSettingsError, match="colour"):
        save(colour="plum")
    with pytest.raises(UnknownPluginNounError):
        save(connector="nothing")


def test_an_account_name_is_one_brands(db, save, brand):
    save()
    with db.unit() as unit:
        other = create_brand(unit, slug="other", name="Other")
    with pytest.raises(ConflictError, match="is taken"):
        save(of=other)
    with db.reading() as unit:
        with pytest.raises(NotFoundError):
            connection_named(unit, other.id, connector="wire", account="main")
        assert connections_of(unit, other.id) == []


def test_who_did_what_is_written_down_and_never_a_secret(db, save, brand):
    view = save(by="olga")
    save(by="anna")
    for state in (ConnectionState.OFF, ConnectionState.OFF, ConnectionState.ON):
        db.run(lambda unit, state=state: switch(unit, brand.id, connection_id=view.id, state=state, by="kim"))
    with db.reading() as unit:
        log = table_of(AuditEntry)
        entries = unit.execute(select(log.c.actor, log.c.action, log.c.subject, log.c.detail).order_by(log.c.id)).all()
    assert [(actor, action) for actor, action, _, _ in entries] == [
        ("olga", "shop.add"),
        ("anna", "shop.change"),
        ("kim", "shop.off"),
        ("kim", "shop.on"),
    ]
    assert {(subject, str(detail)) for _, _, subject, detail in entries} == {("shop wire/main", "{}")}


def test_an_alarm_is_open_once_and_ends_once(db, brand, save, clock):
    shop = save().id

    def raised(text):
        return db.run(lambda unit: raise_alarm(unit, brand.id, key="k", kind="silent", text=text, connection_id=shop))

    assert (raised("first"), raised("second")) == (True, False)
    with db.reading() as unit:
        assert [(alarm.text, alarm.raised_at) for alarm in open_alarms(unit, brand.id)] == [("second", START)]
    clock.advance(timedelta(hours=1))
    ended = [db.run(lambda unit: end_alarm(unit, brand.id, key="k")) for _ in range(2)]
    assert ended == [True, False]
    assert raised("third")
    with db.reading() as unit:
        assert [alarm.text for alarm in open_alarms(unit, brand.id)] == ["third"]


def test_refusals_are_counted_by_day(db, save, brand, clock):
    view = save()
    for more in (3, 4):
        db.run(lambda unit, more=more: count_refused(unit, {(brand.id, view.id): more}))
    clock.advance(timedelta(days=6))
    db.run(lambda unit: count_refused(unit, {(brand.id, view.id): 1}))
    with db.reading() as unit:
        assert refused_of(unit, brand.id) == {view.id: 8}
        assert refused_of(unit, brand.id, days=6) == {view.id: 1}


def test_refusals_are_written_together_a_moment_later(db, save, brand):
    view = save()
    refusals = Refusals(db, write_every_s=3600)
    for _ in range(1000):
        refusals.note(brand.id, view.id)
    with db.reading() as unit:
        assert refused_of(unit, brand.id) == {}
    refusals.write()
    refusals.write()
    with db.reading() as unit:
        assert refused_of(unit, brand.id) == {view.id: 1000}


def test_a_shop_is_silent_only_after_it_spoke():
    assert not is_silent(None, now=START, quiet_after_h=1)
    assert not is_silent(START - timedelta(hours=1), now=START, quiet_after_h=1)
    assert is_silent(START - timedelta(hours=1, microseconds=1), now=START, quiet_after_h=1)
