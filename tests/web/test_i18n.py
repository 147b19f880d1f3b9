"""Every word of ours can be translated: with a made-up language, nothing of a page stays English but its data."""

import re
from html import unescape
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

import web.i18n
from engine.identity.tables import Realm
from web.app import create_app

WEB = Path(web.i18n.__file__).parent
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
KEYWORDS = {"_": None, "text": None, "ngettext": (1, 2)}
PLUMBING = {"Goodword", "English"}
NAMES = """
Anna Berg Bean Leaf Friends Maximilian Alexander von Habsburg Lothringen zu Sonnenberg Ben Okafor Nora Neu Carla Nuñez
Dmitri 李小龍 Owner of ANNA EUR US owner bean example com carla dmitri org CSV payment file
"""
DATA = set(NAMES.split())
"""What the shop of the tests is made of; all else on a page is ours."""


def marked(message):
    return f"⟦{message}⟧"


@pytest.fixture
def german(goodword, tmp_path, monkeypatch):
    """An app that knows German, in which every text of ours stands between brackets."""
    catalogue = Catalog(locale="de")
    for _file, _line, message, _comments, _context in extract_from_dir(WEB, METHODS, keywords=KEYWORDS):
        forms = tuple(marked(one) for one in message) if isinstance(message, tuple) else marked(message)
        catalogue.add(message, forms)
    with (tmp_path / "de.po").open("wb") as file:
        write_po(file, catalogue)
    monkeypatch.setattr(web.i18n, "CATALOGUES", tmp_path)
    app = create_app(goodword, mail_in_background=False)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return app


def untranslated(page):
    """Return the words of a page outside of brackets, without tags, scripts, amounts and dates."""
    page = re.sub(r"<(title|time|desc)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    seen = unescape(re.sub(r"<[^>]+>", " ", page))
    while "⟦" in seen:
        seen = re.sub(r"⟦[^⟦⟧]*⟧", " ", seen)
    return set(re.findall(r"[^\W\d_]{2,}", seen)) - PLUMBING


@pytest.mark.parametrize(
    "address", ["/", "/sign-in", "/sign-in/sent", "/sign-in/spent", "/join/bean/friends", "/nowhere"]
)
def test_public_pages_can_be_translated_whole(german, shop, address):
    page = german.test_client().get(address, headers={"Accept-Language": "de-DE,de;q=0.9"}).get_data(as_text=True)
    assert '<html lang="de">' in page
    plugin = {"of", "what", "is", "paid", "for", "the", "goods"} if "join" in address else set()
    assert untranslated(page) - DATA - plugin == set()


@pytest.mark.parametrize("address", ["", "earnings", "payouts"])
def test_the_portal_can_be_translated_whole(german, full_shop, address):
    client = german.test_client()
    client.set_cookie("gw_session", full_shop.session("anna@example.com", Realm.AMBASSADOR))
    page = client.get(f"/portal/bean/{address}", headers={"Accept-Language": "de"}).get_data(as_text=True)
    assert "€" in page
    assert "⟦" in page
    left = untranslated(re.sub(r"GW-[A-Z2-7]{10}", "", page)) - DATA
    assert left == set()


@pytest.mark.parametrize(
    "address", ["", "applications", "commissions", "payouts", "payouts/preview", "payouts/confirm"]
)
def test_the_admin_panel_can_be_translated_whole(german, full_shop, address):
    client = german.test_client()
    client.set_cookie("gw_session", full_shop.session("owner@bean.example", Realm.STAFF))
    page = client.get(f"/admin/bean/{address}", headers={"Accept-Language": "de"}).get_data(as_text=True)
    months = {"Jan", "Feb", "März", "Apr", "Mai", "Juni", "Juli", "Aug", "Sept", "Okt", "Nov", "Dez"}
    months |= {"Januar", "Februar", "April", "August", "September", "Oktober", "November", "Dezember"}
    assert untranslated(page) - DATA - months == set()


def test_amounts_and_plurals_follow_the_language(german, shop):
    shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")
    shop.order("1", 1_234_500, code="ANNA10")
    client = german.test_client()
    client.set_cookie("gw_session", shop.session("anna@example.com", Realm.AMBASSADOR))

    def home():
        page = client.get("/portal/bean/", headers={"Accept-Language": "de"}).get_data(as_text=True)
        return unescape(re.sub(r"<[^>]+>", "", page))

    assert "⟦You earned 1.234,50\xa0€ from 1 order this week.⟧" in home()
    shop.order("2", 1_000, code="ANNA10")
    assert "⟦You earned 1.235,50\xa0€ from 2 orders this week.⟧" in home()


def test_an_unknown_language_is_english(german, shop):
    page = german.test_client().get("/sign-in", headers={"Accept-Language": "tlh"}).get_data(as_text=True)
    assert '<html lang="en">' in page
    assert "⟦" not in page
