"""What visitors see of a page, and where it leads: the click goes along, the code is applied, nobody strays."""

from importlib.metadata import EntryPoint
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pydantic import SecretStr

from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.insights.landing import landing_of, read_landing
from engine.kernel.crypto import Keyring
from engine.plugin_host import load_plugins
from engine.plugin_host.service import save_settings
from engine.tracking.clicks.rules import PARAMETER, PLACEHOLDER
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from tests.engine.tracking.pages.test_service import Place
from tests.factories import give_code, make_code, make_enrollment

KEYRING = Keyring(SecretStr("k" * 40))
HOME = "https://shop.example.com/start?a=1#top"


class Shown(Place):
    """A brand whose shop may apply codes, with Anna's page."""

    def __init__(self, unit, host, *, way=None, block="none", code="ANNA10", **tracking):
        super().__init__(unit)
        self.host = host
        connection = None
        if way:
            shop = ConnectionDraft(connector="page_shop", account="main", title="Shop", settings={"way": way})
            connection = save_connection(unit, self.brand_id, shop, host=host, keyring=KEYRING, by="owner").id
        settings = {"block": block}
        save_settings(unit, self.brand_id, plugin="page_shop", document=settings, host=host, keyring=KEYRING)
        draft = TrackingDraft(**{"home_url": HOME, "connection_id": connection} | tracking)
        save_tracking(unit, self.brand_id, program_id=self.program.id, draft=draft, by="owner")
        self.code = make_code(unit, self.program, enrollment=self.enrollment, code=code) if code else None

    def landing(self, click=PLACEHOLDER):
        facts = read_landing(self.unit, self.seen(), host=self.host, keyring=KEYRING)
        return landing_of(facts, host=self.host, click=click)


@pytest.fixture
def host():
    point = EntryPoint("page_shop", "tests.engine.insights.page_shop", "goodword.plugins")
    made = load_plugins(["page_shop"], entry_points=[point])
    assert [status.reason for status in made.statuses()] == [None]
    return made


@pytest.fixture
def shown(db, host):
    with db.unit() as unit:
        yield lambda **options: Shown(unit, host, **options)


def query(address):
    return parse_qs(urlsplit(address).query)


def test_every_address_carries_the_click_and_the_program_s_parameters(shown):
    place = shown(utm={"utm_source": "goodword", "utm_campaign": "{handle}", "utm_term": "{code}"})
    beans = place.product(link="https://shop.example.com/beans?size=2")
    place.live(product_ids=(beans.id,))
    landing = place.landing()
    told = {"utm_source": ["goodword"], "utm_campaign": ["anna"], "utm_term": ["ANNA10"], PARAMETER: [PLACEHOLDER]}
    assert query(landing.shop) == told | {"a": ["1"]}
    assert landing.shop.endswith("#top")
    assert query(landing.products[0].address) == told | {"size": ["2"]}
    assert landing.code == "ANNA10"
    assert not landing.code_applied


def test_a_shop_that_keeps_one_parameter_gets_the_click_under_its_name(shown):
    place = shown(way="coupon", utm={"client_reference_id": "{click}"})
    place.live()
    assert query(place.landing().shop) == {
        "a": ["1"],
        "client_reference_id": [PLACEHOLDER],
        "coupon": ["ANNA10"],
    }
    assert query(place.landing(click=None).shop) == {"a": ["1"], "coupon": ["ANNA10"]}


def test_a_preview_counts_nothing(shown):
    place = shown(way="redirect")
    place.live()
    landing = place.landing(click=None)
    assert PARAMETER not in landing.shop
    assert PLACEHOLDER not in landing.shop


def test_a_shop_that_can_applies_the_code_and_the_click_survives_both_ways(shown):
    place = shown(way="redirect")
    place.live()
    landing = place.landing()
    parts = urlsplit(landing.shop)
    assert landing.code_applied
    assert (parts.netloc, parts.path) == ("shop.example.com", "/discount/ANNA10")
    assert query(landing.shop)[PARAMETER] == [PLACEHOLDER]
    redirect = query(landing.shop)["redirect"][0]
    assert urlsplit(redirect).path == "/start"
    assert query(redirect) == {"a": ["1"], PARAMETER: [PLACEHOLDER]}
    assert landing.shop.count(PLACEHOLDER) == 2


def test_a_shop_that_takes_the_code_as_a_parameter_gets_each_once(shown):
    place = shown(way="coupon")
    place.live()
    assert query(place.landing().shop) == {"a": ["1"], PARAMETER: [PLACEHOLDER], "coupon": ["ANNA10"]}


@pytest.mark.parametrize("way", ["elsewhere", "broken", "nothing"])
def test_a_shop_that_fails_costs_only_that_the_code_is_applied(shown, way):
    place = shown(way=way)
    place.live()
    landing = place.landing()
    assert not landing.code_applied
    assert query(landing.shop) == {"a": ["1"], PARAMETER: [PLACEHOLDER]}
    assert urlsplit(landing.shop).netloc == "shop.example.com"


def test_without_a_code_nothing_is_applied(shown):
    place = shown(way="redirect", code=None)
    place.live()
    landing = place.landing()
    assert (landing.code, landing.code_applied) == (None, False)
    assert urlsplit(landing.shop).path == "/start"


def test_the_code_is_the_one_that_is_the_ambassador_s_now(shown, clock):
    place = shown()
    place.live()
    other = make_enrollment(place.unit, place.program)
    newer = make_code(place.unit, place.program, enrollment=place.enrollment, code="ANNA-NEW", since=clock.now())
    assert place.landing().code == "ANNA-NEW"
    give_code(place.unit, newer, enrollment=other)
    assert place.landing().code == "ANNA10"
    make_code(place.unit, place.program, enrollment=place.enrollment, code="ANNA-OLD", expires_at=clock.now())
    assert place.landing().code == "ANNA10"


def test_what_leads_to_a_domain_that_is_no_longer_listed_is_not_shown(shown):
    place = shown(home_url="")
    beans = place.product(link="https://shop.example.com/beans")
    place.live(product_ids=(beans.id,))
    assert len(place.landing().products) == 1
    save_site(place.unit, place.brand_id, draft=SiteDraft(domains=("other.example.com",)), by="owner")
    landing = place.landing()
    assert (landing.products, landing.shop) == ((), None)


def test_words_of_the_page_are_safe_and_described(shown):
    place = shown()
    place.live(story="Hello **you** <script>alert(1)</script>", headline="")
    landing = place.landing()
    assert landing.story == "<p>Hello <strong>you</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>"
    assert landing.description == "Hello you <script>alert(1)</script>"
    assert landing.disclosure_label == "Advertisement"
    assert landing.asks_consent


def test_a_block_is_drawn_by_the_core(shown):
    place = shown(block="good")
    place.live()
    (block,) = place.landing().blocks
    assert block.title == "Hello Anna"
    assert block.html == "<p><strong>Yes</strong> &lt;script&gt;</p>"
    assert [(one.label, one.icon) for one in block.links] == [("Site", "link")]


BAD = ["no block", "no title", "long", "long text", "list", "code", "plain http", "no words", "not text", "unknown"]


@pytest.mark.parametrize("block", ["none", *BAD])
def test_a_block_that_breaks_its_contract_is_left_out_and_the_page_is_shown(shown, block):
    place = shown(block=block)
    place.live()
    landing = place.landing()
    assert landing.blocks == ()
    assert landing.shop


def test_settings_that_no_longer_fit_cost_the_block_alone(shown, db):
    place = shown(block="good")
    place.live()
    other = Keyring(SecretStr("o" * 40))
    facts = read_landing(place.unit, place.seen(), host=place.host, keyring=other)
    assert landing_of(facts, host=place.host, click=PLACEHOLDER).blocks == ()


def test_the_placeholder_is_never_written_otherwise(shown):
    place = shown(way="redirect")
    place.live()
    assert PLACEHOLDER in unquote(place.landing().shop)
    assert place.landing().shop.count(PLACEHOLDER) == unquote(place.landing().shop).count(PLACEHOLDER)
