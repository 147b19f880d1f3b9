"""Files as they are: served by WhiteNoise under an address that changes with their content.

`/static/<digest>/goodword.css` may be kept for ever, and after an update every page asks for new ones.
"""

import hashlib
from pathlib import Path
from typing import Final

import structlog
from flask import Flask
from whitenoise import WhiteNoise

from web.compressed import TEXTS, Compressed

STATIC: Final = Path(__file__).resolve().parent / "static"
_A_YEAR: Final = 365 * 24 * 3600
_log = structlog.get_logger(__name__)


def serve_static(app: Flask, *, folder: Path = STATIC) -> None:
    """Serve `folder` in front of `app` and give templates `static(path)`."""
    if not (folder / "vendor" / "tabler.min.css").exists():
        _log.warning("front_end_files_missing", remedy="Run `make setup` (or `npm ci` and `python -m web.assets`).")
    prefix = f"static/{digest(folder)}"
    files = WhiteNoise(
        app.wsgi_app,
        root=folder,
        prefix=prefix,
        max_age=_A_YEAR,
        allow_all_origins=False,
        add_headers_function=_headers,
    )
    app.wsgi_app = Compressed(files)  # type: ignore[method-assign]  # how WSGI middleware is put in front of Flask
    app.jinja_env.globals["static"] = lambda path: f"/{prefix}/{path}"


def digest(folder: Path) -> str:
    """Return twelve hexadecimal digits that stand for all files in `folder`, by name and content."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:12]


def _headers(headers: "object", _path: str, url: str) -> None:
    if url.endswith(TEXTS):
        headers["Vary"] = "Accept-Encoding"  # type: ignore[index]
    headers["X-Content-Type-Options"] = "nosniff"  # type: ignore[index]  # wsgiref's Headers
    headers["Cross-Origin-Resource-Policy"] = "same-origin"  # type: ignore[index]
