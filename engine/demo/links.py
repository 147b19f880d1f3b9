"""The demo's site: where links lead, what can be bought there, and the links of each ambassador."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from engine.demo.people import OWNER, Person
from engine.demo.pictures import cover, logo
from engine.demo.visits import Spot
from engine.kernel.database import UnitOfWork
from engine.tracking.clicks.tables import Target
from engine.tracking.links.schemas import LinkDraft
from engine.tracking.links.service import create_link
from engine.tracking.pages.products import add_product
from engine.tracking.pages.schemas import ProductDraft
from engine.tracking.site.assets import store_picture
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from engine.tracking.site.tables import AssetKind

if TYPE_CHECKING:
    from engine.demo.story import Story

DOMAIN: Final = "halfmoon.example"
SHOP: Final = f"https://www.{DOMAIN}"
VANITY: Final = "maya-picks"
"""The ending that the first ambassador of Friends chose for one of her links."""

_BY: Final = OWNER[1]
_UTM: Final = {"utm_source": "ambassador", "utm_medium": "referral", "utm_campaign": "{program}"}
_SALE: Final = "Sofia Castellanos"
_DISCS: Final = (
    ProductDraft(title="Night Ferries: Lantern Hall", link=f"{SHOP}/discs/lantern-hall", price_text="$18.97"),
    ProductDraft(title="Ada Quill: Songs for a Long Drive", link=f"{SHOP}/discs/long-drive", price_text="$14.99"),
    ProductDraft(title="The Brass Orchard: Windfall", link=f"{SHOP}/discs/windfall", price_text="$16.49"),
    ProductDraft(title="Ilse Varga: Nocturnes, two discs", link=f"{SHOP}/discs/nocturnes", price_text="$24.00"),
)


def set_up_site(story: "Story", unit: UnitOfWork) -> None:
    """Say where the brand's shop is, how its programs track, and which discs ambassadors may show."""
    brand_id = story.brand_id
    mark = store_picture(unit, brand_id, body=logo(), kind=AssetKind.LOGO, by=_BY)
    save_site(unit, brand_id, draft=SiteDraft(domains=(DOMAIN,), colour="#20304f", logo_id=mark.id), by=_BY)
    tracking = TrackingDraft(home_url=f"{SHOP}/", utm=_UTM)
    covers = (store_picture(unit, brand_id, body=cover(one.title), kind=AssetKind.PRODUCT, by=_BY) for one in _DISCS)
    discs = [one.model_copy(update={"image_id": image.id}) for one, image in zip(_DISCS, covers, strict=True)]
    for program_id in story.programs.values():
        save_tracking(unit, brand_id, program_id=program_id, draft=tracking, by=_BY)
        rows = [add_product(unit, brand_id, program_id=program_id, draft=disc, by=_BY) for disc in discs]
        story.products[program_id] = tuple(row.id for row in rows)


def give_links(unit: UnitOfWork, story: "Story", one: Person) -> None:
    """Give somebody who was let in their links: all one to the shop, those who bring many more than one."""
    give(unit, story, one, draft=LinkDraft(title="The shop"), weight=4)
    if one.weight >= 20:
        give(unit, story, one, draft=LinkDraft(title="Link in my profile", utm={"utm_content": "bio"}), weight=6)
    if one.weight >= 40:
        disc = _DISCS[one.weight % len(_DISCS)]
        give(unit, story, one, draft=LinkDraft(title=disc.title, destination=disc.link), weight=3)
    if one.vanity == "MAYA10":
        draft = LinkDraft(title="My picks of the month", slug=VANITY, destination=f"{SHOP}/picks/maya")
        give(unit, story, one, draft=draft, weight=9)
    if one.name == _SALE:
        ends = unit.now + timedelta(days=95)
        give(unit, story, one, draft=LinkDraft(title="Spring sale", expires_at=ends), weight=2)


def give(unit: UnitOfWork, story: "Story", one: Person, *, draft: LinkDraft, weight: int) -> None:
    """Make one link, and let people click on it from now on."""
    enrollment_id = story.enrollments[one.email]
    made = create_link(
        unit, story.brand_id, enrollment_id=enrollment_id, draft=draft, by=one.email, choose=story.drawn.choice
    )
    spot = Spot(made.program_id, enrollment_id, Target.LINK, made.id, unit.now, weight, made.expires_at)
    story.visits.spots.setdefault(one.email, []).append(spot)
