"""Screens of links, of the brand's site and of tracking: made, led elsewhere, printed, and never somebody else's."""

from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import text

from engine.identity.tables import Realm
from engine.tracking.codes.service import issue_code
from engine.tracking.pages.products import change_product, hide_product
from engine.tracking.pages.schemas import ProductDraft
from engine.tracking.site.queries import site_of, tracking_of
from engine.tracking.site.tables import AssetKind
from tests.support.shop import open_shop

HOME = "https://shop.example.com/"


@pytest.fixture
def anna(always, shop):
    """A client of Anna, an ambassador of a brand whose links lead somewhere."""
    shop.site()
    shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")
    shop.ambassador("Ben", "ben@example.com", code="BEN10")
    return always("anna@example.com", Realm.AMBASSADOR)


@pytest.fixture
def ben(always, anna):
    return always("ben@example.com", Realm.AMBASSADOR)


def mine(db, name="Anna Berg"):
    return str(
        UUID(one(db, f"SELECT e.id FROM enrollment e JOIN ambassador a ON a.id = ambassador_id WHERE name = '{name}'"))
    )


def one(db, query):
    with db.reading() as unit:
        return unit.execute(text(query)).scalars().first()


def make(client, db, **fields):
    answer = client.post("/portal/bean/links", data={"enrollment_id": mine(db)} | fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_an_ambassador_makes_a_link_and_finds_it_in_the_list(anna, db):
    page = anna.get(make(anna, db, destination=f"{HOME}mug", title="My mug", slug="Anna-Mug"))
    assert "http://127.0.0.1:8000/r/anna-mug" in page.text
    assert f"Leads to {HOME}mug" in page.text
    assert "My mug" in anna.get("/portal/bean/links").text


def test_an_empty_form_makes_a_link_to_the_home_address(anna, db):
    assert f"Leads to {HOME}" in anna.get(make(anna, db)).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"destination": "https://evil.example/"}, "not among the brand&#39;s domains"),
        ({"destination": "javascript:alert(1)"}, "not a web address"),
        ({"slug": "admin"}, "is reserved"),
        ({"slug": "bean"}, "is a brand&#39;s"),
        ({"slug": "ben10"}, "another ambassador&#39;s promo code"),
        ({"slug": "taken"}, "taken is taken"),
        ({"title": "x" * 121}, "too long"),
        ({"brand_id": "x"}, "no such field"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(anna, db, fields, words):
    make(anna, db, slug="taken")
    answer = anna.post("/portal/bean/links", data={"enrollment_id": mine(db), "title": "Kept <b>"} | fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert "title" in fields or "Kept &lt;b&gt;" in answer.text
    assert one(db, "SELECT count(*) FROM link") == 1


def test_a_link_is_led_elsewhere_and_put_away(anna, db):
    place = make(anna, db, slug="anna", title="Mug")
    assert anna.post(place, data={"destination": f"{HOME}tee", "title": ""}).status_code == 303
    page = anna.get(place).text
    assert f"Leads to {HOME}tee" in page
    assert "Mug" not in page
    assert anna.post(place, data={"destination": "//evil.example"}).status_code == 422
    assert anna.post(f"{place}/archive").status_code == 303
    assert "Archived" in anna.get(place).text
    assert "is archived" in anna.post(place, data={"title": "x"}, follow_redirects=True).text


def test_another_ambassador_finds_neither_the_link_nor_what_is_printed_of_it(anna, ben, db, shop):
    place = make(anna, db, slug="anna")
    shop.page(UUID(mine(db)), "anna-berg")
    theirs = f"/portal/bean/page/{mine(db)}"
    for address in (place, f"{place}/qr.svg", f"{place}/card.pdf", f"{theirs}/qr.svg", f"{theirs}/card.pdf"):
        assert anna.get(address).status_code == 200, address
        assert ben.get(address).status_code == 404, address
    for address in (place, f"{place}/archive"):
        assert ben.post(address, data={"title": "mine"}).status_code == 404
    assert ben.post("/portal/bean/links", data={"enrollment_id": mine(db)}).status_code == 404
    assert "anna" not in ben.get(f"/portal/bean/links?in={mine(db)}").text
    assert one(db, "SELECT archived_at FROM link") is None
    assert ben.get(f"/portal/bean/page/{mine(db, 'Ben')}/qr.svg").status_code == 404  # there is no page


def test_qr_codes_and_cards_lead_to_the_address(anna, owner, db, shop):
    place = make(anna, db, slug="anna")
    shop.page(UUID(mine(db)), "anna-berg")
    page_id = UUID(one(db, "SELECT id FROM landing_page"))
    both = [
        (anna, place, "http://127.0.0.1:8000/r/anna"),
        (owner, place.replace("/portal/", "/admin/"), "http://127.0.0.1:8000/r/anna"),
        (anna, f"/portal/bean/page/{mine(db)}", "http://127.0.0.1:8000/a/anna-berg"),
        (owner, f"/admin/bean/pages/{page_id}", "http://127.0.0.1:8000/a/anna-berg"),
    ]
    for client, address, shared in both:
        drawn, card = client.get(f"{address}/qr.png"), client.get(f"{address}/card.pdf")
        assert [one.text for one in zxingcpp.read_barcodes(Image.open(BytesIO(drawn.data)).convert("RGB"))] == [shared]
        page = pypdfium2.PdfDocument(card.data)[0]
        assert [one.text for one in zxingcpp.read_barcodes(page.render(scale=3).to_pil())] == [shared]
        said = page.get_textpage().get_text_bounded()
        assert all(words in said for words in ("Anna Berg", "ANNA10", "Bean & Leaf", "Advertisement"))
        assert client.get(f"{address}/qr.svg").content_type == "image/svg+xml"
        assert client.get(f"{address}/qr.gif").status_code == 404
        assert drawn.headers["X-Content-Type-Options"] == "nosniff"
        assert drawn.headers["Cache-Control"] == "no-store"


def test_staff_sees_every_link_of_the_program_and_may_put_one_away(anna, owner, always, db):
    place = make(anna, db, slug="anna", title="<script>alert(1)</script>")
    listed = owner.get("/admin/bean/links").text
    assert "/r/anna" in listed
    assert "<script>alert" not in listed
    archive = f"{place.replace('/portal/', '/admin/')}/archive"
    assert always("viewer@bean.example").post(archive).status_code == 403
    assert owner.post(archive).status_code == 303
    assert one(db, "SELECT archived_at FROM link") is not None


def test_a_foreign_brand_finds_no_link(anna, always, db, goodword, clock):
    open_shop(goodword, clock, slug="other", name="Other")
    link_id = make(anna, db, slug="anna").rpartition("/")[2]
    stranger = always("owner@other.example")
    for address in (f"{link_id}/qr.svg", f"{link_id}/card.pdf"):
        assert stranger.get(f"/admin/other/links/{address}").status_code == 404
    assert stranger.post(f"/admin/other/links/{link_id}/archive").status_code == 404


def test_the_site_is_saved_and_keeps_its_logo(owner, shop, db):
    logo = shop.picture(AssetKind.LOGO)
    with db.unit() as unit:
        unit.execute(text("DELETE FROM brand_site"))
    owner.post("/admin/bean/settings", data={"domains": "shop.example.com", "colour": "#2f7054"})
    with db.unit() as unit:
        unit.execute(text("UPDATE brand_site SET logo_id = :logo").bindparams(logo=logo.hex))
    fields = {"domains": "https://Shop.example.com/\nlocalhost:3000\n", "colour": "#FFEE00"}
    assert owner.post("/admin/bean/settings", data=fields).status_code == 303
    with db.reading() as unit:
        found = site_of(unit, shop.brand_id)
    assert (found.domains, found.colour, found.logo_id) == (("shop.example.com", "localhost:3000"), "#ffee00", logo)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"domains": "co.uk"}, "Strangers have sites under co.uk"),
        ({"domains": "other.example"}, "would be on none of these domains"),
        ({"domains": "shop.example.com", "colour": "green"}, "is not a colour"),
    ],
    ids=["shared", "home is lost", "colour"],
)
def test_a_site_that_cannot_be_is_refused_in_words(owner, shop, fields, words):
    shop.site()
    answer = owner.post("/admin/bean/settings", data={"colour": "#2f7054"} | fields)
    assert answer.status_code == 422
    assert words in answer.text


def test_tracking_is_saved_field_by_field(owner, shop, db):
    shop.site()
    place = f"/admin/bean/settings/programs/{shop.program_id}"
    fields = {
        "home_url": f"{HOME}start",
        "consent": "assumed",
        "kept_address": "hashed",
        "count_window_h": "12",
        "retention_days": "60",
        "utm": "utm_source={handle}\nutm_medium = ambassador\n",
        "disclosure": "Werbung.",
    }
    assert owner.post(place, data=fields).status_code == 303
    with db.reading() as unit:
        found = tracking_of(unit, shop.brand_id, program_id=shop.program_id)
    assert (found.home_url, found.consent, found.kept_address) == (f"{HOME}start", "assumed", "hashed")
    assert (found.count_window_h, found.retention_days, found.disclosure) == (12, 60, "Werbung.")
    assert found.utm == {"utm_source": "{handle}", "utm_medium": "ambassador"}
    assert "utm_source={handle}" in owner.get(place).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"home_url": "https://evil.example/"}, "not among the brand&#39;s domains"),
        ({"retention_days": "1"}, "Keep them for at least 30 days"),
        ({"utm": "utm_source"}, "has no ="),
        ({"utm": "utm_source={name}"}, "braces around another word"),
        ({"consent": "maybe"}, "Choose one of those shown"),
    ],
    ids=["home", "days", "pair", "word", "consent"],
)
def test_tracking_that_cannot_be_is_refused_beside_the_field(owner, shop, fields, words):
    shop.site()
    answer = owner.post(f"/admin/bean/settings/programs/{shop.program_id}", data=fields)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_viewer_reads_the_settings_and_changes_none(always, shop):
    viewer = always("viewer@bean.example")
    assert viewer.get("/admin/bean/settings").status_code == 200
    assert viewer.post("/admin/bean/settings", data={"domains": "evil.example"}).status_code == 403


def test_a_link_is_offered_to_every_product_that_is_shown(shop, anna, db):
    tea, gone = shop.product("Morning blend"), shop.product("Sold out")
    with db.unit() as unit:
        change = ProductDraft(title="Morning blend", link=f"{HOME}tea?size=1")
        change_product(unit, shop.brand_id, product_id=tea, draft=change, by="owner")
        hide_product(unit, shop.brand_id, product_id=gone, by="owner")
    page = anna.get("/portal/bean/links").text
    assert f'<option value="{HOME}tea?size=1" label="Morning blend">' in page
    assert "Sold out" not in page
    assert 'list="destinations"' in anna.get(make(anna, db, destination=f"{HOME}tea?size=1")).text


def test_page_and_card_show_the_same_code_where_somebody_has_several(shop, anna, db):
    shop.page(UUID(mine(db)), "anna")
    shop.clock.advance(timedelta(days=1))
    with db.unit() as unit:
        issue_code(
            unit, shop.brand_id, program_id=shop.program_id, enrollment_id=UUID(mine(db)), code="ANNA-NEW", by="owner"
        )
    card = anna.get(f"/portal/bean/page/{mine(db)}/card.pdf").data
    printed = pypdfium2.PdfDocument(card)[0].get_textpage().get_text_bounded()
    assert "ANNA-NEW" in printed
    assert ">ANNA-NEW</strong>" in anna.get("/a/anna").text
