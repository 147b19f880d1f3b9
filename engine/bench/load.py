"""Sends requests over many connections at once and says how fast they were answered: wrk, or a process of ours."""

import json
import multiprocessing
import random
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Final

CONNECTIONS: Final = 32
DIFFERENT: Final = 20_000
"""How many different requests are made before the clock runs, to be sent again and again."""

AGENT: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"
)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back within a lap: answers, by second, the slowest of a hundred, and what was no answer as wanted."""

    answers: int
    seconds: float
    p99_ms: float
    failures: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def paths_of_links(links: int, *, rng: random.Random) -> list[str]:
    """Return the paths of links to ask for: each of them if there are few, else some drawn."""
    numbers = range(links) if links <= DIFFERENT else rng.sample(range(links), DIFFERENT)
    return [f"/r/{slug_of(number)}" for number in numbers]


def slug_of(number: int) -> str:
    """Return the slug of the bench's link with this number."""
    return f"link{number:07d}"


def load(port: int, paths: Sequence[str], *, seconds: float, wanted: int, seed: int) -> Answered:
    """Ask for `paths` in turn for some seconds, each time as another visitor; any status but `wanted` is a failure.

    A visitor is an address in `X-Forwarded-For`; all have the same browser.
    """
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    visits = [(path, _address(rng)) for path in islice(cycle(paths), DIFFERENT)]
    rng.shuffle(visits)
    if shutil.which("wrk"):
        return _by_wrk(port, visits, seconds=seconds)
    return _by_sockets(port, visits, seconds=seconds, wanted=wanted)


def generator() -> str:
    """Return what the load comes from on this machine."""
    return "wrk" if shutil.which("wrk") else "sockets"


def _address(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(1, 224)) for _ in range(4))


_SCRIPT: Final = """
local requests, n, failures = {}, 0, 0
function init(args)
  for line in io.lines(args[1]) do
    local path, address = line:match("(%S+) (%S+)")
    requests[#requests + 1] = wrk.format("GET", path, {["Host"] = "127.0.0.1", ["User-Agent"] = "AGENT",
      ["Accept"] = "text/html", ["Referer"] = "https://www.instagram.com/", ["X-Forwarded-For"] = address})
  end
end
function request()
  n = n % #requests + 1
  return requests[n]
end
function done(summary, latency, _)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('JSON{"answers": %d, "us": %d, "p99": %f, "failures": %d}\\n', summary.requests,
    summary.duration, latency:percentile(99), failed + summary.errors.status))
end
"""


def _by_wrk(port: int, visits: Sequence[tuple[str, str]], *, seconds: float) -> Answered:
    """Run wrk. It takes a status from 400 on for a failure, so a redirect where a page was wanted passes."""
    with tempfile.TemporaryDirectory(prefix="goodword-load-") as folder:
        script, listed = Path(folder) / "load.lua", Path(folder) / "visits.txt"
        script.write_text(_SCRIPT.replace("AGENT", AGENT))
        listed.write_text("".join(f"{path} {address}\n" for path, address in visits))
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script), f"http://127.0.0.1:{port}"]
        done = subprocess.run([*command, "--", str(listed)], capture_output=True, text=True, check=True)  # noqa: S603 - wrk
    told = json.loads(done.stdout.rpartition("JSON")[2])
    return Answered(told["answers"], told["us"] / 1e6, told["p99"] / 1_000, told["failures"])


def _by_sockets(port: int, visits: Sequence[tuple[str, str]], *, seconds: float, wanted: int) -> Answered:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(hammer, (port, list(visits)), {"seconds": seconds, "wanted": wanted})


@dataclass(slots=True)
class _Line:
    """One connection: since when it waits for an answer, and what of that came already."""

    socket: socket.socket
    since: float = 0.0
    got: bytearray = field(default_factory=bytearray)


def hammer(port: int, visits: Sequence[tuple[str, str]], *, seconds: float, wanted: int) -> Answered:
    """Ask over `CONNECTIONS` sockets, one request at a time on each; runs in a process of its own."""
    return hammer_with(port, [_request(path, address) for path, address in visits], seconds=seconds, wanted=wanted)


def hammer_with(port: int, requests: Sequence[bytes], *, seconds: float, wanted: int) -> Answered:
    """Send `requests` in turn over `CONNECTIONS` sockets, one at a time on each, again from the first at the end."""
    status = f"HTTP/1.1 {wanted} ".encode()
    waits: list[float] = []
    failures = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            line = _Line(socket.create_connection(("127.0.0.1", port)))
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(line.socket, selectors.EVENT_READ, line)
        began = time.perf_counter()
        for number, key in enumerate(selector.get_map().values()):
            _ask(key.data, requests[number % len(requests)])
        while (now := time.perf_counter()) < began + seconds:
            for key, _ in selector.select(timeout=0.1):
                line = key.data
                line.got += line.socket.recv(262_144)
                if not _is_whole(line.got):
                    continue
                waits.append(time.perf_counter() - line.since)
                failures += not line.got.startswith(status)
                _ask(line, requests[(CONNECTIONS + len(waits)) % len(requests)])
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    waits.sort()
    p99 = waits[len(waits) * 99 // 100] * 1_000 if waits else 0.0
    return Answered(len(waits), now - began, p99, failures)


def _ask(line: _Line, request: bytes) -> None:
    line.got.clear()
    line.since = time.perf_counter()
    line.socket.sendall(request)


def _is_whole(got: bytearray) -> bool:
    end = got.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = got.lower().find(b"content-length:", 0, end)
    length = int(got[at + 15 : got.find(b"\r\n", at)]) if at >= 0 else 0
    return len(got) >= end + 4 + length


def _request(path: str, address: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\nAccept: text/html\r\n"
        f"Referer: https://www.instagram.com/\r\nX-Forwarded-For: {address}\r\n\r\n"
    ).encode()
