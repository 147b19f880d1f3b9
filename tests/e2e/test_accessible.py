"""axe finds nothing on any page: light and dark, on a phone and at a desk; and no page is wider than its screen."""

from uuid import UUID

import pytest
from sqlalchemy import text

from engine.identity.tables import Realm
from tests.e2e.conftest import AXE

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PUBLIC = ("/", "/sign-in", "/sign-in/sent", "/sign-in/spent", "/join/bean/friends", "/nowhere", "/a/anna-berg")
PORTAL = ("/portal/bean/", "/portal/bean/earnings", "/portal/bean/earnings/{commission}", "/portal/bean/payouts",
          "/portal/bean/payouts/{payout}", "/portal/bean/page/{mine}",
          "/portal/bean/links", "/portal/bean/links/{link}")  # fmt: skip
ADMIN = ("", "applications", "applications/{enrollment}", "orders", "orders?show=blocked", "commissions",
         "commissions/{commission}", "payouts", "payouts/preview", "payouts/confirm", "payouts/{batch}",
         "plugins", "pages", "pages?show=all", "pages/{page}", "products", "products/{product}", "logo",
         "links", "clicks", "settings", "settings/programs/{program}", "shops", "shops/{connection}",
         "shops/new/generic_webhook", "inbox", "inbox/{webhook}", "plugins/csv_orders")  # fmt: skip


@pytest.fixture
def ids(served):
    shop, _ = served
    anna = "ambassador_id = (SELECT id FROM ambassador WHERE name = 'Anna Berg')"
    queries = {
        "commission": f"SELECT id FROM commission WHERE reason = 'reversal' AND {anna}",
        "payout": f"SELECT id FROM payout WHERE {anna}",
        "enrollment": "SELECT id FROM enrollment WHERE state = 'applied'",
        "batch": "SELECT id FROM payout_batch",
        "mine": f"SELECT id FROM enrollment WHERE {anna}",
        "page": "SELECT page_id FROM landing_version WHERE state = 'submitted'",
        "product": "SELECT id FROM product",
        "program": "SELECT id FROM program",
        "link": "SELECT id FROM link WHERE slug = 'anna'",
        "connection": "SELECT id FROM connection",
        "webhook": "SELECT id FROM inbox_webhook WHERE state = 'dead'",
    }
    with shop.goodword.database.reading() as unit:
        return {name: str(UUID(unit.execute(text(query)).scalars().first())) for name, query in queries.items()}


THEMES = {"light": "{}", "dark": "{runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}}"}
"""What axe looks for in each: by the other theme a page changes its colours and nothing else."""


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run `npm ci`")
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing(page_of, ids, width):
    axe, found = AXE.read_text(encoding="utf-8"), list[object]()
    options = {"viewport": {"width": width, "height": 900}, "reduced_motion": "reduce", "bypass_csp": True}
    rooms = (
        (page_of(**options), PUBLIC),
        (page_of("anna@example.com", Realm.AMBASSADOR, **options), PORTAL),
        (page_of("owner@bean.example", **options), [f"/admin/bean/{address}" for address in ADMIN]),
    )
    looked_at = 0
    for page, addresses in rooms:
        for address in addresses:
            page.goto(address.format(**ids))
            page.evaluate(axe)
            for theme, wish in THEMES.items():
                page.emulate_media(color_scheme=theme)
                result = page.evaluate(f"axe.run({wish})")
                assert result["passes"], f"axe saw nothing on {address}, {theme}"
                wrong = result["violations"]
                found += [(address, theme, one["id"], [node["target"] for node in one["nodes"]]) for one in wrong]
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found += [(address, "wider than the screen", wider)] * (wider > 0)
            looked_at += 1
    assert found == []
    assert looked_at == len(PUBLIC) + len(PORTAL) + len(ADMIN)
