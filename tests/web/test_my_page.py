"""An ambassador makes a page, the brand looks at it and decides, the ambassador hears of it."""

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import text
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from engine.identity.rules import RateLimit
from engine.identity.tables import Realm
from engine.tracking.pages.queries import page_of_enrollment, products_of
from engine.tracking.pages.tables import VersionState
from engine.tracking.site.assets import picture
from tests.support.routes import only
from tests.web.test_pages import words
from tests.web.test_security import PAYLOADS, inline


def photo(size=(900, 1200), form="JPEG"):
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, form)
    return file.getvalue()


@pytest.fixture
def enrollment(shop):
    shop.site()
    return shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")


@pytest.fixture
def anna(always, enrollment):
    return always("anna@example.com", Realm.AMBASSADOR)


@pytest.fixture
def saved(shop, db, enrollment):
    """Return the page as it is stored."""

    def read():
        with db.reading() as unit:
            return page_of_enrollment(unit, shop.brand_id, enrollment_id=enrollment)

    return read


class Editor:
    def __init__(self, client, enrollment):
        self.client, self.address = client, f"/portal/bean/page/{enrollment}"

    def save(self, *, sent=None, then="", **fields):
        form = {"name": "Anna Berg", "handle": "anna-berg", "language": "en"} | fields
        if sent:
            form["photo"] = FileStorage(BytesIO(sent[1]), filename=sent[0])
        if then:
            form["then"] = then
        boundary, body = encode_multipart(MultiDict(form))
        return self.client.post(self.address, data=body, content_type=f"multipart/form-data; boundary={boundary}")


@pytest.fixture
def editor(anna, enrollment):
    return Editor(anna, enrollment)


def decide(owner, file, verb, **form):
    address = f"/admin/bean/pages/{file.page.id}"
    fingerprint = only(r'name="fingerprint" value="([^"]+)"', owner.get(address).get_data(as_text=True))
    return owner.post(f"{address}/{verb}", data={"fingerprint": fingerprint} | form)


def mails(tmp_path):
    return [path.read_text() for path in sorted((tmp_path / "outbox").glob("*.eml"))]


def test_the_one_page_is_opened_at_once_with_something_to_begin_from(anna, editor):
    answer = anna.get("/portal/bean/page")
    assert answer.location == editor.address
    page = anna.get(editor.address).get_data(as_text=True)
    assert 'name="handle" value="anna-berg"' in page
    assert 'name="name" value="Anna Berg"' in page


def test_a_page_goes_from_the_first_word_to_live(editor, owner, saved, app, tmp_path):
    assert editor.save(headline="Good mornings.", then="submit").status_code == 303
    assert saved().newest.state is VersionState.SUBMITTED
    queue = words(owner.get("/admin/bean/pages"))
    assert "1 page waits for your leave to go live." in queue
    assert "Anna Berg /a/anna-berg Friends" in queue
    assert app.test_client().get("/a/anna-berg").status_code == 404
    assert decide(owner, saved(), "approve").status_code == 303
    assert app.test_client().get("/a/anna-berg").status_code == 200
    (mail,) = mails(tmp_path)
    assert "Subject: Your page for Bean & Leaf is live" in mail
    assert "/a/anna-berg" in mail
    assert "Your page is live." in words(editor.client.get(editor.address))


def test_what_is_turned_down_says_why_in_the_editor_and_by_mail(editor, owner, saved, tmp_path):
    editor.save(then="submit")
    assert decide(owner, saved(), "reject", reason="").status_code == 422
    assert decide(owner, saved(), "reject", reason="Please show your face.").status_code == 303
    said = words(editor.client.get(editor.address))
    assert "Bean & Leaf asks you to change something: Please show your face." in said
    (mail,) = mails(tmp_path)
    assert "Please show your face." in mail
    editor.save(headline="Here I am", then="submit")
    assert saved().newest.number == 2


def test_a_decision_about_something_else_than_was_seen_is_none(editor, owner, saved):
    editor.save(headline="Harmless", then="submit")
    address = f"/admin/bean/pages/{saved().page.id}"
    seen = only(r'name="fingerprint" value="([^"]+)"', owner.get(address).get_data(as_text=True))
    editor.client.post(f"{editor.address}/take-back")
    editor.save(headline="Something else", then="submit")
    answer = owner.post(f"{address}/approve", data={"fingerprint": seen}, follow_redirects=True)
    assert "This page was changed since you opened it." in words(answer)
    assert saved().newest.state is VersionState.SUBMITTED


def test_what_changes_is_shown_word_by_word(editor, owner, saved):
    editor.save(headline="I drink tea", then="submit")
    decide(owner, saved(), "approve")
    editor.save(headline="I drink coffee", then="submit")
    page = owner.get(f"/admin/bean/pages/{saved().page.id}").get_data(as_text=True)
    assert "I drink <del>tea</del><ins>coffee</ins>" in page
    for version in ("live", "newest"):
        preview = owner.get(f"/admin/bean/pages/{saved().page.id}/preview/{version}")
        assert preview.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
        assert ("coffee" if version == "newest" else "tea") in preview.get_data(as_text=True)


def test_a_draft_is_its_ambassador_s_alone(editor, owner, saved, signed_in, shop):
    editor.save(headline="Not for you yet")
    file = saved()
    assert owner.get(f"/admin/bean/pages/{file.page.id}/preview/newest").status_code == 404
    assert "Not for you yet" not in words(owner.get(f"/admin/bean/pages/{file.page.id}"))
    preview = editor.client.get(f"{editor.address}/preview")
    assert "Not for you yet" in words(preview)
    assert "gw_click" not in preview.get_data(as_text=True)
    shop.ambassador("Max", "max@example.com", code="MAX10")
    stranger = signed_in("max@example.com", Realm.AMBASSADOR)
    for verb, address in (("GET", ""), ("POST", ""), ("GET", "/preview"), ("POST", "/take-back")):
        assert stranger.open(f"{editor.address}{address}", method=verb).status_code == 404


def test_a_photo_is_drawn_anew_and_can_be_removed(editor, saved, db):
    assert editor.save(sent=("anna.php.jpg", photo())).status_code == 303
    photo_id = saved().newest.document.photo_id
    with db.reading() as unit:
        kept = picture(unit, photo_id)
    assert kept is not None
    assert Image.open(BytesIO(kept.body)).size == (600, 800)
    editor.save(photo_id=str(photo_id), headline="Still there")
    assert saved().newest.document.photo_id == photo_id
    editor.save(photo_id=str(photo_id), remove_photo="1")
    assert saved().newest.document.photo_id is None


STRANGE = {
    "svg": b"<svg onload=alert(1)>",
    "html": b"<script>alert(1)</script>",
    "cut": photo()[:400],
    "junk": b"\0" * 99,
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_file_that_is_no_picture_costs_nothing_that_was_written(editor, saved, kind):
    answer = editor.save(sent=("me.png", STRANGE[kind]), headline="Kept words")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="wrong-photo"' in page
    assert 'value="Kept words"' in page
    assert saved() is None


def test_a_photo_survives_a_mistake_beside_it(editor, saved):
    answer = editor.save(sent=("me.jpg", photo()), name="")
    photo_id = only(r'name="photo_id" value="([^"]+)"', answer.get_data(as_text=True))
    assert answer.status_code == 422
    editor.save(photo_id=photo_id)
    assert str(saved().newest.document.photo_id) == photo_id


def test_the_photo_of_somebody_else_is_not_taken(editor, shop, saved):
    theirs = shop.picture(by="max@example.com")
    answer = editor.save(photo_id=str(theirs))
    assert answer.status_code == 422
    assert "This photo is not one of yours." in words(answer)


def test_a_picture_of_eight_megabytes_may_come_and_a_larger_one_not(editor, saved):
    large = photo() + b"\0" * (8 * 1024 * 1024 - len(photo()))
    assert editor.save(sent=("me.jpg", large)).status_code == 303
    assert editor.save(sent=("me.jpg", large + b"\0")).status_code == 422
    answer = editor.save(sent=("me.jpg", large + b"\0" * 2 * 1024 * 1024))
    assert answer.status_code == 413
    assert "a smaller picture" in words(answer)


def test_a_form_without_pictures_stays_small(owner, saved, editor):
    editor.save(then="submit")
    answer = owner.post(f"/admin/bean/pages/{saved().page.id}/reject", data={"reason": "x" * 2_000_000})
    assert answer.status_code == 413


def test_products_are_chosen_and_put_in_order(editor, shop, saved, anna):
    one, two, three = (str(shop.product(title)) for title in ("Uno", "Due", "Tre"))
    editor.save(product_ids=[one, two, three])
    assert [str(one_id) for one_id in saved().newest.document.product_ids] == [one, two, three]
    editor.save(product_ids=[one, two, three], move=f"{three}:up")
    editor.save(product_ids=[one, three, two], move=f"{one}:down")
    assert [str(one_id) for one_id in saved().newest.document.product_ids] == [three, one, two]
    editor.save(product_ids=[three, one, two], move=f"{three}:up")
    assert [str(one_id) for one_id in saved().newest.document.product_ids] == [three, one, two]
    page = anna.get(editor.address).get_data(as_text=True)
    assert page.index("Tre") < page.index("Uno") < page.index("Due")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("handle", "admin", "admin is reserved."),
        ("handle", "ännä", "cannot stand in an address."),
        ("name", "", "Fill this in."),
        ("story", "x" * 5_001, "This is too long. Shorten it to 5000 characters."),
        ("links", "javascript:alert(1)", "Write an address like https://instagram.com/anna."),
        ("language", "tlh", "Choose one of those shown."),
        ("product_ids", "01a20221-8d17-756e-904f-c9cb2dc73ea2", "The program has no such product."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(editor, saved, field, value, sentence):
    answer = editor.save(**{field: value})
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert saved() is None


def test_a_taken_handle_is_said_beside_the_field(editor, shop):
    other = shop.ambassador("Max", "max@example.com", code="MAX10")
    shop.page(other, "anna-berg")
    answer = editor.save()
    assert answer.status_code == 422
    assert "anna-berg is taken. Choose another one." in words(answer)


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_hostile_words_stay_words_in_editor_and_desk(editor, owner, saved, number):
    payload = PAYLOADS[number]
    editor.save(name=f"Eve {payload}"[:60], headline=payload, story=payload, then="submit")
    page_id = saved().page.id
    shown = (
        editor.client.get(editor.address),
        editor.client.get(f"{editor.address}/preview"),
        owner.get(f"/admin/bean/pages/{page_id}"),
        owner.get(f"/admin/bean/pages/{page_id}/preview/newest"),
    )
    for answer in shown:
        assert answer.status_code == 200
        assert inline(answer.get_data(as_text=True)) == []
        assert "<img src=x" not in answer.get_data(as_text=True)


def test_a_page_is_hidden_and_shown_again(shop, enrollment, owner, app):
    page_id = shop.page(enrollment, "anna-berg")
    visitor = app.test_client()
    owner.post(f"/admin/bean/pages/{page_id}/hide")
    assert visitor.get("/a/anna-berg").status_code == 404
    assert "Hidden" in words(owner.get("/admin/bean/pages?show=all"))
    owner.post(f"/admin/bean/pages/{page_id}/show")
    assert visitor.get("/a/anna-berg").status_code == 200


class Desk:
    """The products as the brand enters them."""

    def __init__(self, client, shop, db):
        self.client, self.shop, self.db = client, shop, db

    def add(self, **fields):
        form = {"program": str(self.shop.program_id), "title": "Beans", "link": "https://shop.example.com/p"} | fields
        return self.client.post("/admin/bean/products", data=form, content_type="multipart/form-data")

    def rows(self):
        with self.db.reading() as unit:
            return products_of(unit, self.shop.brand_id, program_id=self.shop.program_id)


@pytest.fixture
def desk(owner, shop, db, enrollment):
    return Desk(owner, shop, db)


def test_a_brand_enters_changes_and_hides_products(desk, owner):
    assert desk.add(price_text="€9", picture=(BytesIO(photo(form="PNG")), "beans.png")).status_code == 303
    (row,) = desk.rows()
    assert row.image_id is not None
    assert "Beans" in words(owner.get("/admin/bean/products"))
    form = {"title": "Better beans", "link": row.link, "image_id": str(row.image_id)}
    assert owner.post(f"/admin/bean/products/{row.id}", data=form).status_code == 303
    (changed,) = desk.rows()
    assert (changed.title, changed.price_text, changed.image_id) == ("Better beans", "", row.image_id)
    owner.post(f"/admin/bean/products/{row.id}", data=form | {"remove_picture": "1"})
    owner.post(f"/admin/bean/products/{row.id}/hide")
    (hidden,) = desk.rows()
    assert hidden.image_id is None
    assert hidden.hidden_at is not None
    owner.post(f"/admin/bean/products/{row.id}/show")
    assert desk.rows()[0].hidden_at is None


def test_products_are_moved(desk, owner):
    for title in ("One", "Two"):
        desk.add(title=title)
    owner.post(f"/admin/bean/products/{desk.rows()[1].id}/move", data={"way": "up"})
    assert [row.title for row in desk.rows()] == ["Two", "One"]


@pytest.mark.parametrize("link", ["https://evil.example/p", "//shop.example.com", "javascript:alert(1)", ""])
def test_a_product_that_leads_elsewhere_is_refused_beside_the_field(desk, link):
    answer = desk.add(link=link, title="Kept title")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="wrong-link"' in page
    assert 'value="Kept title"' in page
    assert desk.rows() == ()


def test_a_logo_is_shown_on_every_page_or_the_name_is(owner, shop, enrollment, app):
    shop.page(enrollment, "anna-berg")
    visitor = app.test_client()
    assert '<span class="brand">Bean &amp; Leaf</span>' in visitor.get("/a/anna-berg").get_data(as_text=True)
    sent = {"logo": (BytesIO(photo((400, 100), form="PNG")), "logo.png")}
    assert owner.post("/admin/bean/logo", data=sent, content_type="multipart/form-data").status_code == 303
    markup = visitor.get("/a/anna-berg").get_data(as_text=True)
    address = only(r'<span class="brand"><img src="([^"]+)" width="320" height="80" alt="Bean &amp; Leaf">', markup)
    assert visitor.get(address).headers["Content-Type"] == "image/png"
    owner.post("/admin/bean/logo", data={"remove_logo": "1"})
    assert '<span class="brand">Bean &amp; Leaf</span>' in visitor.get("/a/anna-berg").get_data(as_text=True)


def test_a_logo_that_is_no_picture_is_refused(owner, shop):
    sent = {"logo": (BytesIO(b"<svg/>"), "logo.svg")}
    answer = owner.post("/admin/bean/logo", data=sent, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "no picture that we can read" in words(answer)


def test_too_many_pictures_in_an_hour_are_refused(editor, db, monkeypatch):
    monkeypatch.setattr("web.pictures.PICTURES_PER_LOGIN", RateLimit(2, timedelta(hours=1)))
    assert [editor.save(sent=("me.jpg", photo((64, 64)))).status_code for _ in range(3)] == [303, 303, 429]
    with db.reading() as unit:
        assert unit.execute(text("SELECT count(*) FROM asset")).scalar() == 1
