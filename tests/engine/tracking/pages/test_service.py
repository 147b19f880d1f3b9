"""A page's way from draft to live, and the products that stand on it; on both databases."""

from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

from engine.enrollment.service import leave, reinstate, suspend
from engine.enrollment.tables import EnrollmentState
from engine.identity.queries import latest_audit
from engine.kernel.errors import ConflictError, InputError, InvalidTransitionError, NotFoundError
from engine.outbox.dispatch import ToldEvent
from engine.tracking.listeners import on_enrollment_changed
from engine.tracking.pages.products import add_product, change_product, hide_product, move_product, show_product
from engine.tracking.pages.queries import (
    chosen_products,
    count_waiting,
    page_file,
    page_of_enrollment,
    pages,
    products_of,
    public_page,
    waiting_pages,
)
from engine.tracking.pages.schemas import PageDocument, PageDraft, ProductDraft
from engine.tracking.pages.service import (
    ChangedSinceError,
    HandleTakenError,
    approve_page,
    hide_page,
    refresh_page,
    reject_page,
    save_draft,
    show_page,
    submit,
    take_back,
)
from engine.tracking.pages.tables import VersionState
from engine.tracking.site.assets import picture, store_picture
from engine.tracking.site.schemas import SiteDraft
from engine.tracking.site.service import save_site
from engine.tracking.site.tables import AssetKind
from tests.engine.tracking.site.test_pictures import picture as some_picture
from tests.factories import make_ambassador, make_brand, make_enrollment, make_program

ANNA = "anna@example.com"


def draft(handle="anna", **said):
    return PageDraft(handle=handle, document=PageDocument.model_validate({"name": "Anna"} | said))


class Place:
    """A brand with an open program, a domain, and Anna in it."""

    def __init__(self, unit):
        self.unit = unit
        self.brand_id = make_brand(unit).id
        self.program = make_program(unit, self.brand_id)
        self.enrollment = make_enrollment(unit, self.program, ambassador=make_ambassador(unit, self.brand_id))
        save_site(unit, self.brand_id, draft=SiteDraft(domains=("shop.example.com",)), by="owner")

    def save(self, handle="anna", *, enrollment=None, by=ANNA, **said):
        wanted = enrollment or self.enrollment
        return save_draft(self.unit, self.brand_id, enrollment_id=wanted.id, draft=draft(handle, **said), by=by)

    def submit(self):
        return submit(self.unit, self.brand_id, enrollment_id=self.enrollment.id, by=ANNA)

    def approve(self, file):
        seen = file.newest.fingerprint
        return approve_page(self.unit, self.brand_id, page_id=file.page.id, fingerprint=seen, by="owner")

    def reject(self, file, reason="Not yet."):
        seen = file.newest.fingerprint
        return reject_page(self.unit, self.brand_id, page_id=file.page.id, fingerprint=seen, reason=reason, by="owner")

    def live(self, **said):
        self.save(**said)
        return self.approve(self.submit())

    def product(self, title="Beans", **said):
        given = {"title": title, "link": "https://shop.example.com/p"} | said
        return add_product(
            self.unit, self.brand_id, program_id=self.program.id, draft=ProductDraft.model_validate(given), by="owner"
        )

    def seen(self, handle="anna"):
        """What visitors see under a handle, which must be something."""
        found = public_page(self.unit, handle)
        assert found is not None
        return found

    def file(self):
        """The page with its versions, which must be there."""
        found = page_of_enrollment(self.unit, self.brand_id, enrollment_id=self.enrollment.id)
        assert found is not None
        return found

    def events(self):
        found = self.unit.execute(text("SELECT kind FROM outbox_event WHERE kind LIKE 'page%' ORDER BY id"))
        return list(found.scalars())


@pytest.fixture
def place(db):
    with db.unit() as unit:
        yield Place(unit)


def test_a_page_is_seen_only_once_it_was_approved(place):
    place.save(headline="Hello")
    assert public_page(place.unit, "anna") is None
    file = place.submit()
    assert public_page(place.unit, "anna") is None
    place.approve(file)
    assert place.seen().document.headline == "Hello"
    assert place.events() == ["page_submitted", "page_approved"]
    actions = [one.action for one in latest_audit(place.unit, place.brand_id)]
    assert actions[:2] == ["page_approved", "page_submitted"]


def test_an_approved_version_never_changes_and_stays_live_until_the_next_is_approved(place):
    first = place.live(headline="One")
    place.save(headline="Two")
    place.save(headline="Three")
    place.submit()
    assert place.seen().document.headline == "One"
    file = page_file(place.unit, place.brand_id, page_id=first.page.id)
    assert [(one.number, one.state.value, one.document.headline) for one in file.versions] == [
        (2, "submitted", "Three"),
        (1, "approved", "One"),
    ]
    place.approve(file)
    assert place.seen().document.headline == "Three"


def test_what_is_turned_down_keeps_its_reason_and_the_next_draft_begins_from_it(place):
    place.live(headline="One")
    place.save(headline="Two")
    file = place.reject(place.submit(), "Please show your face.")
    assert (file.newest.state, file.newest.reason) == (VersionState.REJECTED, "Please show your face.")
    assert place.seen().document.headline == "One"
    again = place.save(headline="Three")
    assert (again.newest.number, again.newest.state, again.newest.reason) == (3, VersionState.DRAFT, None)


def test_what_waits_is_not_changed_but_taken_back(place):
    place.save(headline="One")
    place.submit()
    with pytest.raises(ConflictError, match="Take it back"):
        place.save(headline="Two")
    file = take_back(place.unit, place.brand_id, enrollment_id=place.enrollment.id, by=ANNA)
    assert (file.newest.state, file.newest.number) == (VersionState.DRAFT, 1)
    assert place.save(headline="Two").newest.number == 1


def test_a_decision_holds_only_for_what_was_looked_at(place):
    place.save(headline="Harmless")
    seen = place.submit()
    take_back(place.unit, place.brand_id, enrollment_id=place.enrollment.id, by=ANNA)
    place.save(headline="Something else")
    place.submit()
    with pytest.raises(ChangedSinceError):
        place.approve(seen)
    with pytest.raises(ChangedSinceError):
        place.reject(seen)
    assert public_page(place.unit, "anna") is None


def test_nothing_is_decided_twice(place):
    file = place.live()
    with pytest.raises(InvalidTransitionError):
        place.approve(file)
    with pytest.raises(InvalidTransitionError):
        place.reject(file)
    with pytest.raises(InvalidTransitionError):
        place.submit()
    with pytest.raises(InvalidTransitionError):
        take_back(place.unit, place.brand_id, enrollment_id=place.enrollment.id, by=ANNA)


def test_saving_the_same_again_makes_nothing_new(place):
    file = place.live(headline="One")
    assert place.save(headline="One").newest.id == file.newest.id


def test_a_handle_belongs_to_one_page_of_all_brands(place):
    place.save()
    other = Place(place.unit)
    with pytest.raises(HandleTakenError, match="anna is taken"):
        other.save()
    other.save("anna-2")
    with pytest.raises(HandleTakenError):
        place.save("anna-2")


def test_a_handle_stays_once_people_know_it(place):
    place.save()
    assert place.save("anna-berg").page.handle == "anna-berg"
    file = place.file()
    assert file.page.handle == "anna-berg"
    place.submit()
    place.approve(page_file(place.unit, place.brand_id, page_id=file.page.id))
    with pytest.raises(InputError, match="so that stays"):
        place.save("somebody-else")


@pytest.mark.parametrize("step", [suspend, leave], ids=["suspended", "left"])
def test_the_page_of_somebody_who_is_not_active_is_not_there(place, step):
    place.live()
    reason = {"reason": "Asked to."} if step is suspend else {}
    step(place.unit, place.brand_id, enrollment_id=place.enrollment.id, by="owner", **reason)
    assert public_page(place.unit, "anna") is None
    with pytest.raises(ConflictError, match="active"):
        place.save(headline="Still here")


def test_somebody_who_comes_back_has_their_page_back(place):
    place.live()
    suspend(place.unit, place.brand_id, enrollment_id=place.enrollment.id, reason="Asked to.", by="owner")
    reinstate(place.unit, place.brand_id, enrollment_id=place.enrollment.id, by="owner")
    assert public_page(place.unit, "anna") is not None


def test_caches_are_told_when_somebody_is_no_longer_active(place):
    before = place.live().page.updated_at
    told = ToldEvent(
        uuid4(), place.brand_id, "enrollment_suspended", {"enrollment_id": str(place.enrollment.id)}, before
    )
    on_enrollment_changed(told, place.unit)
    file = place.file()
    assert file.page.updated_at > before
    on_enrollment_changed(replace(told, payload={"enrollment_id": str(uuid4())}), place.unit)  # who has no page


def test_the_page_of_a_closed_program_is_not_there(place):
    place.live()
    place.unit.execute(text("UPDATE program SET state = 'closed'"))
    assert public_page(place.unit, "anna") is None


def test_a_hidden_page_is_gone_until_it_is_shown(place):
    file = place.live()
    before = file.page.updated_at
    hidden = hide_page(place.unit, place.brand_id, page_id=file.page.id, by="owner")
    assert public_page(place.unit, "anna") is None
    assert hidden.page.updated_at > before
    hide_page(place.unit, place.brand_id, page_id=file.page.id, by="owner")
    shown = show_page(place.unit, place.brand_id, page_id=file.page.id, by="owner")
    assert public_page(place.unit, "anna") is not None
    assert shown.page.updated_at > hidden.page.updated_at
    assert place.events()[2:] == ["page_hidden", "page_shown"]


def test_caches_are_told_of_what_visitors_see_and_of_nothing_else(place):
    live = place.live()
    place.save(headline="A draft")
    assert place.submit().page.updated_at == live.page.updated_at
    refresh_page(place.unit, place.brand_id, enrollment_id=place.enrollment.id)
    assert page_file(place.unit, place.brand_id, page_id=live.page.id).page.updated_at > live.page.updated_at


@pytest.mark.parametrize("state", [one for one in EnrollmentState if one is not EnrollmentState.ACTIVE])
def test_only_an_active_ambassador_makes_a_page(place, state):
    other = make_enrollment(place.unit, place.program, state=state)
    with pytest.raises(ConflictError):
        place.save("other", enrollment=other)


def test_a_photo_is_one_s_own(place):
    def sent(by, kind=AssetKind.PHOTO):
        return store_picture(place.unit, place.brand_id, body=some_picture((64, 64)), kind=kind, by=by).id

    mine, theirs, logo = sent(ANNA), sent("max@example.com"), sent(ANNA, AssetKind.LOGO)
    assert mine != theirs
    for wrong in (theirs, logo, uuid4()):
        with pytest.raises(InputError, match="not one of yours"):
            place.save(photo_id=wrong)
    place.save(photo_id=mine)
    assert place.save(photo_id=mine, headline="By somebody of the brand", by="owner").newest.document.photo_id == mine


def test_a_picture_sent_twice_is_kept_once_and_found_by_its_id(place):
    body = some_picture((64, 64))
    first, second = (
        store_picture(place.unit, place.brand_id, body=body, kind=AssetKind.PHOTO, by=ANNA) for _ in range(2)
    )
    assert first == second
    kept = picture(place.unit, first.id)
    assert kept is not None
    assert kept.content_type == "image/jpeg"
    assert picture(place.unit, uuid4()) is None


def test_products_are_those_of_the_program(place):
    foreign = Place(place.unit).product()
    for wrong in (foreign.id, uuid4()):
        with pytest.raises(InputError, match="no such product"):
            place.save(product_ids=(wrong,))


def test_a_page_shows_products_in_its_own_order_and_none_that_is_hidden(place):
    one, two, three = (place.product(name) for name in ("One", "Two", "Three"))
    said = place.save(product_ids=(three.id, one.id, two.id)).newest.document

    def titles():
        known = products_of(place.unit, place.brand_id, program_id=place.program.id)
        return [shown.title for shown in chosen_products(known, said)]

    assert titles() == ["Three", "One", "Two"]
    hide_product(place.unit, place.brand_id, product_id=one.id, by="owner")
    assert titles() == ["Three", "Two"]
    show_product(place.unit, place.brand_id, product_id=one.id, by="owner")
    assert titles() == ["Three", "One", "Two"]


@pytest.mark.parametrize(
    "link", ["https://evil.example/p", "//shop.example.com/p", "javascript:alert(1)", "http://shop.example.com/p", "/p"]
)
def test_a_product_leads_to_the_brand_s_domains_only(place, link):
    with pytest.raises(InputError) as refused:
        place.product(link=link)
    assert refused.value.field == "link"
    kept = place.product()
    with pytest.raises(InputError):
        change_product(
            place.unit, place.brand_id, product_id=kept.id, draft=ProductDraft(title="x", link=link), by="owner"
        )


def test_products_change_places_and_stay_at_the_ends(place):
    for name in ("One", "Two", "Three"):
        place.product(name)

    def order():
        return [one.title for one in products_of(place.unit, place.brand_id, program_id=place.program.id)]

    def move(title, way):
        known = {one.title: one.id for one in products_of(place.unit, place.brand_id, program_id=place.program.id)}
        move_product(place.unit, place.brand_id, product_id=known[title], way=way, by="owner")
        return order()

    assert order() == ["One", "Two", "Three"]
    assert move("Three", "up") == ["One", "Three", "Two"]
    assert move("One", "down") == ["Three", "One", "Two"]
    assert move("Three", "up") == ["Three", "One", "Two"]
    assert move("Two", "down") == ["Three", "One", "Two"]


def test_a_changed_product_is_news_for_caches(place):
    kept = place.product(price_text="€9")
    changed = change_product(
        place.unit,
        place.brand_id,
        product_id=kept.id,
        draft=ProductDraft(title="Beans", link=kept.link, price_text="€10"),
        by="owner",
    )
    assert changed == replace(kept, price_text="€10", updated_at=changed.updated_at)
    assert changed.updated_at > kept.updated_at


def test_a_picture_of_a_product_is_one_of_a_product(place):
    photo = store_picture(place.unit, place.brand_id, body=some_picture(), kind=AssetKind.PHOTO, by="owner")
    with pytest.raises(InputError, match="no such picture"):
        place.product(image_id=photo.id)


def test_the_queue_holds_what_waits_and_the_list_holds_all(place):
    place.save()
    assert count_waiting(place.unit, place.brand_id) == 0
    place.submit()
    other = Place(place.unit)
    assert count_waiting(place.unit, place.brand_id) == 1
    assert count_waiting(other.unit, other.brand_id) == 0
    (row,) = waiting_pages(place.unit, place.brand_id).rows
    assert (row.handle, row.ambassador, row.is_first) == ("anna", "Ada", True)
    (listed,) = pages(place.unit, place.brand_id).rows
    assert (listed.handle, listed.is_live) == ("anna", False)


def test_another_brand_s_pages_and_products_are_not_found(place):
    file, kept, other = place.live(), place.product(), Place(place.unit)
    unit, brand_id, page_id = other.unit, other.brand_id, file.page.id
    seen = file.newest.fingerprint
    asked = (
        lambda: page_file(unit, brand_id, page_id=page_id),
        lambda: approve_page(unit, brand_id, page_id=page_id, fingerprint=seen, by="x"),
        lambda: reject_page(unit, brand_id, page_id=page_id, fingerprint=seen, reason="x", by="x"),
        lambda: hide_page(unit, brand_id, page_id=page_id, by="x"),
        lambda: show_page(unit, brand_id, page_id=page_id, by="x"),
        lambda: submit(unit, brand_id, enrollment_id=place.enrollment.id, by="x"),
        lambda: take_back(unit, brand_id, enrollment_id=place.enrollment.id, by="x"),
        lambda: save_draft(unit, brand_id, enrollment_id=place.enrollment.id, draft=draft(), by="x"),
        lambda: hide_product(unit, brand_id, product_id=kept.id, by="x"),
        lambda: show_product(unit, brand_id, product_id=kept.id, by="x"),
        lambda: move_product(unit, brand_id, product_id=kept.id, way="up", by="x"),
        lambda: add_product(
            unit, brand_id, program_id=place.program.id, draft=ProductDraft(title="x", link="x"), by="x"
        ),
    )
    for ask in asked:
        with pytest.raises(NotFoundError):
            ask()
    assert place.seen().brand_id == place.brand_id
