"""From a click to a commission, as it happens: a browser, the server with its worker, a shop, a signed webhook.

Nothing of ours is called from inside but to set the brand up: the server is `goodword serve`, the answer is read from
`goodword explain`.
"""

import json
import re
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from engine.bootstrap import start
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.kernel.clock import VirtualClock
from engine.kernel.migrate import upgrade
from engine.kernel.settings import Settings
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from engine.tracking.site.tables import Consent
from tests.conftest import START
from tests.support.serving import environment_of, serving
from tests.support.shop import open_shop
from tests.support.standin import SETTINGS, StandIn, post, standing_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PERSON: dict[str, Any] = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
"""Without it the browser says that a program drives it, and is taken for one."""

PHONE = PERSON | {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@dataclass(frozen=True, slots=True)
class House:
    """A served installation: its address, the shop's webhook address, and how its commands are run."""

    address: str
    environment: dict[str, str]

    @property
    def hook(self) -> str:
        """Where the shop sends its webhooks."""
        return f"{self.address}/hooks/generic_webhook/stand-in"

    def explained(self, order: str, *, seconds: float = 60) -> dict[str, Any]:
        """Return what `goodword explain` says once the worker has taken the order in."""
        end = time.monotonic() + seconds
        while True:
            command = [sys.executable, "-m", "engine.cli", "explain", order, "--json"]
            done = subprocess.run(command, check=False, env=self.environment, capture_output=True, text=True)
            if done.returncode == 0:
                return dict(json.loads(done.stdout))
            assert time.monotonic() < end, done.stderr
            time.sleep(0.5)


@pytest.fixture
def shop() -> Iterator[StandIn]:
    with standing_in() as found:
        yield found


@pytest.fixture
def house(tmp_path, shop) -> Iterator[House]:
    """A brand with Anna's approved page and link, and the shop connected; served, with its worker."""
    settings = Settings(home=tmp_path, smtp_url="")
    upgrade(settings.database)
    goodword = start(settings)
    brand = open_shop(goodword, VirtualClock(START))
    _furnish(goodword, brand, shop)
    goodword.close()
    with serving(tmp_path) as address:
        yield House(address, environment_of(tmp_path))


def _furnish(goodword: Any, brand: Any, shop: StandIn) -> None:
    def settle(unit: Any) -> None:
        save_site(unit, brand.brand_id, draft=SiteDraft(domains=(urlsplit(shop.address).netloc,)), by="owner")
        tracking = TrackingDraft(home_url=f"{shop.address}/mugs", consent=Consent.ASSUMED)
        save_tracking(unit, brand.brand_id, program_id=brand.program_id, draft=tracking, by="owner")
        draft = ConnectionDraft(connector="generic_webhook", account="stand-in", title="Stand-in", settings=SETTINGS)
        save_connection(unit, brand.brand_id, draft, host=goodword.plugins, keyring=goodword.keyring, by="owner")

    goodword.database.run(settle)
    anna = brand.ambassador("Anna Berg", "anna@example.com", code="ANNA10")
    brand.page(anna, "anna", name="Anna Berg", headline="Tea, mugs and slow mornings")
    brand.share(anna, "anna-mugs", title="Mugs")


def test_a_visit_to_a_page_is_credited_when_the_order_comes(house, shop, browser: Browser):
    page = browser.new_context(**PHONE).new_page()
    page.goto(f"{house.address}/a/anna")
    expect(page.get_by_role("heading", name="Anna Berg")).to_be_visible()
    page.get_by_role("link", name=re.compile("Shop")).first.tap()
    expect(page.get_by_role("heading", name="Mugs and tea")).to_be_visible()
    [click] = parse_qs(urlsplit(page.url).query)["gw_click"]
    assert len(click) == 32

    found = house.explained(shop.sell(house.hook, total="40.00"))
    said = " ".join(found["sentences"])
    assert "10 % of €40.00" in said
    assert "because the page of Anna Berg was opened on" in said
    assert_names(found, click, "/a/anna")
    page.context.close()


def test_a_link_brings_a_visitor_to_the_shop_and_the_order_names_it(house, shop, browser: Browser):
    page = browser.new_context(**PERSON).new_page()
    page.goto(f"{house.address}/r/anna-mugs?sub=story")
    expect(page.get_by_role("heading", name="Mugs and tea")).to_be_visible()
    assert urlsplit(page.url).path == "/mugs"
    [click] = parse_qs(urlsplit(page.url).query)["gw_click"]
    found = house.explained(shop.sell(house.hook, total="12.40"))
    said = " ".join(found["sentences"])
    assert "because the link Mugs of Anna Berg was clicked on" in said
    assert_names(found, click, "/r/anna-mugs")
    page.context.close()


def assert_names(found: dict[str, Any], token: str, path: str) -> None:
    """Hold an explanation to the one click that came back with the order: its id and where it was made."""
    [candidate] = found["decision"]["candidates"]
    assert candidate["reason"] == "is credited"
    assert candidate["click"]["id"] == str(UUID(bytes=urlsafe_b64decode(token)[:16]))
    assert (candidate["click"]["path"], candidate["click"]["window_days"]) == (path, 30)


def test_an_order_that_nobody_signed_leaves_nothing(house, shop, browser: Browser):
    page = browser.new_context().new_page()
    page.goto(f"{house.address}/r/anna-mugs")
    body = json.dumps({"type": "order.paid", "data": {"id": "S-1"}}).encode()
    assert post(house.hook, body, message_id="msg_1", key=b"the key of somebody else entirely") == 401
    command = [sys.executable, "-m", "engine.cli", "explain", "S-1"]
    done = subprocess.run(command, check=False, env=house.environment, capture_output=True, text=True)
    assert done.returncode == 1
    page.context.close()
