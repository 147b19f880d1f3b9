"""From a file that somebody sent to a picture of ours: only what can be seen is kept.

Pure. A file is judged by its bytes, never by its name: it must decode as JPEG, PNG or WebP within bounds. What comes
out was drawn anew, so nothing that hid in the file (scripts, archives, places, names of cameras) can come along.
"""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from engine.kernel.errors import InputError
from engine.tracking.site.tables import AssetKind

LARGEST_FILE: Final = 8 * 1024 * 1024
MOST_PIXELS: Final = 40_000_000
LONGEST_SIDE: Final = 16_000
_READ: Final = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures of a kind are kept: the longest side in pixels, the format, and whether they may be see-through."""

    longest: int
    format: str
    content_type: str
    see_through: bool


LOOKS: Final = MappingProxyType(
    {
        # JPEG because it is also the picture that networks show beside a shared address.
        AssetKind.PHOTO: Look(800, "JPEG", "image/jpeg", see_through=False),
        AssetKind.PRODUCT: Look(640, "WEBP", "image/webp", see_through=False),
        # PNG because mails and printed cards show it too.
        AssetKind.LOGO: Look(320, "PNG", "image/png", see_through=True),
    }
)
EXTENSIONS: Final = MappingProxyType({"image/jpeg": "jpg", "image/webp": "webp", "image/png": "png"})
"""By content type, what stands after the dot in the address of a picture."""


class PictureRefusedError(InputError):
    """A file that is no picture that can be kept."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, field="picture", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as we drew it; `sha256` is of what it shows, so the same file twice gives the same."""

    content_type: str
    width: int
    height: int
    sha256: str
    body: bytes


def encoded(body: bytes, *, kind: AssetKind) -> Encoded:
    """Return the picture in `body`, upright, in sRGB, at most as large as its kind is shown, without metadata.

    Of an animation the first frame stays.

    Raises:
        PictureRefusedError: `body` is empty, larger than 8 MB, no JPEG, PNG or WebP, cut off, or has more than 40
            million pixels.
    """
    if not body:
        raise PictureRefusedError("This file is empty.", "Choose a JPEG, PNG or WebP picture.")
    if len(body) > LARGEST_FILE:
        raise PictureRefusedError("This file is larger than 8 MB.", "Save the picture smaller.")
    try:
        with Image.open(BytesIO(body), formats=_READ) as opened:
            _check_size(opened.size)
            return _drawn(opened, LOOKS[kind])
    except UnidentifiedImageError as error:
        remedy = "Save it as JPEG, PNG or WebP and send that."
        raise PictureRefusedError("This file is no picture that we can read.", remedy) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError) as error:
        # What Pillow's readers raise for files that begin as a picture and do not go on as one.
        remedy = "Open it, save it once more, and send that."
        raise PictureRefusedError("This picture is cut off or damaged.", remedy) from error


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS or max(size) > LONGEST_SIDE:
        raise _too_many_pixels()
    if min(size) < 16:
        raise PictureRefusedError("This picture is smaller than 16 pixels.", "Choose a larger one.")


def _drawn(opened: Image.Image, look: Look) -> Encoded:
    # A JPEG can be decoded at half, a quarter or an eighth of its size; twice the target keeps the edges crisp.
    opened.draft("RGB", (look.longest * 2, look.longest * 2))
    image = _in_srgb(ImageOps.exif_transpose(opened)).convert("RGBA")
    image.thumbnail((look.longest, look.longest), Image.Resampling.LANCZOS)
    plain = _plain(image, look)
    out = BytesIO()
    match look.format:
        case "JPEG":
            plain.save(out, "JPEG", quality=82, optimize=True, progressive=True)
        case "WEBP":
            plain.save(out, "WEBP", quality=80, method=4)
        case _:
            plain.save(out, "PNG", optimize=True)
    body = out.getvalue()
    return Encoded(look.content_type, plain.width, plain.height, hashlib.sha256(body).hexdigest(), body)


def _plain(image: Image.Image, look: Look) -> Image.Image:
    """Return the pixels alone in a new picture, on white where it may not be see-through."""
    if look.see_through:
        fresh = Image.new("RGBA", image.size)
        fresh.paste(image)
        return fresh
    fresh = Image.new("RGB", image.size, "white")
    fresh.paste(image, mask=image.getchannel("A"))
    return fresh


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return `image` in the colours that screens expect; phones send wider ones, which would look dull unconverted."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "RGBA", "CMYK"}:
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        there = ImageCms.createProfile("sRGB")
        here = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.profileToProfile(image, here, there, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return image  # a profile that cannot be read is one that nobody sees


def _too_many_pixels() -> PictureRefusedError:
    return PictureRefusedError("This picture has more than 40 million pixels.", "Save it smaller and send that.")
