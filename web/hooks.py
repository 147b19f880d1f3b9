"""`POST /hooks/<connector>/<account>`: webhooks of shops, before Flask: no cookie, no CSRF token, no redirect.

The raw body is verified by the connector before anything is made of it, and answered once it is on disk. Who cannot
show that the shop sent it gets one and the same 401, whether there is such an account or not, and leaves nothing but a
count. What is ours to mend is answered 503, so that the shop tries again.
"""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from sqlalchemy.exc import SQLAlchemyError

from engine.bootstrap import Goodword
from engine.connections.opened import OpenConnection
from engine.connections.refusals import Refusals
from engine.intake.webhooks.service import Arrival, arrive
from engine.kernel.clock import Clock, SystemClock
from engine.kernel.errors import GoodwordError
from engine.kernel.group_commit import GroupCommit, NotWrittenError
from engine.plugin_api import Capability, SignatureError, Webhook, WebhookKind, WebhookRequest
from web.hook_shops import KnownShops

LARGEST_BODY: Final = 1024 * 1024
PATIENCE_S: Final = 4.0
"""How long a webhook waits for the disk: less than a shop waits for its answer (Shopify 5 s)."""

_PATH: Final = re.compile(r"/hooks/([a-z][a-z0-9_]{1,39})/([a-z0-9-]{3,80})")
_LENGTH: Final = re.compile(r"\d{1,18}", re.ASCII)
_PIECE: Final = 64 * 1024
_GOODBYE: Final = "The shop let us go: it sends and answers nothing until it is connected again."

_log = structlog.get_logger(__name__)


class _AnswerError(Exception):
    """An answer other than 200, with the header that it calls for."""

    def __init__(self, status: HTTPStatus, *headers: tuple[str, str]) -> None:
        self.status, self.headers = status, headers
        super().__init__(status)


class Hooks:
    """The WSGI app for `/hooks/`. Make one per process, and close it at the end."""

    def __init__(self, goodword: Goodword, *, largest_body: int = LARGEST_BODY) -> None:
        self._database, self._largest = goodword.database, largest_body
        self._shops = KnownShops(goodword.database, goodword.shops)
        self._refusals = Refusals(goodword.database)
        self._inbox: GroupCommit[Arrival] = GroupCommit(self._write, patience_s=PATIENCE_S)
        # Shops sign by the clock of the world, also where the demo's runs by another.
        self._clock: Clock = SystemClock() if goodword.settings.clock_offset_s else goodword.database.clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        status = HTTPStatus.OK
        headers: tuple[tuple[str, str], ...] = ()
        try:
            self._take(environ)
        except _AnswerError as answer:
            status, headers = answer.status, answer.headers
        except (GoodwordError, SQLAlchemyError) as error:
            _log.error("webhook_not_taken", path=str(environ.get("PATH_INFO"))[:200], problem=str(error)[:500])
            status, headers = HTTPStatus.SERVICE_UNAVAILABLE, (("Retry-After", "30"),)
        body = f"{status.phrase}\n".encode()
        common = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response(f"{status.value} {status.phrase}", [*common, *headers])
        return [body]

    def close(self) -> None:
        """Write what is still on its way."""
        self._inbox.close()
        self._refusals.write()

    def _take(self, environ: WSGIEnvironment) -> None:
        if environ["REQUEST_METHOD"] != "POST":
            raise _AnswerError(HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "POST"))
        if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in {"", "identity"}:
            raise _AnswerError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, ("Accept-Encoding", "identity"))
        request = WebhookRequest(_headers(environ), _body(environ, self._largest), self._clock.now())
        shop = self._shop_at(str(environ.get("PATH_INFO", "")))
        if shop is None:
            raise _AnswerError(HTTPStatus.UNAUTHORIZED)
        webhook = self._verified(shop, request)
        if webhook.kind is WebhookKind.PING:
            return
        self._keep(shop, webhook, body=request.body)

    def _shop_at(self, path: str) -> OpenConnection | None:
        match = _PATH.fullmatch(path)
        return self._shops.at(connector=match[1], account=match[2]) if match else None

    def _verified(self, shop: OpenConnection, request: WebhookRequest) -> Webhook:
        try:
            if shop.view.is_on and shop.can(Capability.WEBHOOKS):
                return shop.verify(request)
        except SignatureError:
            pass
        self._refusals.note(shop.view.brand_id, shop.view.id)
        raise _AnswerError(HTTPStatus.UNAUTHORIZED)

    def _keep(self, shop: OpenConnection, webhook: Webhook, *, body: bytes) -> None:
        arrival = Arrival(
            brand_id=shop.view.brand_id,
            connection_id=shop.view.id,
            key=webhook.key,
            topic=webhook.topic,
            body=body,
            received_at=self._database.clock.now(),
            ignored=webhook.kind is not WebhookKind.EVENT,
            matters=webhook.matters or (_GOODBYE if webhook.kind is WebhookKind.GOODBYE else ""),
            goodbye=webhook.kind is WebhookKind.GOODBYE,
        )
        try:
            self._inbox.put(arrival)
        except NotWrittenError as error:
            _log.error("webhook_not_written", shop=shop.view.name, problem=error.reason[:500])
            raise _AnswerError(HTTPStatus.SERVICE_UNAVAILABLE, ("Retry-After", "5")) from error

    def _write(self, arrivals: Sequence[Arrival]) -> None:
        self._database.run(lambda unit: arrive(unit, arrivals))


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    return headers | {"content-type": environ.get("CONTENT_TYPE", "")}


def _body(environ: WSGIEnvironment, largest: int) -> bytes:
    """Return the raw body; one that is too large is refused without being read, or without being read to its end.

    A body of unknown length is read only from a server that says where it ends.
    """
    declared = str(environ.get("CONTENT_LENGTH") or "")
    if declared and not _LENGTH.fullmatch(declared):
        raise _AnswerError(HTTPStatus.BAD_REQUEST)
    if not declared and not environ.get("wsgi.input_terminated"):
        return b""
    wanted = int(declared) if declared else largest + 1
    if declared and wanted > largest:
        raise _AnswerError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    pieces: list[bytes] = []
    left = wanted
    while left and (piece := environ["wsgi.input"].read(min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    body = b"".join(pieces)
    if len(body) > largest:
        raise _AnswerError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if declared and left:
        raise _AnswerError(HTTPStatus.BAD_REQUEST)
    return body
