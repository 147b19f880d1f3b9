"""The demo's landing pages: those of the ambassadors who bring most, and one that waits for the brand."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.demo.people import OWNER, person
from engine.demo.pictures import portrait
from engine.demo.visits import Spot
from engine.kernel.database import UnitOfWork
from engine.tracking.clicks.tables import Target
from engine.tracking.pages.queries import PageFile
from engine.tracking.pages.schemas import PageDocument, PageDraft
from engine.tracking.pages.service import approve_page, save_draft, submit
from engine.tracking.site.assets import store_picture
from engine.tracking.site.tables import AssetKind

if TYPE_CHECKING:
    from engine.demo.story import Story


@dataclass(frozen=True, slots=True)
class Written:
    """A page as its ambassador wrote it. `discs` are places in the brand's list of products."""

    name: str
    handle: str
    headline: str
    story: str
    discs: tuple[int, ...]
    language: str = "en"
    links: tuple[str, ...] = ()


GUIDE_HANDLE: Final = "maya"

APPROVED: Final = (
    Written(
        "Maya Okonkwo",
        GUIDE_HANDLE,
        "Four records I would carry out of a burning house",
        "I run a listening evening in Lagos and a smaller one in my kitchen. Every month I pick the discs that stayed "
        "in the player.\n\n**How I pick**\n\n- I own it and paid for it.\n- I played it at least ten times.\n"
        "- Somebody asked me what it was.\n\nIf you buy one, write to me which track you skip. Nobody skips the same.",
        (0, 1, 2, 3),
        links=("https://www.instagram.com/maya.listens",),
    ),
    Written(
        "Jürgen Müller-Lüdenscheidt",
        "juergen",
        "Platten für lange Autofahrten",
        "Ich fahre jede Woche von Leipzig nach Wien und zurück. Was hier steht, hat **mindestens drei Fahrten** "
        "überlebt.\n\nAm liebsten nachts, am liebsten ganz.",
        (1, 0),
        language="de",
    ),
    Written(
        "Aiko Tanaka",
        "aiko",
        "Quiet music, played loud",
        "I teach piano in the mornings and repair amplifiers in the afternoons. These discs are good on both kinds of "
        "days.",
        (3, 0, 1),
    ),
    Written(
        "Nadia Petrova",
        "nadia",
        "New voices, one a week",
        "Every Friday I play one record from beginning to end on the radio. The discs below are the ones that "
        "listeners called in about.\n\n1. Lantern Hall, for the third track\n2. Windfall, for everything after it",
        (0, 2),
        links=("https://www.youtube.com/@nadia.fridays",),
    ),
    Written(
        "Marcus Delacroix",
        "delacroix",
        "Brass, mostly",
        "Trombone, twenty years, three bands. I recommend what I would have liked to play on.",
        (2, 1),
    ),
    Written(
        "Amélie Rousseau",
        "amelie",
        "Des disques pour le dimanche",
        "Je tiens un café à Lyon. Le dimanche, on n'entend que des disques entiers, **sans publicité** et sans saut.",
        (3, 1, 0),
        language="fr",
    ),
)
"""Pages that the brand approved when the program had run for two months."""

WAITING: Final = Written(
    "Zoë van der Meer",
    "zoe",
    "Vinyl heart, compact shelf",
    "My flat is too small for records, so I collect discs. Here are the two that made me give up the turntable.",
    (0, 3),
    links=("https://www.tiktok.com/@zoe.spins",),
)
"""A page that waits for the brand's yes."""


def publish_pages(story: "Story", unit: UnitOfWork) -> None:
    """Let the best ambassadors write their pages, and approve them; from now on people click on them."""
    for written in APPROVED:
        waiting = _submitted(story, unit, written)
        seen = waiting.newest.fingerprint
        page = approve_page(unit, story.brand_id, page_id=waiting.page.id, fingerprint=seen, by=OWNER[1]).page
        spot = Spot(page.program_id, page.enrollment_id, Target.PAGE, page.id, unit.now, weight=8)
        story.visits.spots[person(written.name).email].append(spot)


def submit_page(story: "Story", unit: UnitOfWork) -> None:
    """Let one more page come in, which nobody has decided about."""
    _submitted(story, unit, WAITING)


def _submitted(story: "Story", unit: UnitOfWork, written: Written) -> PageFile:
    one = person(written.name)
    enrollment_id = story.enrollments[one.email]
    photo = store_picture(unit, story.brand_id, body=portrait(one.name), kind=AssetKind.PHOTO, by=one.email)
    products = story.products[story.programs[one.program]]
    document = PageDocument(
        name=one.name.split()[0],
        headline=written.headline,
        story=written.story,
        language=written.language,
        photo_id=photo.id,
        product_ids=tuple(products[place] for place in written.discs),
        links=written.links,
    )
    draft = PageDraft(handle=written.handle, document=document)
    save_draft(unit, story.brand_id, enrollment_id=enrollment_id, draft=draft, by=one.email)
    return submit(unit, story.brand_id, enrollment_id=enrollment_id, by=one.email)
