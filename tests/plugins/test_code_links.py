"""Addresses that apply a promo code: what each shop reads, once, with all that was there before."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import BaseModel, ValidationError

from plugins.generic_webhook.connector import GenericWebhook
from plugins.medusa.connector import Medusa
from plugins.stripe_payments.connector import StripePayments
from plugins.vendure.connector import Vendure
from plugins.woocommerce.connector import WooCommerce
from tests.plugins.medusa.shop import settings as medusa_settings
from tests.plugins.stripe_payments.account import SETTINGS as STRIPE
from tests.plugins.test_generic_webhook_conformance import TestGenericWebhook as Declared
from tests.plugins.vendure.shop import settings as vendure_settings
from tests.plugins.woocommerce.shop import SECURE
from tests.plugins.woocommerce.shop import settings as woocommerce_settings

PAGE = "https://shop.example/caps?colour=red&coupon=OLD&gw_click=x-_#top"
PAYMENT = "https://buy.stripe.com/aEU28tfIx7?gw_click=x-_"
SHOPS: dict[str, tuple[Any, BaseModel]] = {
    "woocommerce": (WooCommerce(), woocommerce_settings(SECURE)),
    "vendure": (Vendure(), vendure_settings()),
    "medusa": (Medusa(), medusa_settings()),
    "generic_webhook": (GenericWebhook(), Declared.settings.model_copy(update={"code_parameter": ""})),
}


def address(shop, destination=PAGE, *, code="ÄNN & 10", **settings):
    connector, kept = SHOPS[shop]
    told = type(kept).model_validate({**kept.model_dump(), **settings})
    return connector.code_address(destination, code=code, settings=told)


@pytest.mark.parametrize("shop", SHOPS)
def test_a_storefront_gets_the_code_under_the_name_that_it_reads(shop):
    found = urlsplit(address(shop, code_parameter="coupon"))
    assert (found.netloc, found.path, found.fragment) == ("shop.example", "/caps", "top")
    assert parse_qsl(found.query) == [("colour", "red"), ("gw_click", "x-_"), ("coupon", "ÄNN & 10")]


@pytest.mark.parametrize("shop", SHOPS)
def test_a_storefront_that_reads_no_code_gets_none(shop):
    assert address(shop) is None


@pytest.mark.parametrize("shop", SHOPS)
@pytest.mark.parametrize("name", ["gw_click", "GW_Click", "a b", "a&b", "a=b", "1a", "ä", "a#", "x" * 41])
def test_what_is_no_name_of_a_parameter_is_refused(shop, name):
    with pytest.raises(ValidationError, match="query parameter"):
        address(shop, code_parameter=name)


@pytest.mark.parametrize("path", ["checkout-link", "checkout-link/"])
def test_a_checkout_link_of_woocommerce_takes_a_coupon_without_any_extension(path):
    found = address("woocommerce", f"{SECURE}/{path}?products=12:2&gw_click=x", code="ANNA10", code_parameter="other")
    assert found == f"{SECURE}/{path}?products=12:2&gw_click=x&coupon=ANNA10"


def test_a_page_that_is_only_called_like_a_checkout_link_is_none():
    assert address("woocommerce", f"{SECURE}/blog/checkout-link/") is None


def test_a_payment_link_of_stripe_is_filled_in_and_no_other_page():
    shop = StripePayments()
    assert shop.code_address(PAYMENT, code="ANNA-10", settings=STRIPE) == f"{PAYMENT}&prefilled_promo_code=ANNA-10"
    assert shop.code_address(PAYMENT, code="ANNA_10", settings=STRIPE) is None
    assert shop.code_address(PAGE, code="ANNA10", settings=STRIPE) is None
    own = type(STRIPE).model_validate(STRIPE.model_dump() | {"payment_link_hosts": ["Pay.Shop.example"]})
    there = "https://pay.shop.example/b/aEU28tfIx7"
    assert shop.code_address(there, code="ANNA10", settings=own) == f"{there}?prefilled_promo_code=ANNA10"
    assert shop.code_address(PAYMENT, code="ANNA10", settings=own) is None


@pytest.mark.parametrize("host", ["https://buy.stripe.com", "buy.stripe.com/a", "stripe", "buy.stripe.com:1", ""])
def test_a_host_of_payment_links_is_a_host(host):
    with pytest.raises(ValidationError, match="write the host alone"):
        type(STRIPE).model_validate(STRIPE.model_dump() | {"payment_link_hosts": [host]})
