"""QR codes of addresses: as SVG for print, as PNG for everything else, as squares for a card.

Error correction is at least M (15 %), or better where that costs no larger code; four modules around stay white, as the
standard asks (ISO/IEC 18004, 6.3.8). Scanners look for dark on light, so that a brand's colour is used only where it is
dark enough, and a code is never drawn light on dark.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

import segno

from engine.tracking.site.colours import INK, PAPER, READABLE, contrast

QUIET_ZONE: Final = 4
"""How many modules around a code stay white."""

PNG_MODULE_PX: Final = 16


def dark_enough(colour: str) -> str:
    """Return `colour` where a scanner can tell it from white, else the ink."""
    return colour if contrast(colour, PAPER) >= READABLE else INK


def qr_svg(address: str, *, colour: str) -> bytes:
    """Return the QR code of an address as an SVG document, in `colour` if that is dark enough."""
    file, dark = BytesIO(), dark_enough(colour)
    _code(address).save(
        file, kind="svg", border=QUIET_ZONE, dark=dark, light=PAPER, title=address, omitsize=True, xmldecl=False
    )
    return file.getvalue()


def qr_png(address: str, *, colour: str) -> bytes:
    """Return the QR code of an address as a PNG picture of 16 pixels a module, in `colour` if that is dark enough."""
    file = BytesIO()
    _code(address).save(file, kind="png", border=QUIET_ZONE, dark=dark_enough(colour), light=PAPER, scale=PNG_MODULE_PX)
    return file.getvalue()


def modules_across(address: str) -> int:
    """Return how many modules the QR code of an address has across, its quiet zone included."""
    width, _ = _code(address).symbol_size(border=QUIET_ZONE)
    return int(width)


def dark_runs(address: str) -> Iterator[tuple[int, int, int]]:
    """Yield the dark modules of an address's QR code as runs (column, row, length), counted with the quiet zone.

    Runs of a row are joined, so that no hairline shows between two modules in print.
    """
    for row, modules in enumerate(_code(address).matrix, start=QUIET_ZONE):
        start = None
        for column, dark in enumerate((*modules, 0), start=QUIET_ZONE):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                yield start, row, column - start
                start = None


def _code(address: str) -> segno.QRCode:
    return segno.make_qr(address, error="m", boost_error=True)
