"""Links: who gets one, where it leads, and that no slug is ever given twice."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import insert
from sqlmodel import select

from engine.enrollment.tables import EnrollmentState
from engine.identity.tables import AuditEntry
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.outbox.dispatch import ToldEvent
from engine.programs.tables import ProgramState
from engine.tracking.links import service
from engine.tracking.links.queries import counts_at, link_by_slug, links_of, links_of_program
from engine.tracking.links.rules import DestinationRefusedError
from engine.tracking.links.schemas import LinkChange, LinkDraft
from engine.tracking.links.slugs import SlugRefusedError
from engine.tracking.links.tables import Link, SlugKind
from engine.tracking.listeners import on_enrollment_approved
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from tests.factories import make_brand, make_code, make_enrollment, make_program
from tests.support.plans import plans

DAY = timedelta(days=1)
WRITERS = 32
HOME = "https://shop.example.com/"


@pytest.fixture
def friends(db):
    with db.unit() as unit:
        program = make_program(unit, make_brand(unit).id, name="Friends")
        save_site(unit, program.brand_id, draft=SiteDraft(domains=("shop.example.com",)), by="olga")
        save_tracking(unit, program.brand_id, program_id=program.id, draft=TrackingDraft(home_url=HOME), by="olga")
        return program


@pytest.fixture
def ada(db, friends):
    with db.unit() as unit:
        return make_enrollment(unit, friends)


@pytest.fixture
def create(db, friends, ada):
    def create(*, enrollment_id=None, reserved=(), **parts):
        with db.unit() as unit:
            draft = LinkDraft.model_validate(parts)
            owner = enrollment_id or ada.id
            return service.create_link(
                unit, friends.brand_id, enrollment_id=owner, draft=draft, by="ada", reserved=reserved
            )

    return create


@pytest.fixture
def change(db, friends):
    def change(link, *, enrollment_id=None, **parts):
        with db.unit() as unit:
            asked = LinkChange.model_validate(parts)
            place = {"link_id": link.id, "enrollment_id": enrollment_id}
            return service.change_link(unit, friends.brand_id, **place, change=asked, by="ada")

    return change


def audited(db, action):
    with db.reading() as unit:
        return unit.session.exec(select(AuditEntry).where(AuditEntry.action == action).order_by("done_at")).all()


def approved(enrollment):
    return ToldEvent(
        id=new_id(),
        brand_id=enrollment.brand_id,
        kind="enrollment_approved",
        payload={"enrollment_id": str(enrollment.id)},
        occurred_at=enrollment.created_at,
    )


def test_a_chosen_link_is_found_by_its_slug_and_leads_where_it_was_told(db, friends, ada, create, clock):
    made = create(
        slug=" Anna-10 ",
        destination=" HTTPS://Shop.example.com/mug ",
        title="  My  mug ",
        utm={"utm_content": "{code}"},
        expires_at=clock.now() + DAY,
    )
    with db.reading() as unit:
        found = link_by_slug(unit, friends.brand_id, slug="anna-10")
    assert found == made
    assert (made.slug, made.kind, made.enrollment_id, made.program_id) == (
        "anna-10",
        SlugKind.VANITY,
        ada.id,
        friends.id,
    )
    assert (made.destination, made.title, made.utm) == (
        "https://shop.example.com/mug",
        "My mug",
        {"utm_content": "{code}"},
    )
    assert [counts_at(made, clock.now() + step) for step in (timedelta(0), DAY)] == [True, False]
    [entry] = audited(db, "create_link")
    assert (entry.actor, entry.detail["slug"]) == ("ada", "anna-10")


def test_a_link_without_a_destination_leads_to_the_programs_home_address_whatever_that_is(create):
    made = create()
    assert (made.destination, made.kind, len(made.slug)) == ("", SlugKind.GENERATED, 8)


def test_without_a_home_address_a_link_needs_a_destination(db, friends, ada, create):
    with db.unit() as unit:
        save_tracking(unit, friends.brand_id, program_id=friends.id, draft=TrackingDraft(), by="olga")
    with pytest.raises(InputError, match="leads nowhere yet"):
        create()
    assert create(destination=HOME).destination == HOME


@pytest.mark.parametrize("url", ["https://evil.com/", "//evil.com", "javascript:alert(1)", "http://shop.example.com/"])
def test_a_link_leads_to_the_brands_domains_only(create, change, url):
    with pytest.raises(DestinationRefusedError):
        create(destination=url)
    made = create()
    with pytest.raises(DestinationRefusedError):
        change(made, destination=url)


@pytest.mark.parametrize("again", ["anna", "ANNA", " Ａnna "])
def test_a_slug_is_taken_for_ever_in_every_writing_and_in_every_brand(db, friends, create, again):
    made = create(slug="anna")
    with db.unit() as unit:
        service.archive_link(unit, friends.brand_id, link_id=made.id, by="ada")
    with pytest.raises(service.SlugTakenError, match="anna is taken"):
        create(slug=again)
    with db.unit() as unit:
        theirs = make_enrollment(unit, make_program(unit, make_brand(unit).id))
        save_site(unit, theirs.brand_id, draft=SiteDraft(domains=("other.example",)), by="olga")
        draft = LinkDraft(slug=again, destination="https://other.example/")
        with pytest.raises(service.SlugTakenError):
            service.create_link(unit, theirs.brand_id, enrollment_id=theirs.id, draft=draft, by="eve")


@pytest.mark.parametrize("slug", ["admin", "ab", "a b", "12345", "-anna", "ann\u0430"], ids=ascii)
def test_a_slug_that_is_no_good_is_refused(slug):
    with pytest.raises(ValueError, match="ending"):
        LinkDraft(slug=slug)


def test_nobody_gets_a_slug_that_is_a_brands_or_somebody_elses_code(db, friends, ada, create):
    with db.unit() as unit:
        other = make_brand(unit)
        make_code(unit, friends, code="ZOE10", enrollment=make_enrollment(unit, friends))
        make_code(unit, friends, code="ADA10", enrollment=ada)
    for slug, reserved in [(other.slug, ()), ("acme", ("acme",)), ("zoe10", ())]:
        with pytest.raises(SlugRefusedError):
            create(slug=slug, reserved=reserved)
    assert create(slug="ada10").slug == "ada10"


def test_active_people_of_open_programs_get_links(db, friends, create):
    with db.unit() as unit:
        idle = [make_enrollment(unit, friends, state=state).id for state in EnrollmentState if state != "active"]
    for enrollment_id in idle:
        with pytest.raises(ConflictError, match="only an active one"):
            create(enrollment_id=enrollment_id)
    with pytest.raises(NotFoundError):
        create(enrollment_id=new_id())
    with db.unit() as unit:
        friends.state = ProgramState.CLOSED
        unit.session.add(friends)
    with pytest.raises(ConflictError, match="Friends is closed"):
        create()


def test_a_link_that_would_have_expired_already_is_refused(create, change, clock):
    with pytest.raises(InputError, match="would have ended already"):
        create(expires_at=clock.now() - DAY)
    with pytest.raises(InputError, match="would have ended already"):
        change(create(), expires_at=clock.now() - DAY)


def test_a_changed_destination_keeps_the_slug_and_is_audited_with_what_it_was(db, create, change, clock):
    made = create(slug="anna", title="Mug")
    clock.advance(DAY)
    changed = change(made, destination="https://shop.example.com/tee")
    assert (changed.slug, changed.title, changed.destination) == ("anna", "Mug", "https://shop.example.com/tee")
    assert changed.updated_at == clock.now()
    [entry] = audited(db, "change_link")
    assert entry.detail == {"destination": ["", "https://shop.example.com/tee"]}


def test_the_same_again_is_no_change_and_every_change_is_later_than_the_one_before(db, create, change, clock):
    made = create(title="Mug", expires_at=clock.now() + DAY)
    assert change(made, title="Mug") == made
    assert change(made) == made
    later = change(made, title="Cup")
    clock.advance(-DAY)
    assert change(made, title="Pot").updated_at > later.updated_at > made.updated_at
    assert change(made, expires_at=None).expires_at is None
    assert len(audited(db, "change_link")) == 3


def test_an_archived_link_counts_nothing_and_does_not_change(db, friends, create, change, clock):
    made = create(slug="anna")
    with db.unit() as unit:
        archived, again = (service.archive_link(unit, friends.brand_id, link_id=made.id, by="ada") for _ in range(2))
    assert archived == again
    assert archived.archived_at == clock.now()
    assert not counts_at(archived, clock.now())
    assert len(audited(db, "archive_link")) == 1
    with pytest.raises(ConflictError, match="is archived"):
        change(made, title="New")


def test_a_foreign_brand_and_another_ambassador_find_no_link(db, friends, create, change):
    made = create(slug="anna")
    with db.unit() as unit:
        eve = make_enrollment(unit, friends)
        other = make_brand(unit).id
    with pytest.raises(NotFoundError):
        change(made, enrollment_id=eve.id, title="mine")
    asked = LinkChange(title="mine")
    with db.unit() as unit:
        for verb in (
            lambda: service.change_link(unit, other, link_id=made.id, change=asked, by="eve"),
            lambda: service.archive_link(unit, other, link_id=made.id, by="eve"),
            lambda: service.archive_link(unit, friends.brand_id, link_id=made.id, enrollment_id=eve.id, by="eve"),
            lambda: service.create_link(unit, other, enrollment_id=made.enrollment_id, draft=LinkDraft(), by="eve"),
        ):
            with pytest.raises(NotFoundError):
                verb()
        assert link_by_slug(unit, other, slug="anna") is None
        assert links_of(unit, other, enrollment_id=made.enrollment_id).rows == ()
        assert links_of_program(unit, other, program_id=friends.id).rows == ()
    assert audited(db, "archive_link") == []


def test_links_are_listed_in_pages_newest_first(db, friends, ada, create):
    made = [create(title=f"{number}") for number in range(5)]
    with db.reading() as unit:
        first = links_of(unit, friends.brand_id, enrollment_id=ada.id, limit=3)
        rest = links_of(unit, friends.brand_id, enrollment_id=ada.id, limit=3, cursor=first.next_cursor)
        program = links_of_program(unit, friends.brand_id, program_id=friends.id, limit=3)
        program_rest = links_of_program(unit, friends.brand_id, program_id=friends.id, cursor=program.next_cursor)
    assert list(first.rows + rest.rows) == made[::-1]
    assert [one.link for one in program.rows + program_rest.rows] == made[::-1]
    assert {(one.ambassador_id, one.ambassador) for one in program.rows} == {(ada.ambassador_id, "Ada")}


def test_nobody_has_links_without_end(monkeypatch, create):
    monkeypatch.setattr(service, "MOST_LINKS", 2)
    create(), create()
    with pytest.raises(ConflictError, match="2 links of this ambassador already"):
        create()


def test_who_is_approved_gets_one_link_however_often_that_is_told(db, friends, ada):
    event = approved(ada)
    for _ in range(2):
        with db.unit() as unit:
            on_enrollment_approved(event, unit)
    with db.unit() as unit:
        [made] = links_of(unit, friends.brand_id, enrollment_id=ada.id).rows
        service.archive_link(unit, friends.brand_id, link_id=made.id, by="ada")
        on_enrollment_approved(event, unit)
        assert len(links_of(unit, friends.brand_id, enrollment_id=ada.id).rows) == 1
    assert (made.destination, made.created_by) == ("", "goodword")


def test_without_a_home_address_who_is_approved_gets_a_code_and_no_link(db):
    with db.unit() as unit:
        ada = make_enrollment(unit, make_program(unit, make_brand(unit).id))
        on_enrollment_approved(approved(ada), unit)
        assert links_of(unit, ada.brand_id, enrollment_id=ada.id).rows == ()


def test_a_drawn_slug_that_is_taken_is_drawn_again(db, friends, ada):
    letters = iter("b" * 8 + "b" * 8 + "c" * 8)
    slugs = []
    for _ in range(2):
        with db.unit() as unit:
            made = service.create_link(
                unit,
                friends.brand_id,
                enrollment_id=ada.id,
                draft=LinkDraft(),
                by="ada",
                choose=lambda _: next(letters),
            )
            slugs.append(made.slug)
    assert slugs == ["b" * 8, "c" * 8]
    with db.unit() as unit, pytest.raises(service.SlugTakenError):
        service.create_link(
            unit, friends.brand_id, enrollment_id=ada.id, draft=LinkDraft(), by="ada", choose=lambda _: "b"
        )


def test_of_32_who_want_one_slug_at_once_exactly_one_gets_it(db, friends):
    """The unique key decides, on both databases; the others hear that it is taken."""
    with db.unit() as unit:
        people = [make_enrollment(unit, friends).id for _ in range(WRITERS)]
    writings = ["sale-10", "SALE-10", "Ｓale-10", "\u017fale-10"]
    together = Barrier(WRITERS)

    def want(number):
        together.wait()
        with db.unit() as unit:
            draft = LinkDraft(slug=writings[number % 4])
            owner = people[number]
            return service.create_link(unit, friends.brand_id, enrollment_id=owner, draft=draft, by=f"{number}")

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = [future.exception() for future in [pool.submit(want, number) for number in range(WRITERS)]]
    assert outcomes.count(None) == 1
    assert all(isinstance(one, service.SlugTakenError) for one in outcomes if one)
    with db.reading() as unit:
        [row] = unit.session.exec(select(Link)).all()
    assert row.enrollment_id == people[outcomes.index(None)]


def test_of_many_who_draw_from_few_slugs_at_once_none_share_one(db, friends, ada):
    """256 slugs that can be drawn, 24 who draw at once: collisions are certain to be tried, and none is kept."""
    together = Barrier(24)

    def draw(number):
        letters = random.Random(number)
        together.wait()
        return db.run(
            lambda unit: (
                service.create_link(
                    unit,
                    friends.brand_id,
                    enrollment_id=ada.id,
                    draft=LinkDraft(),
                    by="ada",
                    choose=lambda _: letters.choice("bc"),
                ).slug
            )
        )

    with ThreadPoolExecutor(24) as pool:
        slugs = list(pool.map(draw, range(24)))
    assert len(set(slugs)) == 24


def test_links_are_read_by_their_indexes(db, friends):
    """20 programs of 2 people with 50 links each."""
    with db.unit() as unit:
        programs = [friends, *(make_program(unit, friends.brand_id) for _ in range(19))]
        people = [make_enrollment(unit, one) for one in programs for _ in range(2)]
        rows = [values_of(one, f"slug-{number}-{place}") for place, one in enumerate(people) for number in range(50)]
        unit.execute(insert(table_of(Link)), rows)
        unit.connection.exec_driver_sql("ANALYZE")
        [of_program] = plans(unit, lambda: links_of_program(unit, friends.brand_id, program_id=friends.id, limit=10))
        [of_one] = plans(unit, lambda: links_of(unit, friends.brand_id, enrollment_id=people[0].id))
        [by_slug] = plans(unit, lambda: link_by_slug(unit, friends.brand_id, slug="slug-1-1"))
    assert "ix_link_brand_id_program_id" in of_program
    assert "ix_link_brand_id_enrollment_id" in of_one
    assert ("sqlite_autoindex_link_2 (slug=?)" if db.dialect == "sqlite" else "uq_link_slug") in by_slug


def values_of(enrollment, slug):
    return {
        "id": new_id(),
        "brand_id": enrollment.brand_id,
        "program_id": enrollment.program_id,
        "enrollment_id": enrollment.id,
        "slug": slug,
        "kind": SlugKind.GENERATED.value,
        "destination": "",
        "title": "",
        "utm": {},
        "created_at": enrollment.created_at,
        "created_by": "test",
        "updated_at": enrollment.created_at,
    }
