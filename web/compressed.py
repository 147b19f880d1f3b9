"""Files that are texts, compressed where a browser takes that: once for each file, not for each request.

Only what WhiteNoise serves is compressed, which is the same for everybody. Pages never are: how short one gets that
holds a secret beside what somebody else chose would tell of the secret (BREACH).
"""

import gzip
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from werkzeug.datastructures import Headers
from werkzeug.http import generate_etag, quote_etag
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Request, Response
from whitenoise import WhiteNoise

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

TEXTS: Final = (".css", ".js", ".svg")
"""How the names of files end that are texts and that pages load. Fonts for the web are compressed in themselves."""


class Compressed:
    """What WhiteNoise answers, with its headers, and texts by gzip where that is accepted.

    Each text is compressed when it is first asked for, and kept. It has an `ETag` of its own, as it is other bytes.
    Who asks for a part gets the whole, as is allowed.
    """

    def __init__(self, files: WhiteNoise) -> None:
        self._files = files
        self._kept: dict[str, tuple[bytes, Headers]] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"]
        if not path.endswith(TEXTS) or path not in self._files.files or not _is_taken(Request(environ)):
            answered: Iterable[bytes] = self._files(environ, start_response)
            return answered
        if path not in self._kept:
            self._kept[path] = self._made(path)
        body, headers = self._kept[path]
        return Response(body, headers=headers).make_conditional(environ)(environ, start_response)

    def _made(self, path: str) -> tuple[bytes, Headers]:
        plain, _, headers = run_wsgi_app(self._files, create_environ(path), buffered=True)
        body = gzip.compress(b"".join(plain), mtime=0)
        headers["ETag"] = quote_etag(generate_etag(body))
        headers["Content-Encoding"] = "gzip"
        return body, headers


def _is_taken(request: Request) -> bool:
    return request.method in {"GET", "HEAD"} and request.accept_encodings["gzip"] > 0
