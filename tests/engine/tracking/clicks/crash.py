"""Kills a server under load, or one of its processes, and looks for clicks that were answered and are gone.

`python -m tests.engine.tracking.clicks.crash 200 [URL]`: URL is an empty PostgreSQL database, SQLite without it.
"""

import os
import random
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import select

from engine.bench.click_data import SHOP, furnish
from engine.bench.load import AGENT, slug_of
from engine.bench.servers import Server, Setting
from engine.kernel.crypto import Keyring
from engine.kernel.database import open_database
from engine.kernel.keyed import among
from engine.kernel.settings import load_settings
from engine.kernel.tables import table_of
from engine.tracking.clicks.rules import click_id_of
from engine.tracking.clicks.tables import Click

LINKS = 50
VISITORS = 8
GOES_ON = 500
PLUGINS = "attribution_basic"  # one, so that a server is up soon
_TOKEN = re.compile(rb"gw_click=([A-Za-z0-9_-]{32})")
_ANSWER = f"location: {SHOP}".encode()


def crash(times, *, url=None, seed=1):
    """Return how many clicks were answered, and how many of these are gone, over so many crashes of a whole server."""
    return _killed(times, lambda server, _tokens: server.kill(), url=url, seed=seed)


def crash_of_a_part(times, part, *, seed=1):
    """Do so with one process of the server, which must go on: `writer`, or one that is `serving`."""

    def kill(server, tokens):
        os.kill(next(pid for pid in server.pids[1:] if _is_writer(pid) is (part == "writer")), signal.SIGKILL)
        enough, until = len(tokens) + GOES_ON, time.monotonic() + 60
        while len(tokens) < enough:
            assert time.monotonic() < until, "the server did not go on"
            time.sleep(0.01)

    return _killed(times, kill, seed=seed)


def _killed(times, kill, *, url=None, seed):
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="goodword-crash-") as folder:
        place = furnish(url or f"sqlite:///{folder}/crash.db", links=LINKS)
        environment = {"GOODWORD_HOME": folder, "GOODWORD_DATABASE_URL": place.url, "GOODWORD_PLUGINS": PLUGINS}
        keyring = load_settings(home=Path(folder), database_url=place.url).keyring
        answered = lost = 0
        for number in range(times):
            tokens = _tokens_under_load(environment, kill, after_s=rng.uniform(0.05, 0.6))
            answered += len(tokens)
            lost += len(tokens) - _stored(place.url, tokens, keyring)
            sys.stderr.write(f"crash {number + 1}: {answered:,} answered, {lost} gone\n")
        return answered, lost


def _tokens_under_load(environment, kill, *, after_s):
    """Return the click ids that visitors were given by a server until it ended."""
    tokens: list[bytes] = []
    over = threading.Event()
    with Server(Setting(2, VISITORS), environment=environment) as server:
        visitors = [threading.Thread(target=_click, args=(server.port, tokens, over)) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        while len(tokens) < VISITORS:
            time.sleep(0.01)
        time.sleep(after_s)
        try:
            kill(server, tokens)
        finally:
            over.set()
            for visitor in visitors:
                visitor.join()
    return tokens


def _is_writer(pid):
    return b"engine.cli.click_writer" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _click(port, tokens, over):
    """Click until the end, over another connection where one is cut; keep the click id of every whole answer."""
    while not over.is_set():
        _click_on(port, tokens, over)


def _click_on(port, tokens, over):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            number = 0
            while not over.is_set():
                number += 1
                line.sendall(
                    f"GET /r/{slug_of(number % LINKS)} HTTP/1.1\r\nHost: x\r\nUser-Agent: {AGENT}\r\n\r\n".encode()
                )
                got = b""
                while b"\r\n\r\n" not in got:
                    piece = line.recv(65_536)
                    if not piece:
                        return
                    got += piece
                if _ANSWER in got and (found := _TOKEN.search(got)):
                    tokens.append(found[1])
    except OSError:
        return


def _stored(url, tokens, keyring: Keyring):
    ids = [click_id_of(keyring.key("click"), token.decode()) for token in tokens]
    database = open_database(url)
    try:
        with database.reading() as unit:
            column = table_of(Click).c.id
            return len(unit.execute(select(column).where(among(unit, column, ids))).all())
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(crash(int(sys.argv[1]), url=sys.argv[2] if len(sys.argv) > 2 else None)[1])
