"""Webhooks as a shop sends them: signed, each another one, as fast as they are answered or so many a second.

Runs in processes of its own, so that making them does not slow what is measured.
"""

import base64
import hmac
import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engine.bench.load import Answered, hammer_with

SECRET: Final = "YSBzZWNyZXQgb2YgdGhlIGJlbmNoIGFsb25l"  # noqa: S105 - of the benchmark alone
"""Of 27 bytes, in base64."""

PER_LAP: Final = 30_000
"""Different webhooks made for a lap; more than are answered in one."""

_SENDERS: Final = 32


@dataclass(frozen=True, slots=True)
class Burst:
    """Webhooks numbered from `first`, sent to `path`. `sent_at` is the second in which they are signed."""

    port: int
    path: str
    first: int
    sent_at: int


def as_fast_as_answered(burst: Burst, *, seconds: float) -> Answered:
    """Send over 32 connections, one at a time on each."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_hammer, (burst,), {"seconds": seconds})


def so_many_a_second(burst: Burst, *, rate: int, seconds: float) -> Answered:
    """Send `rate` webhooks a second whether or not the ones before were answered; waits count from when one was due."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_steadily, (burst,), {"rate": rate, "seconds": seconds})


def requests_of(burst: Burst, number: int) -> Iterator[bytes]:
    """Yield `number` signed requests."""
    key = base64.b64decode(SECRET)
    for index in range(burst.first, burst.first + number):
        body = _body(index)
        signed = f"msg_{index}.{burst.sent_at}.".encode() + body
        signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        head = (
            f"POST {burst.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nwebhook-id: msg_{index}\r\nwebhook-timestamp: {burst.sent_at}\r\n"
            f"webhook-signature: v1,{signature}\r\n\r\n"
        )
        yield head.encode() + body


def _body(index: int) -> bytes:
    """Return an order with ten lines, as long as those of shops are (about 1.5 kB)."""
    lines = [{"id": f"line-{line}", "sku": f"SKU-{line:06d}", "title": "A thing for the home", "total": "12.40"}
             for line in range(10)]  # fmt: skip
    order = {"id": f"order-{index}", "updated_at": "2026-03-02T09:00:00Z", "total": "124.00", "lines": lines}
    return json.dumps({"type": "order.paid", "data": order, "note": "x" * 300}).encode()


def _hammer(burst: Burst, *, seconds: float) -> Answered:
    return hammer_with(burst.port, list(requests_of(burst, PER_LAP)), seconds=seconds, wanted=200)


def _steadily(burst: Burst, *, rate: int, seconds: float) -> Answered:
    requests = list(requests_of(burst, int(rate * seconds)))
    slots = iter(range(len(requests)))
    lock, waits, failures = threading.Lock(), list[float](), list[int]()
    began = time.perf_counter() + 0.2

    def send() -> None:
        with socket.create_connection(("127.0.0.1", burst.port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                with lock:
                    slot = next(slots, None)
                if slot is None:
                    return
                due = began + slot / rate
                time.sleep(max(due - time.perf_counter(), 0))
                line.sendall(requests[slot])
                if not line.recv(65_536).startswith(b"HTTP/1.1 200 "):
                    failures.append(slot)
                waits.append(time.perf_counter() - due)

    senders = [threading.Thread(target=send) for _ in range(_SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    waits.sort()
    p99_ms = waits[len(waits) * 99 // 100] * 1_000 if waits else 0.0
    return Answered(len(waits), time.perf_counter() - began, p99_ms, len(failures))
