"""What a brand says about its site and its programs' tracking: checked, kept, audited, and never moved back in time."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import select

from engine.identity.tables import AuditEntry
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.kernel.ids import new_id
from engine.programs.tables import ProgramState
from engine.tracking.links.rules import DestinationRefusedError
from engine.tracking.site.colours import PLUM
from engine.tracking.site.queries import kept_days, site_of, tracking_of, trackings_of
from engine.tracking.site.schemas import DISCLOSURE, SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from engine.tracking.site.tables import Asset, AssetKind, Consent, KeptAddress
from tests.factories import TEN_PERCENT, make_brand, make_program, make_terms

HOME = "https://shop.example.com/"


@pytest.fixture
def friends(db):
    with db.unit() as unit:
        return make_program(unit, make_brand(unit).id, name="Friends")


@pytest.fixture
def site(db, friends):
    def site(**parts):
        with db.unit() as unit:
            return save_site(unit, friends.brand_id, draft=SiteDraft.model_validate(parts), by="olga")

    return site


@pytest.fixture
def track(db, friends):
    def track(**parts):
        with db.unit() as unit:
            draft = TrackingDraft.model_validate(parts)
            return save_tracking(unit, friends.brand_id, program_id=friends.id, draft=draft, by="olga")

    return track


def audit(db):
    with db.reading() as unit:
        return [(one.action, one.detail) for one in unit.session.exec(select(AuditEntry).order_by("id"))]


def picture(brand_id, *, kind, now):
    plain: dict[str, Any] = {
        "content_type": "image/png",
        "width": 1,
        "height": 1,
        "sha256": "0" * 64,
        "body": b"x",
        "created_by": "t",
    }
    return Asset(brand_id=brand_id, kind=kind, created_at=now, **plain)


def test_where_nothing_was_said_the_defaults_ask_for_consent_and_keep_little(db, friends):
    with db.reading() as unit:
        site, tracking = site_of(unit, friends.brand_id), tracking_of(unit, friends.brand_id, program_id=friends.id)
        assert trackings_of(unit, friends.brand_id) == ()
    assert (site.domains, site.colour, site.logo_id, site.updated_at) == ((), PLUM, None, None)
    assert (tracking.consent, tracking.kept_address) == (Consent.REQUIRED, KeptAddress.SHORTENED)
    assert (tracking.home_url, tracking.retention_days, tracking.disclosure) == ("", 90, DISCLOSURE)
    assert tracking.updated_at is None


def test_what_was_said_is_kept_and_the_same_again_changes_nothing(db, friends, site, track, clock):
    kept = site(domains=["https://Shop.example.com/"], colour="#ABC")
    assert (kept.domains, kept.colour, kept.updated_at) == (("shop.example.com",), "#aabbcc", clock.now())
    tracked = track(home_url="https://shop.example.com", utm={"utm_source": "{handle}"}, consent="assumed")
    assert (tracked.home_url, tracked.utm, tracked.consent) == (HOME, {"utm_source": "{handle}"}, Consent.ASSUMED)
    clock.advance(timedelta(hours=1))
    assert site(domains=["shop.example.com"], colour="#aabbcc") == kept
    assert track(home_url=HOME, utm={"utm_source": "{handle}"}, consent="assumed") == tracked
    with db.reading() as unit:
        assert trackings_of(unit, friends.brand_id) == (tracked,)
    assert [action for action, _ in audit(db)] == ["save_site", "save_tracking"]


def test_the_audit_log_says_what_became_different(db, site, track):
    site(domains=["shop.example.com"])
    site(domains=["shop.example.com"], colour="#000000")
    track(home_url=HOME)
    track(home_url=HOME, consent="assumed", kept_address="nothing")
    assert audit(db)[1] == ("save_site", {"colour": "#000000"})
    assert audit(db)[3] == ("save_tracking", {"consent": "assumed", "kept_address": "nothing"})


def test_each_change_is_later_than_the_one_before_also_when_the_clock_goes_back(site, track, clock):
    site(domains=["shop.example.com"])
    track(home_url=HOME)
    stamps = []
    for colour, hours in [("#000000", 1), ("#111111", 2)]:
        clock.advance(timedelta(hours=-1))
        stamps.append((site(domains=["shop.example.com"], colour=colour), track(home_url=HOME, count_window_h=hours)))
    (first_site, first_track), (second_site, second_track) = stamps
    assert second_site.updated_at > first_site.updated_at > clock.now()
    assert second_track.updated_at > first_track.updated_at > clock.now()


def test_a_home_address_is_on_the_brands_domains_and_they_stay_while_it_is(site, track):
    with pytest.raises(DestinationRefusedError):
        track(home_url=HOME)
    site(domains=["shop.example.com", "other.example"])
    track(home_url=HOME)
    with pytest.raises(DestinationRefusedError):
        track(home_url="https://evil.com/")
    with pytest.raises(InputError, match="would be on none of these domains"):
        site(domains=["other.example"])
    assert site(domains=["example.com"]).domains == ("example.com",)
    assert track(home_url="").home_url == ""
    assert site().domains == ()


def test_clicks_are_kept_while_an_order_may_come_by_them(db, friends, track):
    long = TEN_PERCENT.model_copy(
        update={"attribution": TEN_PERCENT.attribution.model_copy(update={"click_window_days": 60})}
    )
    with pytest.raises(InputError, match="at least 30 days"):
        track(retention_days=29)
    track(retention_days=30)
    with db.unit() as unit:
        make_terms(unit, friends, document=long, version=2)
        assert kept_days(unit, friends.brand_id, program_id=friends.id) == 60
    with pytest.raises(InputError, match="for 60 days"):
        track(retention_days=59)
    track(retention_days=61)
    with db.reading() as unit:
        assert kept_days(unit, friends.brand_id, program_id=friends.id) == 61


def test_a_logo_is_the_brands_own(db, friends, site):
    with db.unit() as unit:
        theirs = picture(make_brand(unit).id, kind=AssetKind.LOGO, now=unit.now)
        photo = picture(friends.brand_id, kind=AssetKind.PHOTO, now=unit.now)
        logo = picture(friends.brand_id, kind=AssetKind.LOGO, now=unit.now)
        unit.session.add_all([theirs, photo, logo])
    for asset_id in (theirs.id, photo.id, new_id()):
        with pytest.raises(NotFoundError):
            site(logo_id=asset_id)
    assert site(logo_id=logo.id).logo_id == logo.id
    assert audit(db)[0][1]["logo_id"] == str(logo.id)


def test_a_foreign_or_closed_program_is_not_tracked_otherwise(db, friends, track):
    with db.unit() as unit:
        other = make_brand(unit).id
        with pytest.raises(NotFoundError):
            save_tracking(unit, other, program_id=friends.id, draft=TrackingDraft(), by="eve")
        friends.state = ProgramState.CLOSED
        unit.session.add(friends)
    with pytest.raises(ConflictError, match="Friends is closed"):
        track()


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (SiteDraft, {"domains": ["co.uk"]}),
        (SiteDraft, {"domains": ["a\0.example"]}),
        (SiteDraft, {"colour": "red"}),
        (SiteDraft, {"brand_id": "x"}),
        (TrackingDraft, {"consent": "maybe"}),
        (TrackingDraft, {"kept_address": "all"}),
        (TrackingDraft, {"count_window_h": 0}),
        (TrackingDraft, {"retention_days": 0}),
        (TrackingDraft, {"utm": {"gw_click": "x"}}),
        (TrackingDraft, {"utm": {"utm_source": "{name}"}}),
        (TrackingDraft, {"disclosure": ""}),
        (TrackingDraft, {"disclosure": "a\u202eb"}),
        (TrackingDraft, {"disclosure": "x" * 301}),
        (TrackingDraft, {"program_id": str(new_id())}),
    ],
    ids=lambda value: ascii(value)[:30] if isinstance(value, dict) and "program_id" not in value else "",
)
def test_what_cannot_be_said_is_refused(model, parts):
    with pytest.raises(ValidationError):
        model.model_validate(parts)
