"""Kills a server under load, again and again, and looks for clicks that were answered and are gone.

`python -m tests.engine.tracking.clicks.crash 200 [URL]`: URL is an empty PostgreSQL database, SQLite without it.
"""

import random
import re
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
from engine.tracking.clicks.tracker import Tracker
from web.front import Front
from web.server import Server as Served

LINKS = 50
VISITORS = 8
_TOKEN = re.compile(rb"gw_click=([A-Za-z0-9_-]{32})")
_ANSWER = f"location: {SHOP}".encode()


def front_alone():
    """The front without Flask and plugins behind it, so that a server is up soon."""
    settings = load_settings()
    tracker = Tracker(open_database(settings.database), settings.keyring)

    def nothing(_environ, start_response):
        start_response("404 Not Found", [("Content-Length", "0")])
        return ()

    return Served(Front(nothing, tracker), nothing, hooks=nothing, threads=4, close=tracker.close)


def crash(times, *, url=None, seed=1):
    """Return how many clicks were answered, and how many of these are gone, over so many crashes."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="goodword-crash-") as folder:
        place = furnish(url or f"sqlite:///{folder}/crash.db", links=LINKS)
        environment = {"GOODWORD_HOME": folder, "GOODWORD_DATABASE_URL": place.url}
        keyring = load_settings(home=Path(folder), database_url=place.url).keyring
        answered = lost = 0
        for number in range(times):
            tokens = _killed_under_load(environment, after_s=rng.uniform(0.05, 0.6))
            answered += len(tokens)
            lost += len(tokens) - _stored(place.url, tokens, keyring)
            sys.stderr.write(f"crash {number + 1}: {answered:,} answered, {lost} gone\n")
        return answered, lost


def _killed_under_load(environment, *, after_s):
    tokens: list[bytes] = []
    with Server(f"{__spec__.name}:front_alone", Setting(1, VISITORS), environment=environment) as server:
        visitors = [threading.Thread(target=_click, args=(server.port, tokens)) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        while len(tokens) < VISITORS:
            time.sleep(0.01)
        time.sleep(after_s)
        server.kill()
        for visitor in visitors:
            visitor.join()
    return tokens


def _click(port, tokens):
    """Click until the server is gone; keep the click id of every whole answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            number = 0
            while True:
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
