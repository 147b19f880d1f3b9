"""A landing page as its visitors see it: what was said on it, with addresses that carry click and code to the shop.

Read inside a unit of work, put together outside: connectors and plugins are asked only once the unit is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from engine.connections.codes.queries import standings_of
from engine.connections.codes.rules import wanted
from engine.connections.queries import connection_by_id
from engine.connections.service import settings_of_connection
from engine.kernel.crypto import Keyring
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.kernel.money import Money, parse_currency
from engine.plugin_api import CodeLinkConnector, CodeView, LandingView, PluginSettings, address_with
from engine.plugin_host.guard import Registered, reason_of
from engine.plugin_host.landing import block_settings, blocks_for
from engine.plugin_host.registry import PluginHost
from engine.tracking.codes.queries import codes_of, present_code
from engine.tracking.links.rules import checked_destination, click_parameter, is_destination, utm_parameters
from engine.tracking.pages.prose import html_of, words_of
from engine.tracking.pages.queries import ProductRow, PublicPage, chosen_products, products_of
from engine.tracking.pages.rules import parted_disclosure
from engine.tracking.site.assets import PictureRef, picture_refs
from engine.tracking.site.queries import SiteRow, TrackingRow, site_of, tracking_of
from engine.tracking.site.tables import Consent

ICONS: Final = frozenset({"instagram", "tiktok", "youtube", "mail", "link"})
_DESCRIPTION: Final = 160

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShopDoor:
    """What knows how a shop applies a promo code by its address, with the settings that it needs."""

    connector: Registered[CodeLinkConnector]
    settings: PluginSettings = field(repr=False)


@dataclass(frozen=True, slots=True)
class LandingFacts:
    """What was read for a page. `gift` is the code as a shop should have it, None where no terms say what it gives."""

    page: PublicPage
    site: SiteRow
    tracking: TrackingRow
    products: tuple[ProductRow, ...]
    pictures: Mapping[UUID, PictureRef]
    code: str | None
    gift: CodeView | None
    door: ShopDoor | None
    settings: dict[str, PluginSettings] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """A product on a page."""

    title: str
    price_text: str
    picture: PictureRef | None
    address: str


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link in a block, with one of `ICONS`."""

    label: str
    detail: str
    address: str
    icon: str


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """A plugin's block; `html` is safe."""

    title: str
    html: str
    links: tuple[ShownLink, ...]


@dataclass(frozen=True, slots=True)
class Landing:
    """A page ready to be drawn. `story` is safe HTML, `shop` is None where the program names no address.

    `code_applied`: the shop takes the code by itself when somebody comes through these addresses. What the code takes
    off an order are basis points, or an amount; neither where the terms name none, or amounts in several currencies.
    """

    handle: str
    brand: str
    name: str
    headline: str
    language: str
    story: str
    description: str
    photo: PictureRef | None
    logo: PictureRef | None
    colour: str
    disclosure_label: str
    disclosure: str
    code: str | None
    code_applied: bool
    off_bps: int | None
    off: Money | None
    shop: str | None
    products: tuple[ShownProduct, ...]
    blocks: tuple[ShownBlock, ...]
    asks_consent: bool


def read_landing(unit: UnitOfWork, page: PublicPage, *, host: PluginHost, keyring: Keyring) -> LandingFacts:
    """Return what is needed to put `page` together."""
    brand_id, document = page.brand_id, page.document
    site = site_of(unit, brand_id)
    tracking = tracking_of(unit, brand_id, program_id=page.program_id)
    products = chosen_products(products_of(unit, brand_id, program_id=page.program_id), document)
    theirs = codes_of(unit, brand_id, enrollment_ids=[page.enrollment_id])
    code = present_code(theirs, page.enrollment_id, at=unit.now)
    images = {document.photo_id, site.logo_id, *(one.image_id for one in products)}
    return LandingFacts(
        page,
        site,
        tracking,
        products,
        picture_refs(unit, brand_id, asset_ids={one for one in images if one is not None}),
        code.code if code else None,
        wanted(code, standings_of(unit, brand_id, [code])[code.id], at=unit.now) if code else None,
        _door(unit, brand_id, tracking.connection_id, host=host, keyring=keyring),
        block_settings(unit, brand_id, host=host, keyring=keyring),
    )


def landing_of(facts: LandingFacts, *, host: PluginHost, click: str | None) -> Landing:
    """Return the page. `click` is what its addresses carry as click id, None for a preview that counts nothing.

    No unit of work is open here: connectors and plugins are asked. One that fails costs its own part of the page only.
    """
    page, document, site = facts.page, facts.page.document, facts.site
    passage = _Passage(facts, click)
    products = tuple(
        ShownProduct(one.title, one.price_text, _picture(facts, one.image_id), passage.to(one.link))
        for one in facts.products
        if is_destination(one.link, domains=site.domains)
    )
    label, disclosure = parted_disclosure(facts.tracking.disclosure)
    home = facts.tracking.home_url
    shop = passage.to(home) if home and is_destination(home, domains=site.domains) else None
    return Landing(
        handle=page.handle,
        brand=page.brand_name,
        name=document.name,
        headline=document.headline,
        language=document.language,
        story=html_of(document.story),
        description=document.headline or words_of(document.story, longest=_DESCRIPTION),
        photo=_picture(facts, document.photo_id),
        logo=_picture(facts, site.logo_id),
        colour=site.colour,
        disclosure_label=label,
        disclosure=disclosure,
        code=facts.code,
        code_applied=passage.applied,
        off_bps=facts.gift.percent_bps if facts.gift else None,
        off=_only_amount(facts.gift),
        shop=shop,
        products=products,
        blocks=_blocks(facts, host),
        asks_consent=facts.tracking.consent is Consent.REQUIRED,
    )


class _Passage:
    """Makes the addresses that lead from a page to its shop; `applied` once one of them applies the code."""

    def __init__(self, facts: LandingFacts, click: str | None) -> None:
        self._facts, self.applied = facts, False
        page = facts.page
        values = {"handle": page.handle, "code": facts.code or "", "link": page.handle, "program": page.program_slug}
        self._added = utm_parameters(facts.tracking.utm, values=values)
        self._click = {click_parameter(facts.tracking.utm): click} if click else {}

    def to(self, destination: str) -> str:
        """Return the address that leads to `destination` (on one of the brand's domains) with everything it carries."""
        address = address_with(destination, parameters=self._added | self._click)
        return self._with_code(address) or address

    def _with_code(self, address: str) -> str | None:
        """Return the address that applies the code as well, or None where nobody knows one."""
        door, code = self._facts.door, self._facts.code
        if door is None or code is None:
            return None
        wrapped: object = door.connector.offer(
            lambda value: value.code_address(address, code=code, settings=door.settings), None
        )
        try:
            checked = checked_destination(str(wrapped), domains=self._facts.site.domains) if wrapped else None
        except GoodwordError as error:
            _log.warning("code_address_refused", plugin=door.connector.plugin, reason=reason_of(error))
            return None
        if checked is None:
            return None
        self.applied = True
        # Shops remember the first address they saw, which is this one: the click stands in it too.
        return address_with(checked, parameters=self._click)


def _only_amount(gift: CodeView | None) -> Money | None:
    """Return what a code takes off in the one currency that it knows: a page cannot tell in which its visitor pays."""
    amounts = list((gift.amount_minor or {}).items()) if gift else []
    return Money(amounts[0][1], parse_currency(amounts[0][0])) if len(amounts) == 1 else None


def _door(
    unit: UnitOfWork, brand_id: UUID, connection_id: UUID | None, *, host: PluginHost, keyring: Keyring
) -> ShopDoor | None:
    if connection_id is None:
        return None
    try:
        connection = connection_by_id(unit, brand_id, connection_id=connection_id)
        connector = host.connector(connection.connector)
        if not isinstance(connector.value, CodeLinkConnector):
            return None
        settings = settings_of_connection(connection, host=host, keyring=keyring)
    except GoodwordError as error:
        _log.warning("code_links_missing", connection=str(connection_id), reason=reason_of(error))
        return None
    return ShopDoor(connector, settings)  # type: ignore[arg-type]  # its value was just looked at


def _picture(facts: LandingFacts, asset_id: UUID | None) -> PictureRef | None:
    return facts.pictures.get(asset_id) if asset_id else None


def _blocks(facts: LandingFacts, host: PluginHost) -> tuple[ShownBlock, ...]:
    page, document = facts.page, facts.page.document
    view = LandingView(
        brand=page.brand_name,
        program=page.program_name,
        name=document.name,
        headline=document.headline,
        language=document.language,
        links=document.links,
        code=facts.code,
    )
    return tuple(
        ShownBlock(
            block.title,
            html_of(block.text),
            tuple(
                ShownLink(one.label, one.detail, one.address, one.icon if one.icon in ICONS else "link")
                for one in block.links
            ),
        )
        for block in blocks_for(view, host=host, settings=facts.settings)
    )
