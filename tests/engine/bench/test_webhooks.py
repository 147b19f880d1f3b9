"""The benchmark measures what it says, and a server that is killed loses no webhook that it acknowledged."""

import json
import socket
import threading
import time

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from engine.bench.servers import Server, Setting
from engine.bench.webhook_load import Burst, requests_of
from engine.bench.webhooks import PATH, _environment, _furnished
from engine.cli import main
from engine.intake.webhooks.tables import InboxWebhook
from engine.kernel.tables import table_of

ROUNDS = 3


@pytest.mark.slow
def test_a_short_run_has_the_fields_that_are_promised(monkeypatch):
    monkeypatch.delenv("GOODWORD_DATABASE_URL", raising=False)
    result = CliRunner().invoke(main, ["bench", "webhooks", "--rounds", "1", "--lap", "1", "--steady", "1", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["name"], told["unit"]) == ("webhooks", "webhooks/s")
    assert min(told[name] for name in ("ours", "baseline", "ratio", "p99_ms", "n", "peak_rss_mb")) > 0
    assert [one for one in told["violations"] if "acknowledged" in one] == []


def send_until_it_dies(port, first, acknowledged):
    """Send webhooks over one connection, one after the other; note those that were acknowledged."""
    burst = Burst(port, PATH, first, int(time.time()))
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            for number, request in enumerate(requests_of(burst, 10_000), start=first):
                line.sendall(request)
                if not line.recv(65_536).startswith(b"HTTP/1.1 200 "):
                    return
                acknowledged.append(f"msg_{number}")
    except OSError:
        return


@pytest.mark.slow
def test_killed_at_any_moment_it_has_every_webhook_that_it_acknowledged(tmp_path):
    """Killed three times amid eight senders: acknowledged but absent is nothing, and it goes on where it was."""
    place = _furnished(tmp_path)
    acknowledged: list[str] = []
    inbox = table_of(InboxWebhook)
    for number in range(ROUNDS):
        before = len(acknowledged)
        with Server(Setting(1, 8), environment=_environment(tmp_path)) as server:
            firsts = [(number * 8 + sender) * 10_000 for sender in range(8)]
            senders = [
                threading.Thread(target=send_until_it_dies, args=(server.port, first, acknowledged)) for first in firsts
            ]
            for sender in senders:
                sender.start()
            while len(acknowledged) < before + 50 * (number + 1):
                time.sleep(0.01)
            server.kill()
            for sender in senders:
                sender.join()
        with place.database.reading() as unit:
            stored = set(unit.execute(select(inbox.c.delivery_key)).scalars())
        assert set(acknowledged) - stored == set()
    assert len(acknowledged) >= 300
    place.close()
