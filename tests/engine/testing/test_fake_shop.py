"""The fake shop behaves as badly as real ones do, and the same way every time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from engine.kernel.clock import VirtualClock
from engine.plugin_api import (
    CodeView,
    ConfigError,
    Delivery,
    FatalError,
    OrderEvent,
    RefundEvent,
    RetriableError,
    WebhookRequest,
    read_json,
)
from engine.testing.fakes.orders import Item
from engine.testing.fakes.shop import TOPICS, FakeShop
from engine.testing.fakes.shop_connector import FakeShopConnector
from engine.testing.fakes.shop_settings import FakeShopSettings
from engine.testing.fakes.webhooks import SHOPIFY_LIKE, STRIPE_LIKE, WOOCOMMERCE_LIKE, Faults, Post

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOOK = "https://goodword.example/hooks/fake_shop/main"
SETTINGS = FakeShopSettings.model_validate({"token": "fake-token-1", "signing_secrets": ["fake-secret-1"]})
CONNECTOR = FakeShopConnector()
CODE = CodeView("k-1", "ANN10", "Ann", 1_000, None, START)
DAY = timedelta(days=1)


def a_shop(**more):
    shop = FakeShop(clock=VirtualClock(START), **more)
    CONNECTOR.subscribe(address=HOOK, settings=SETTINGS, http=shop.client())
    return shop


def taking(posts, *, status=200):
    def receive(post):
        posts.append(post)
        return status

    return receive


def pulled(shop, *, since=START, until=START + DAY):
    cursor, found = None, list[Delivery]()
    while not found or cursor:
        page = CONNECTOR.pull(since=since, until=until, cursor=cursor, settings=SETTINGS, http=shop.client())
        found += page.deliveries
        cursor = page.cursor
    return found


def test_each_change_sends_a_webhook_that_verifies_and_reads_as_the_pull_does():
    shop, posts = a_shop(), list[Post]()
    order_id = shop.place(Item("mug", 2_500), codes=["ANN10"])
    shop.refund(order_id, amount_minor=500)
    assert shop.deliver(taking(posts)) == 3
    assert [post.topic for post in posts] == ["order.placed", "order.paid", "order.refunded"]
    webhooks = [CONNECTOR.verify(WebhookRequest(post.headers, post.body, post.at), settings=SETTINGS) for post in posts]
    assert len({webhook.key for webhook in webhooks}) == 3
    order, refund = CONNECTOR.parse(posts[-1].body, topic=webhooks[-1].topic, settings=SETTINGS)
    assert isinstance(order, OrderEvent)
    assert isinstance(refund, RefundEvent)
    assert (order.charged_minor, order.codes, refund.amount_minor) == (2_500, ("ANN10",), 500)
    (delivery,) = pulled(shop)
    assert delivery.events == (order, refund)


def test_more_than_was_paid_cannot_be_given_back():
    shop = a_shop()
    order_id = shop.place(Item("mug", 100))
    shop.refund(order_id, amount_minor=60)
    with pytest.raises(ValueError, match="40 is left"):
        shop.refund(order_id, amount_minor=41)


def test_like_shopify_it_tries_eight_times_more_with_the_first_payload_then_the_subscription_is_gone():
    shop, posts = a_shop(sending=SHOPIFY_LIKE), list[Post]()
    order_id = shop.place(paid=False)
    shop.update(order_id)
    assert shop.run(taking(posts, status=500), lasting=timedelta(hours=5)) == 18
    tries = [post for post in posts if post.topic == "order.placed"]
    assert len(tries) == 9
    assert len({(post.body, post.headers["x-shop-delivery"]) for post in tries}) == 1
    assert read_json(tries[-1].body)["updated_at"] < pulled(shop)[0].key.partition(":")[2].partition(":")[2]
    assert tries[-1].at - tries[0].at == timedelta(hours=4)
    states = {
        one.topic: one.enabled for one in CONNECTOR.subscriptions(address=HOOK, settings=SETTINGS, http=shop.client())
    }
    assert not states["order.placed"]
    assert states["order.paid"]
    assert not [one for one in shop.post_office.subscriptions if one.topic == "order.placed"]


def test_a_success_between_failures_keeps_the_subscription():
    shop = a_shop(sending=WOOCOMMERCE_LIKE)
    for number in range(20):
        shop.place(paid=False)
        shop.deliver(taking([], status=200 if number % 5 == 4 else 503))
    assert all(one.enabled for one in shop.post_office.subscriptions)


def test_like_woocommerce_it_never_tries_again_and_goes_silent_on_the_seventh_failure():
    shop, posts = a_shop(sending=WOOCOMMERCE_LIKE), list[Post]()
    for _ in range(9):
        shop.place(paid=False)
        shop.run(taking(posts, status=500), lasting=timedelta(hours=1))
    assert len(posts) == 7
    assert len({post.headers["x-shop-delivery"] for post in posts}) == 7
    assert [one.enabled for one in shop.post_office.subscriptions if one.topic == "order.placed"] == [False]
    CONNECTOR.subscribe(address=HOOK, settings=SETTINGS, http=shop.client())
    shop.place(paid=False)
    shop.deliver(taking(posts))
    assert len(posts) == 8


@pytest.mark.parametrize(("sending", "failures"), [(WOOCOMMERCE_LIKE, 0), (SHOPIFY_LIKE, 1)])
def test_to_woocommerce_a_redirect_is_a_success(sending, failures):
    shop = a_shop(sending=sending)
    shop.place(paid=False)
    shop.deliver(taking([], status=302))
    assert shop.post_office.subscriptions[0].failures == failures


def test_like_stripe_it_waits_longer_each_time_for_three_days_and_never_lets_go():
    shop, posts = a_shop(sending=STRIPE_LIKE), list[Post]()
    shop.place(paid=False)
    shop.run(taking(posts, status=500), lasting=timedelta(days=10))
    waits = [later.at - earlier.at for earlier, later in pairwise(posts)]
    assert [later / earlier for earlier, later in pairwise(waits)] == [2] * 9
    assert timedelta(days=2) < posts[-1].at - posts[0].at < timedelta(days=3)
    assert all(one.enabled for one in shop.post_office.subscriptions)


def test_a_receiver_that_raises_has_not_answered():
    shop = a_shop(sending=WOOCOMMERCE_LIKE)
    shop.place(paid=False)

    def broken(post):
        raise TimeoutError

    assert shop.deliver(broken) == 1
    assert shop.post_office.subscriptions[0].failures == 1


def test_losses_duplicates_and_delays_are_drawn_from_the_seed():
    def run(seed):
        shop, posts = a_shop(seed=seed, faults=Faults(lost=30, twice=20, late=DAY, shuffled=True)), list[Post]()
        for _ in range(200):
            shop.place(paid=False)
        shop.run(taking(posts), lasting=2 * DAY)
        return [(post.at, post.headers["x-shop-delivery"]) for post in posts]

    first = run(1)
    assert first == run(1)
    assert first != run(2)
    seen = Counter(delivery for _, delivery in first)
    assert 110 < len(seen) < 170
    assert 10 < sum(1 for count in seen.values() if count == 2) < 60
    assert max(at for at, _ in first) - START > timedelta(hours=20)
    numbers = [int(delivery[2:]) for _, delivery in first]
    assert numbers != sorted(numbers)


def test_everything_lost_leaves_only_the_pull():
    shop, posts = a_shop(faults=Faults(lost=100)), list[Post]()
    ids = [shop.place() for _ in range(7)]
    shop.run(taking(posts), lasting=DAY)
    assert posts == []
    assert [delivery.events[0].external_id for delivery in pulled(shop)] == ids


def test_a_pull_is_by_change_with_the_oldest_first_and_its_end_left_out():
    shop = a_shop(page_size=2)
    ids = [shop.place(paid=False) for _ in range(5)]
    shop.update(ids[0])
    assert [one.events[0].external_id for one in pulled(shop)] == [*ids[1:], ids[0]]
    last = pulled(shop)[-1].events[0].updated_at
    assert ids[0] not in [one.events[0].external_id for one in pulled(shop, until=last)]
    assert [one.events[0].external_id for one in pulled(shop, since=last)] == [ids[0]]


def test_a_lost_answer_was_an_effect_and_pushing_again_finds_it():
    shop = a_shop()
    http = shop.client()
    CONNECTOR.find_code("ANN10", settings=SETTINGS, http=http)
    shop.api.requests.clear()
    shop.api.lose_next_answer()
    with pytest.raises(RetriableError):
        http.request("POST", f"{shop.origin}/codes", json={"code": "ANN10", "percent": "10.00"},
                     headers={"authorization": "Bearer fake-token-1"})  # fmt: skip
    assert len(shop.codes) == 1
    reference = CONNECTOR.push_code(CODE, settings=SETTINGS, http=http)
    assert list(shop.codes) == [reference]


def test_the_rate_limit_answers_429_with_a_delay_after_which_it_works():
    shop = FakeShop(clock=VirtualClock(START), rate_limit=3)
    http = shop.client()
    for _ in range(3):
        CONNECTOR.check(settings=SETTINGS, http=http)
    with pytest.raises(RetriableError) as caught:
        CONNECTOR.check(settings=SETTINGS, http=http)
    delay = caught.value.retry_after_s
    assert delay is not None
    assert 0 < delay <= 61
    shop.clock.advance(timedelta(seconds=delay))
    assert CONNECTOR.check(settings=SETTINGS, http=http).shop == "Fake shop"


def test_it_refuses_on_request():
    shop = a_shop()
    http = shop.client()
    shop.api.fail_next(503, retry_after="7")
    with pytest.raises(RetriableError) as caught:
        CONNECTOR.check(settings=SETTINGS, http=http)
    assert caught.value.retry_after_s == 7
    shop.api.down = True
    with pytest.raises(RetriableError):
        CONNECTOR.check(settings=SETTINGS, http=http)
    shop.api.down = False
    wrong = SETTINGS.model_copy(update={"token": SETTINGS.signing_secrets[0]})
    with pytest.raises(ConfigError):
        CONNECTOR.check(settings=wrong, http=http)
    with pytest.raises(FatalError):
        http.request("GET", f"{shop.origin}/nothing", headers={"authorization": "Bearer fake-token-1"})


def test_thin_webhooks_carry_ids_only():
    shop, posts = a_shop(thin=True), list[Post]()
    order_id = shop.place(paid=False)
    shop.deliver(taking(posts))
    assert set(read_json(posts[0].body)) == {"id", "updated_at"}
    answer = shop.client().request(
        "GET", f"{shop.origin}/orders/{order_id}", headers={"authorization": "Bearer fake-token-1"}
    )
    assert answer.json()["lines"]


def test_the_shop_and_its_connector_know_the_same_topics():
    assert {
        one.topic for one in CONNECTOR.subscriptions(address=HOOK, settings=SETTINGS, http=a_shop().client())
    } == set(TOPICS)
