"""However the server is ended, all its processes end; what is set wrong is told before anything starts."""

import os
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.bench.click_data import furnish
from engine.bench.servers import Server, Setting
from engine.cli import main


def runs(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_all_processes_end_with_the_first_however_it_ends(tmp_path, number):
    place = furnish(f"sqlite:///{tmp_path}/goodword.db", links=1)
    environment = {
        "GOODWORD_HOME": str(tmp_path),
        "GOODWORD_DATABASE_URL": place.url,
        "GOODWORD_PLUGINS": "attribution_basic",
    }
    with Server(Setting(2, 4), environment=environment) as server:
        pids = server.pids
        assert len(pids) == 4  # itself, two that serve, one that writes clicks
        os.kill(pids[0], number)
        until = time.monotonic() + 30
        while (left := [pid for pid in pids if runs(pid)]) and time.monotonic() < until:
            time.sleep(0.1)
        assert left == []


def test_how_many_threads_is_told_like_any_other_mistake(monkeypatch):
    monkeypatch.setenv("GOODWORD_THREADS", "many")
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code != 0
    assert "GOODWORD_THREADS" in result.output + str(result.exception)
