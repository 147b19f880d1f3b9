"""What a click id looks like outside, and which clicks count.

Pure. The id travels to the shop in the address (`gw_click`) and comes back with the order. It is signed, so that nobody
can name a click that they have not made.
"""

import hmac
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64Error
from binascii import b2a_base64
from hashlib import blake2s
from typing import Final
from uuid import UUID

PARAMETER: Final = "gw_click"
"""The name under which a click id travels in an address."""

PLACEHOLDER: Final = "gw-click-goes-here-gw-click-gone"
"""Stands in a rendered landing page where each visitor's own click id goes; as long as one, and never one."""

_TAG_BYTES: Final = 8
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def click_token(key: bytes, click_id: UUID) -> str:
    """Return the click id as it travels: 32 characters of base64url, 16 bytes of id and 8 bytes of signature."""
    return token_of(key, click_id.bytes)


def token_of(key: bytes, name: bytes) -> str:
    """Return the token of a click by the 16 bytes of its id."""
    return b2a_base64(name + _tag(key, name), newline=False).translate(_URL_SAFE).decode()


def click_id_of(key: bytes, token: str) -> UUID | None:
    """Return the click that `token` names, or None for anything that `click_token` did not make with `key`."""
    if len(token) != len(PLACEHOLDER) or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except (NotBase64Error, ValueError):
        return None
    name, tag = raw[:16], raw[16:]
    return UUID(bytes=name) if hmac.compare_digest(tag, _tag(key, name)) else None


def _tag(key: bytes, name: bytes) -> bytes:
    """Return a signature: BLAKE2 takes a key by itself, at a quarter of what HMAC costs."""
    return blake2s(name, key=key, digest_size=_TAG_BYTES).digest()
