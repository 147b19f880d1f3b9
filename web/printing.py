"""Answers of QR codes and cards: what an address is printed as, as files to keep."""

from typing import Final
from uuid import UUID

from flask import Response, abort

from engine.identity.queries import BrandView
from engine.kernel.database import UnitOfWork
from engine.tracking.cards import Card, CardFonts, card_pdf
from engine.tracking.codes.queries import codes_of, present_code
from engine.tracking.qr import qr_png, qr_svg
from engine.tracking.site.assets import picture
from engine.tracking.site.queries import site_of, tracking_of
from web.i18n import locale, text
from web.static_files import STATIC

FONTS: Final = CardFonts(STATIC / "vendor/fonts/inter-400.ttf", STATIC / "vendor/fonts/inter-700.ttf")


def qr_answer(address: str, *, kind: str, colour: str, name: str) -> Response:
    """Answer with the QR code of an address as a file `name`; 404 for a kind that is neither svg nor png."""
    if kind not in {"svg", "png"}:
        abort(404)
    if kind == "svg":
        return _file(qr_svg(address, colour=colour), "image/svg+xml", f"{name}.svg")
    return _file(qr_png(address, colour=colour), "image/png", f"{name}.png")


def card_of(
    unit: UnitOfWork, brand: BrandView, *, program_id: UUID, enrollment_id: UUID, name: str, address: str
) -> Card:
    """Return the card of an address: the ambassador with their present code, the brand's colour, logo, disclosure."""
    site = site_of(unit, brand.id)
    logo = picture(unit, site.logo_id) if site.logo_id else None
    code = present_code(codes_of(unit, brand.id, enrollment_ids=[enrollment_id]), enrollment_id, at=unit.now)
    return Card(
        brand=brand.name,
        name=name,
        address=address,
        scan=text("Scan with your camera, or type"),
        use_code=text("My code at the checkout"),
        disclosure=tracking_of(unit, brand.id, program_id=program_id).disclosure,
        colour=site.colour,
        language=locale().language,
        made_at=unit.now,
        code=code.code if code else None,
        logo=logo.body if logo else None,
    )


def card_answer(card: Card, *, name: str) -> Response:
    """Answer with a card as a PDF file `name`."""
    return _file(card_pdf(card, fonts=FONTS), "application/pdf", f"{name}.pdf")


def _file(body: bytes, content_type: str, name: str) -> Response:
    answer = Response(body, content_type=content_type)
    answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return answer
