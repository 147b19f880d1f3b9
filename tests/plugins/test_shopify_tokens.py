"""How an app from the Dev Dashboard gets in: it asks for its tokens, keeps them as long as they hold, shares none."""

import pytest

from engine.plugin_api import ConfigError, RetriableError
from plugins.shopify.connector import Shopify
from plugins.shopify.settings import ShopifySettings
from plugins.shopify.tokens import Tokens
from tests.plugins.shopify.shop import CLIENT_ID, OF_DASHBOARD, SECRET, TOKEN, FakeShop
from tests.plugins.wire import through_the_host


@pytest.fixture
def shop():
    return FakeShop()


def test_a_token_is_asked_for_once_and_again_before_it_ends(shop):
    now, tokens = [0.0], Tokens(now=lambda: now[0])
    for at, times in ((0, 1), (82_798, 1), (82_800, 2)):
        now[0] = at
        assert tokens.of(OF_DASHBOARD, shop) == TOKEN
        assert shop.asked.count("token") == times


def test_a_token_that_no_longer_opens_is_asked_for_anew_once(shop):
    connector = Shopify()
    assert connector.check(settings=OF_DASHBOARD, http=shop).shop == "Acme"
    shop.token = "shpat_after_the_app_came_back"
    assert connector.find_code("ANNA10", settings=OF_DASHBOARD, http=shop) is None
    assert shop.asked.count("token") == 2
    shop.gives = {"access_token": "shpat_of_another_shop", "expires_in": 86_399}
    shop.token = "shpat_nobody_has"
    with pytest.raises(ConfigError):
        connector.find_code("ANNA10", settings=OF_DASHBOARD, http=shop)
    assert shop.asked.count("token") == 3


def test_who_has_not_the_secret_gets_nobodys_token(shop):
    connector = Shopify()
    connector.check(settings=OF_DASHBOARD, http=shop)
    guess = ShopifySettings.model_validate(
        {"shop": "acme.myshopify.com", "client_id": CLIENT_ID, "secrets": ["shpss_of_somebody_else", SECRET]}
    )
    with pytest.raises(ConfigError, match="invalid_client"):
        connector.check(settings=guess, http=shop)


@pytest.mark.parametrize(
    "given",
    [
        b"<html>",
        [],
        {},
        {"access_token": ""},
        {"access_token": 1},
        {"access_token": "a\nb"},
        {"access_token": "\u00e9"},
    ],
    ids=ascii,
)
def test_what_is_no_token(shop, given):
    shop.gives = given
    with pytest.raises(RetriableError):
        Shopify().check(settings=OF_DASHBOARD, http=shop)


@pytest.mark.parametrize("ends_in", [None, "86399", True, -1, 60, 10**18])
def test_a_token_of_unknown_end_is_never_kept_too_long(shop, ends_in):
    shop.gives = {"access_token": TOKEN, "expires_in": ends_in}
    now, tokens = [0.0], Tokens(now=lambda: now[0])
    tokens.of(OF_DASHBOARD, shop)
    now[0] = 82_800
    tokens.of(OF_DASHBOARD, shop)
    assert shop.asked.count("token") == 2


def test_tokens_are_asked_for_through_the_hosts_client(shop):
    client = through_the_host(shop, OF_DASHBOARD.origin)
    assert Shopify().check(settings=OF_DASHBOARD, http=client).shop == "Acme"
    assert (shop.asked[0], shop.asked.count("token"), len(shop.asked)) == ("token", 1, 3)
