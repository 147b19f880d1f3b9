"""An ambassador's page as its visitors get it: alike for all of them, light, strict, and gone when it should be."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from sqlalchemy import text

from engine.enrollment.service import suspend
from engine.identity.tables import Realm
from engine.programs.schemas import CustomerDiscount
from engine.tracking.clicks.rules import PLACEHOLDER
from engine.tracking.pages.rules import parted_disclosure
from engine.tracking.pages.schemas import LANGUAGES
from engine.tracking.pages.service import hide_page
from engine.tracking.site.schemas import DISCLOSURE, TrackingDraft
from engine.tracking.site.service import save_tracking
from engine.tracking.site.tables import AssetKind, Consent
from tests.support.routes import only
from tests.support.shop import TEN_PERCENT
from tests.web.test_pages import words
from tests.web.test_security import PAYLOADS, inline
from web.i18n import CATALOGUES
from web.landing import PAGE_POLICY
from web.static_files import STATIC

TEMPLATES = [CATALOGUES.parent / "templates" / name for name in ("public/landing.html", "macros/landing.html")]
WITHOUT_PHOTOS = 100_000
"""How many bytes a page may bring to a phone, pictures left out."""


class Loads(HTMLParser):
    """What a page fetches by itself."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in {"link", "script"} and given.get("rel") not in {"canonical", "icon"}:
            self.found.append(given.get("href") or given["src"])


@pytest.fixture
def anna(shop):
    shop.site()
    return shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")


@pytest.fixture
def visitor(app):
    return app.test_client()


def page(visitor, handle="anna", **more):
    return visitor.get(f"/a/{handle}", **more)


def test_a_visitor_reads_who_what_and_that_it_is_an_advertisement(shop, anna, visitor):
    beans = shop.product("Morning blend", price="€14.90")
    shop.page(anna, "anna", name="Anna Berg", headline="Good mornings.", story="I **drink** it.", product_ids=(beans,))
    said = words(page(visitor))
    assert "Advertisement I earn a commission when you buy through this page or with my code." in said
    assert said.index("Advertisement") < said.index("Anna Berg Good mornings.") < said.index("Shop now")
    assert "Your code ANNA10" in said
    assert "Enter the code at the checkout of Bean & Leaf." in said
    assert "I drink it." in said
    assert "Picked by Anna Berg Morning blend €14.90" in said


def test_a_page_is_there_only_while_it_may_be(shop, anna, visitor, db):
    assert page(visitor).status_code == 404
    page_id = shop.page(anna, "anna", approved=False)
    assert page(visitor).status_code == 404
    with db.unit() as unit:
        unit.execute(text("DELETE FROM landing_version"))
        unit.execute(text("DELETE FROM landing_page"))
    page_id = shop.page(anna, "anna")
    assert page(visitor).status_code == 200
    with db.unit() as unit:
        hide_page(unit, shop.brand_id, page_id=page_id, by="owner")
    assert page(visitor).status_code == 404
    with db.unit() as unit:
        unit.execute(text("UPDATE landing_page SET hidden_at = NULL"))
        suspend(unit, shop.brand_id, enrollment_id=anna, reason="Asked to.", by="owner")
    assert page(visitor).status_code == 404


@pytest.mark.parametrize("handle", ["Anna", "@anna", "anna%00", "..", "%2e%2e", "anna%20", "admin", "x" * 300, "ännä"])
def test_a_handle_in_another_writing_leads_nowhere(shop, anna, visitor, handle):
    shop.page(anna, "anna")
    assert page(visitor, handle).status_code == 404


def test_everybody_gets_the_same(shop, anna, visitor, signed_in):
    shop.page(anna, "anna")
    clients = (visitor, signed_in("owner@bean.example"), signed_in("anna@example.com", Realm.AMBASSADOR))
    headers = {"Accept-Language": "de-DE", "User-Agent": "x", "Referer": "https://x.example"}
    answers = [page(client) for client in clients] + [page(clients[0], headers=headers)]
    assert len({answer.data for answer in answers}) == 1
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        assert "Vary" not in answer.headers


def test_the_policy_of_a_page_allows_nothing_inline_and_no_stranger():
    assert "unsafe" not in PAGE_POLICY
    assert "http" not in PAGE_POLICY
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(PAGE_POLICY.split("; "))


def test_every_way_to_the_shop_carries_the_click_and_says_that_it_is_paid(shop, anna, visitor):
    shop.page(anna, "anna", product_ids=(shop.product("Beans"), shop.product("Cup")))
    markup = page(visitor).get_data(as_text=True)
    ways = re.findall(r'<a class="(?:act|product)" href="([^"]+)" rel="([^"]+)"', markup)
    assert len(ways) == 4
    for address, relation in ways:
        assert unescape(address).startswith("https://shop.example.com/")
        assert f"gw_click={PLACEHOLDER}" in unescape(address)
        assert relation == "sponsored nofollow noopener"
    assert markup.count(PLACEHOLDER) == 4


def test_what_networks_show_of_it_is_absolute(shop, anna, visitor, goodword):
    photo = shop.picture()
    shop.page(anna, "anna", name="Anna Berg", headline='Good "mornings"', photo_id=photo)
    markup = page(visitor).get_data(as_text=True)
    origin = goodword.settings.base_url
    told = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)"', markup))
    assert told["og:url"] == f"{origin}/a/anna"
    assert told["og:title"] == told["twitter:title"] == "Anna Berg recommends Bean &amp; Leaf"
    assert told["og:description"] == "Good &#34;mornings&#34;"
    assert told["og:image"] == told["twitter:image"] == f"{origin}/media/{photo}.jpg"
    assert (told["og:image:width"], told["og:image:height"]) == ("320", "400")
    assert told["twitter:card"] == "summary_large_image"
    assert only(r'<link rel="canonical" href="([^"]+)"', markup) == f"{origin}/a/anna"


def test_a_page_speaks_the_language_that_it_is_written_in_whoever_asks(shop, anna, visitor):
    shop.page(anna, "anna", language="de", headline="Guten Morgen", story="Hallo")
    answer = page(visitor, headers={"Accept-Language": "fr"})
    assert '<html lang="de">' in answer.get_data(as_text=True)
    said = words(answer)
    assert "Werbung Ich erhalte eine Provision, wenn du über diese Seite oder mit meinem Code kaufst." in said
    assert "Dein Code ANNA10 Kopieren Zum Shop" in said
    assert "Gib den Code an der Kasse von Bean & Leaf ein." in said


def test_what_a_brand_discloses_in_its_own_words_stays_as_it_is(shop, anna, visitor, db):
    draft = TrackingDraft(
        home_url="https://shop.example.com/", disclosure="Anzeige: 5 % davon sind für mich (%(name)s)."
    )
    with db.unit() as unit:
        save_tracking(unit, shop.brand_id, program_id=shop.program_id, draft=draft, by="owner")
    shop.page(anna, "anna", language="fr")
    assert "Anzeige 5 % davon sind für mich (%(name)s)." in words(page(visitor))


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_language_of_pages_says_everything_that_stands_on_one(language):
    used = {text for template in TEMPLATES for text in texts_of(template)} | {"Ad", *parted_disclosure(DISCLOSURE)}
    with (CATALOGUES / "pages" / f"{language}.po").open("rb") as file:
        said = {str(one.id): str(one.string) for one in read_po(file, locale=language) if one.id}
    assert said.keys() == used
    for english, other in said.items():
        assert other.strip()
        assert sorted(re.findall(r"%\(\w+\)s", other)) == sorted(re.findall(r"%\(\w+\)s", english))
        assert not re.search(r"%(?!\(\w+\)s)", other)


def texts_of(template):
    """Every text of a template that can be said in another language."""
    with template.open("rb") as file:
        found = list(extract("jinja2.ext:babel_extract", file, {"_": (1,)}))
    return {said if isinstance(said, str) else said[0] for _line, said, _comments, _context in found}


@pytest.mark.parametrize(
    ("discount", "said"),
    [
        ({"percent_bps": 1_250}, "12.5 % off with your code ANNA10"),
        ({"amount_minor": {"EUR": 500}}, "€5.00 off with your code ANNA10"),
        ({"amount_minor": {"EUR": 500, "USD": 600}}, "Your code ANNA10"),
        (None, "Your code ANNA10"),
    ],
)
def test_a_page_says_what_the_code_takes_off_where_the_terms_say_it(shop, anna, visitor, discount, said):
    if discount:
        shop.publish(TEN_PERCENT.model_copy(update={"customer_discount": CustomerDiscount(**discount)}))
    shop.page(anna, "anna")
    assert said in words(page(visitor)).replace("\u202f", " ")


def test_a_page_is_light(app, shop, anna, visitor):
    products = tuple(shop.product(f"Product number {number}", price="€14.90") for number in range(24))
    shop.page(
        anna, "anna", story="word " * 900, product_ids=products, links=tuple(f"https://a{n}.example" for n in range(8))
    )
    answer = page(visitor)
    markup = answer.get_data(as_text=True)
    total, loads = len(answer.data), Loads(markup).found
    assert len(loads) == 3
    for address in loads:
        with visitor.get(address) as fetched:
            assert fetched.status_code == 200, address
            total += len(fetched.data)
    font = only(r"url\((vendor/[^)]+)\)", (STATIC / "landing.css").read_text(encoding="utf-8"))
    total += (STATIC / font).stat().st_size
    total += (STATIC / "mark.svg").stat().st_size
    assert total <= WITHOUT_PHOTOS
    assert (STATIC / "landing.css").stat().st_size <= 12_000


def test_consent_is_asked_where_the_program_requires_it(shop, anna, visitor, db):
    shop.page(anna, "anna")
    said = words(page(visitor))
    assert "May we remember this visit?" in said
    assert said.index("Decline") < said.index("Agree")
    draft = TrackingDraft(home_url="https://shop.example.com/", consent=Consent.ASSUMED)
    with db.unit() as unit:
        save_tracking(unit, shop.brand_id, program_id=shop.program_id, draft=draft, by="owner")
    assert "remember this visit" not in words(page(visitor))


@pytest.mark.parametrize(("answer", "value", "anchor"), [("yes", "1", "agreed"), ("no", "0", "declined")])
def test_an_answer_about_consent_is_remembered(app, shop, anna, visitor, answer, value, anchor):
    app.config["WTF_CSRF_ENABLED"] = True
    shop.page(anna, "anna")
    done = visitor.post("/a/anna/consent", data={"answer": answer})
    assert (done.status_code, done.location) == (303, f"/a/anna#{anchor}")
    cookie = done.headers["Set-Cookie"]
    assert cookie.startswith(f"gw_consent={value};")
    assert {"Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert page(visitor).status_code == 200


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({}, {}, 400),
        ({"answer": "maybe"}, {}, 400),
        ({"answer": "yes"}, {"Sec-Fetch-Site": "cross-site"}, 400),
        ({"answer": "yes"}, {"Sec-Fetch-Site": "same-site"}, 400),
        ({"answer": "yes"}, {"Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
def test_nobody_answers_in_a_visitor_s_stead(shop, anna, visitor, form, headers, status):
    shop.page(anna, "anna")
    answer = visitor.post("/a/anna/consent", data=form, headers=headers)
    assert answer.status_code == status
    assert ("gw_consent" in answer.headers.get("Set-Cookie", "")) is (status == 303)


def test_an_answer_leads_back_to_a_page_and_nowhere_else(visitor):
    for handle in ("Anna", "\\evil", "a b", "x" * 60):
        assert visitor.post(f"/a/{handle}/consent", data={"answer": "yes"}).status_code in {404, 405}


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_hostile_words_stay_words_on_a_page(shop, visitor, number):
    payload = PAYLOADS[number]
    shop.site()
    eve = shop.ambassador(f"Eve {payload}"[:120], "eve@example.com", code="EVE10")
    beans = shop.product(f"Beans {payload}", price=payload[:40])
    shop.page(eve, "eve", name=f"Eve {payload}"[:60], headline=payload, story=f"{payload}\n\n[x]({payload})",
              product_ids=(beans,))  # fmt: skip
    answer = page(visitor, "eve")
    markup = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert inline(markup) == []
    assert "<img src=x" not in markup
    assert "49" not in words(answer).partition("Eve")[2][:40]


def test_a_picture_is_kept_for_ever_and_can_do_nothing(shop, visitor):
    photo = shop.picture()
    answer = visitor.get(f"/media/{photo}.jpg")
    assert answer.status_code == 200
    assert answer.data[:3] == b"\xff\xd8\xff"
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = visitor.get(f"/media/{photo}.jpg", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("end", ["png", "html", "svg", "js", "jpg/x", "JPG"])
def test_a_picture_has_one_name(shop, visitor, end):
    assert visitor.get(f"/media/{shop.picture(AssetKind.PHOTO)}.{end}").status_code == 404


@pytest.mark.parametrize("name", ["x.jpg", "0.jpg", "../secret.key", "%2e%2e%2fsecret.key", "6b3fa0.jpg", ".jpg"])
def test_what_is_no_picture_is_not_there(visitor, name):
    assert visitor.get(f"/media/{name}").status_code == 404


def test_a_colour_is_a_style_sheet_of_its_own(visitor):
    answer = visitor.get("/media/2f7054.css")
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.data.startswith(b":root{--brand-fill:light-dark(#2f7054")


@pytest.mark.parametrize("colour", ["2F7054", "2f705", "2f70544", "zzzzzz", "abc", "red", "2f7054;}", "%232f7054"])
def test_what_is_no_colour_is_not_there(visitor, colour):
    assert visitor.get(f"/media/{colour}.css").status_code == 404


def test_robots_are_told_what_is_for_everybody(visitor):
    said = visitor.get("/robots.txt").get_data(as_text=True)
    assert said.startswith("User-agent: *\n")
    assert "Disallow: /admin/" in said
    assert "/a/" not in said
