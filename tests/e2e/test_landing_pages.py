"""A landing page in a real browser: with and without scripts, under attack, from a phone to the brand's desk."""

import re

import pytest
from playwright.sync_api import Route, expect

from engine.identity.tables import Realm
from tests.e2e.conftest import AXE
from tests.web.test_security import PAYLOADS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LONG_NAMES = {
    "in-words": "Marie-Antoinette Josephine Charlotte de la Rochefoucauld-Doe",
    "in-one-word": "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrentenanst",
}
"""As long as a name may be."""
SHIFTS = """
    window.shifted = 0;
    new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shifted += one.value; })
      .observe({ type: "layout-shift", buffered: true });
"""
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


def test_a_visitor_copies_the_code_and_answers_once(page_of):
    page = page_of(permissions=["clipboard-read", "clipboard-write"], **PHONE)
    page.goto("/a/anna-berg")
    expect(page.get_by_role("heading", name="Anna Berg", exact=True)).to_be_visible()
    expect(page.get_by_text("I earn a commission")).to_be_in_viewport()
    page.get_by_role("button", name="Copy").tap()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "ANNA10"
    expect(page.get_by_role("button", name="Agree")).to_be_in_viewport()
    page.get_by_role("button", name="Decline").tap()
    expect(page).to_have_url(re.compile("/a/anna-berg#declined$"))
    expect(page.get_by_role("button", name="Agree")).to_be_hidden()
    page.goto("/a/anna-berg")
    expect(page.get_by_role("button", name="Agree")).to_be_hidden()
    assert page.evaluate("document.cookie") == "gw_consent=0"


def test_a_page_works_without_scripts(page_of):
    page = page_of(java_script_enabled=False, **PHONE)
    page.goto("/a/anna-berg")
    expect(page.get_by_text("ANNA10", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    expect(page.get_by_role("link", name="Shop now").first).to_have_attribute("href", re.compile("gw_click="))
    page.get_by_role("button", name="Agree").tap()
    expect(page.get_by_text("Thank you: this visit is remembered.")).to_be_visible()


def test_a_page_is_made_on_a_phone_and_approved_at_a_desk(page_of, tmp_path):
    nora = page_of("nora@example.com", Realm.AMBASSADOR, **PHONE)
    nora.goto("/portal/bean/page")
    nora.get_by_label("Headline").fill("Tea first.")
    nora.get_by_label("Why do you recommend").fill("Because it is **good**.")
    nora.get_by_label("Morning blend").check()
    nora.get_by_role("button", name="Send to Bean & Leaf").tap()
    expect(nora.get_by_role("status").first).to_contain_text("Sent to Bean & Leaf.")
    expect(nora.frame_locator("iframe").get_by_role("heading", name="Nora Neu", exact=True)).to_be_visible()
    owner = page_of("owner@bean.example", viewport={"width": 1440, "height": 900})
    owner.goto("/admin/bean/pages")
    owner.get_by_role("link", name="Nora Neu").click()
    expect(owner.frame_locator("iframe").get_by_text("Tea first.")).to_be_visible()
    owner.get_by_role("button", name="Approve and show").click()
    expect(owner.get_by_role("status").first).to_contain_text("Approved: the page is live.")
    visitor = page_of(**PHONE)
    visitor.goto("/a/nora-neu")
    expect(visitor.get_by_text("Because it is good.")).to_be_visible()


def test_nothing_that_anybody_wrote_runs(page_of, served):
    shop, _ = served
    written = "\n\n".join(f"{one}\n\n[x]({one})" for one in PAYLOADS)
    eve = shop.ambassador("Eve", "eve@example.com", code="EVE10")
    beans = shop.product(f"Beans {PAYLOADS[1]}", price=PAYLOADS[0][:40])
    shop.page(eve, "eve-runs", name=f"Eve {PAYLOADS[6]}", headline=PAYLOADS[1], story=written, product_ids=(beans,))
    page, spoken = page_of(**PHONE), []

    def answer(dialog):
        spoken.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", answer)
    page.goto("/a/eve-runs")
    for link in page.locator("a[href]").all():
        assert re.match(r"https?://|#main$", str(link.get_attribute("href")))
    page.mouse.move(200, 400)
    page.keyboard.press("Tab")
    assert spoken == []


@pytest.fixture
def long_names(served):
    """Let people with long names have pages full of products, one of them with a photo; return the handles."""
    shop, _ = served
    products = tuple(shop.product(f"Morning blend, roasted on day {number}", price="€14.90") for number in range(24))
    said = {"headline": "Good mornings.", "story": "I drink it. " * 400, "product_ids": products}
    for number, (handle, name) in enumerate(LONG_NAMES.items()):
        anna = shop.ambassador(name, f"long{number}@example.com", code=f"LONG{number}")
        photo = shop.picture() if handle == "in-words" else None
        shop.page(anna, handle, name=name, photo_id=photo, **said)
    return tuple(LONG_NAMES)


@pytest.mark.parametrize("width", [320, 390])
def test_no_name_makes_a_page_wider_than_a_phone(page_of, long_names, width):
    page = page_of(**PHONE | {"viewport": {"width": width, "height": 700}})
    for handle in long_names:
        page.goto(f"/a/{handle}")
        assert page.evaluate("document.documentElement.scrollWidth") == width, handle


def test_however_long_the_name_the_way_to_the_shop_stands_above_the_question(page_of, long_names):
    page = page_of(**PHONE)
    for handle in long_names:
        page.goto(f"/a/{handle}")
        way, question = (page.locator(one).first.bounding_box() for one in (".deal .act", ".consent"))
        assert way["y"] + way["height"] <= question["y"], handle


@pytest.mark.parametrize("width", [320, 360, 412, 768, 1350])
def test_nothing_moves_when_the_font_comes_late(page_of, long_names, width):
    for handle in long_names:
        page = page_of(viewport={"width": width, "height": 900})
        held: list[Route] = []
        page.add_init_script(SHIFTS)
        page.route("**/*.woff2", kept_in(held))
        page.goto(f"/a/{handle}", wait_until="commit")
        expect(page.get_by_role("button", name="Copy")).to_be_visible()
        page.evaluate(PAINTED)
        before = page.locator("h1").bounding_box()
        for one in held:
            one.continue_()
        page.evaluate("document.fonts.ready.then(() => null)")
        page.evaluate(PAINTED)
        after = page.locator("h1").bounding_box()
        assert held
        assert after["height"] == before["height"], handle
        assert page.evaluate("shifted") < 0.01, handle


def kept_in(held):
    """Return what answers no request, but keeps it in `held`."""

    def keep(route):
        held.append(route)

    return keep


def test_a_page_is_as_long_as_it_will_be_before_its_products_were_looked_at(page_of, long_names):
    page = page_of(**PHONE)
    page.goto(f"/a/{long_names[0]}")
    told = page.evaluate("document.documentElement.scrollHeight")
    for link in page.locator(".product").all():
        link.scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollHeight") == pytest.approx(told, rel=0.1)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run `npm ci`")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_pages_long_bare_and_in_any_colour(page_of, served, theme):
    shop, _ = served
    long = "Maximilian-Alexander von Habsburg-Lothringen zu Sonnenberg"
    word = "Donaudampfschifffahrtsgesellschaftskapitänskajüte"
    products = tuple(shop.product(f"{word} {number}") for number in range(7))
    people = [
        shop.ambassador(f"P{number}", f"p{number}@example.com", code=f"LONG-CODE-{number}") for number in range(2)
    ]
    said = {
        "name": long,
        "headline": word,
        "story": f"## {word}\n\n{word}",
        "links": (f"https://a.example/{'x' * 90}",),
    }
    shop.page(people[0], "long-words", language="de", product_ids=products, **said)
    shop.page(people[1], "bare-page", name="Li")
    page, axe, found = page_of(color_scheme=theme, bypass_csp=True, **PHONE), AXE.read_text(encoding="utf-8"), []
    for colour in ("#ffde00", "#ffffff", "#000000"):
        shop.site(colour=colour)
        for handle in ("long-words", "bare-page", "anna-berg"):
            page.goto(f"/a/{handle}")
            page.evaluate(axe)
            result = page.evaluate("axe.run()")
            found += [(colour, handle, one["id"], one["nodes"][0]["target"]) for one in result["violations"]]
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found += [(colour, handle, "wider than the screen", wider)] * (wider > 0)
    assert found == []
