"""A shop of a few lines that stands in for a brand's: it notes where customers land and tells what they bought."""

import base64
import hmac
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = b"the-signing-key-of-the-stand-in!"
SIGNING_SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
SETTINGS: dict[str, Any] = {
    "signing_secrets": [SIGNING_SECRET],
    "topic": "type",
    "amounts": "decimal",
    "order": {
        "topics": ["order.paid"],
        "id": "data.id",
        "updated_at": "data.at",
        "placed_at": "data.at",
        "paid_at": "data.at",
        "currency": "data.currency",
        "lines": {"each": "data.lines[]", "id": "id", "net": "total"},
        "charged": "data.total",
        "codes": "data.codes[]",
        "clicks": ["data.landing"],
        "customer_email": "data.email",
    },
}
"""What a connection of `generic_webhook` must know about this shop."""


@dataclass(slots=True)
class StandIn:
    """The shop: `landings` are the addresses at which customers came in."""

    address: str
    landings: list[str] = field(default_factory=list)
    sold: int = 0

    def sell(self, hook: str, *, total: str, codes: tuple[str, ...] = ()) -> str:
        """Let the customer who came last buy something, and tell `hook`; return the order's number."""
        self.sold += 1
        number = f"S-{self.sold}"
        bought = {
            "id": number,
            "at": datetime.now(UTC).isoformat(),
            "currency": "EUR",
            "lines": [{"id": "1", "total": total}],
            "total": total,
            "codes": list(codes),
            "landing": self.landings[-1],
            "email": "bea@example.net",
        }
        status = post(hook, json.dumps({"type": "order.paid", "data": bought}).encode(), message_id=f"msg_{number}")
        assert status == 200, status
        return number


def post(hook: str, body: bytes, *, message_id: str, key: bytes = KEY) -> int:
    """Post a signed webhook; return the status of the answer."""
    at = str(int(time.time()))
    signature = hmac.digest(key, f"{message_id}.{at}.".encode() + body, "sha256")
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(hook, body, headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """Run one on loopback."""
    shop = StandIn("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/favicon"):
                shop.landings.append(f"{shop.address}{self.path}")
            page = b"<!doctype html><html lang='en'><title>The shop</title><h1>Mugs and tea</h1></html>"
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()
