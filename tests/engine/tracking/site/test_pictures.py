"""Whatever is sent as a picture: what comes out was drawn by us and holds nothing but what can be seen."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from engine.tracking.site.pictures import LARGEST_FILE, LOOKS, PictureRefusedError, encoded
from engine.tracking.site.tables import AssetKind

PHOTO, LOGO, PRODUCT = AssetKind.PHOTO, AssetKind.LOGO, AssetKind.PRODUCT
SCRIPT = b"<script>alert(document.domain)</script>"


def picture(size=(900, 1200), *, form="JPEG", mode="RGB", colour="tomato", **options):
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, form, **options)
    return file.getvalue()


def opened(drawn):
    return Image.open(io.BytesIO(drawn.body))


@pytest.mark.parametrize("kind", AssetKind)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_kind_comes_out_as_its_own_format_and_no_larger_than_it_is_shown(kind, form):
    drawn = encoded(picture((1600, 900), form=form), kind=kind)
    image, look = opened(drawn), LOOKS[kind]
    assert image.format == look.format
    assert drawn.content_type == look.content_type
    assert max(image.size) == look.longest
    assert (drawn.width, drawn.height) == image.size


def test_a_small_picture_is_not_blown_up():
    assert opened(encoded(picture((300, 200)), kind=PHOTO)).size == (300, 200)


def test_the_same_file_gives_the_same_bytes():
    assert encoded(picture(), kind=PHOTO) == encoded(picture(), kind=PHOTO)


def test_a_phone_s_picture_stands_upright_and_tells_nobody_where_it_was_taken():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    exif[0x010F], exif[0x013B] = "Acme Phone", "Anna Berg"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    sent = picture((1200, 900), exif=exif)
    assert b"Acme Phone" in sent
    drawn = encoded(sent, kind=PHOTO)
    image = opened(drawn)
    assert image.size == (600, 800)
    assert dict(image.getexif()) == {}
    assert b"Exif" not in drawn.body
    assert b"Acme" not in drawn.body


@pytest.mark.parametrize("kind", AssetKind)
def test_words_hidden_in_a_png_are_gone(kind):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", SCRIPT.decode())
    notes.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>Anna's address</x:xmpmeta>")
    drawn = encoded(picture(form="PNG", pnginfo=notes), kind=kind)
    assert b"script" not in drawn.body
    assert b"xmp" not in drawn.body.lower()


@pytest.mark.parametrize(
    "tail", [SCRIPT, b"PK\x03\x04 an archive", b"<?php system($_GET[0]); ?>"], ids=["html", "zip", "php"]
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_what_stands_behind_a_picture_does_not_come_along(form, tail):
    drawn = encoded(picture(form=form) + tail, kind=PRODUCT)
    assert tail not in drawn.body


def test_a_gif_that_is_also_a_script_is_refused():
    with pytest.raises(PictureRefusedError, match="no picture"):
        encoded(b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//", kind=PHOTO)


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("x.txt", "x" * 100)
    return file.getvalue()


STRANGE = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
    "html called .png": b"<!doctype html>" + SCRIPT,
    "zip": archive(),
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "bmp": picture((64, 64), form="BMP"),
    "tiff": picture((64, 64), form="TIFF"),
    "gif": picture((64, 64), form="GIF"),
    "icon": picture((64, 64), form="ICO"),
    "text": b"hello" * 100,
    "a jpeg's first bytes": b"\xff\xd8\xff\xe0",
    "a png's first bytes": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("body", STRANGE.values(), ids=list(STRANGE))
def test_what_is_no_jpeg_png_or_webp_is_refused_whatever_its_name(body):
    with pytest.raises(PictureRefusedError):
        encoded(body, kind=LOGO)


def test_nothing_is_refused():
    with pytest.raises(PictureRefusedError, match="empty"):
        encoded(b"", kind=PHOTO)


def test_a_file_that_is_too_large_is_refused_unread():
    with pytest.raises(PictureRefusedError, match="8 MB"):
        encoded(b"\xff" * (LARGEST_FILE + 1), kind=PHOTO)


def bomb(width, height):
    """A PNG of a few hundred bytes whose head promises width × height pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9_999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(20_000, 20_000), (50_000, 50_000), (8_000, 8_000), (40_000, 20), (12_000, 9_000)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(size):
    with pytest.raises(PictureRefusedError, match="40 million pixels"):
        encoded(bomb(*size), kind=PHOTO)


def test_a_picture_that_nobody_can_see_is_refused():
    with pytest.raises(PictureRefusedError, match="smaller than 16"):
        encoded(picture((1, 1)), kind=PHOTO)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_was_cut_off_is_refused(form):
    noise = Image.effect_noise((400, 400), 90)
    file = io.BytesIO()
    noise.save(file, form)
    with pytest.raises(PictureRefusedError):
        encoded(file.getvalue()[: len(file.getvalue()) // 2], kind=PHOTO)


def test_a_logo_stays_see_through_and_a_photo_gets_white_behind_it():
    sent = picture((200, 200), form="PNG", mode="RGBA", colour=(255, 0, 0, 0))
    assert opened(encoded(sent, kind=LOGO)).convert("RGBA").getpixel((50, 50))[3] == 0
    assert opened(encoded(sent, kind=PRODUCT)).convert("RGB").getpixel((50, 50)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "I;16"])
def test_unusual_modes_are_drawn(mode):
    drawn = encoded(picture((64, 64), form="PNG", mode=mode, colour=0), kind=PRODUCT)
    assert opened(drawn).size == (64, 64)


def test_colours_of_print_become_those_of_screens():
    assert opened(encoded(picture((64, 64), mode="CMYK", colour=(0, 255, 255, 0)), kind=PHOTO)).mode == "RGB"


def test_a_colour_profile_is_applied_and_then_gone():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for sent in (picture(icc_profile=srgb), picture(icc_profile=profile), picture(icc_profile=b"junk" * 40)):
        assert "icc_profile" not in opened(encoded(sent, kind=PHOTO)).info


def test_of_an_animation_the_first_frame_stays():
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    drawn = opened(encoded(file.getvalue(), kind=PRODUCT))
    assert getattr(drawn, "n_frames", 1) == 1
    assert drawn.convert("RGB").getpixel((30, 30))[0] > 200


def drawn_or_refused(body, kind):
    try:
        return encoded(body, kind=kind)
    except PictureRefusedError as refused:
        return refused


HEADS = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBP"]


@given(st.binary(min_size=1, max_size=400), st.sampled_from(HEADS))
def test_whatever_is_sent_is_a_picture_or_a_sentence(body, head):
    found = drawn_or_refused(head + body, LOGO)
    assert found.remedy if isinstance(found, PictureRefusedError) else opened(found).format == "PNG"


JPEG = picture((40, 40))


@given(st.integers(0, len(JPEG) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_a_picture_or_a_sentence(place, byte):
    changed = bytearray(JPEG)
    changed[place] = byte
    found = drawn_or_refused(bytes(changed), PHOTO)
    assert found.problem if isinstance(found, PictureRefusedError) else opened(found).format == "JPEG"
