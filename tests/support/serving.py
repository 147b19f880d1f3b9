"""`goodword serve` itself, on a port of its own, over the installation in a folder."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def environment_of(home: Path) -> dict[str, str]:
    """Return what commands over the installation in `home` are run with."""
    return os.environ | {"GOODWORD_HOME": str(home), "GOODWORD_SMTP_URL": ""}


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Serve the installation in `home`, jobs and all; yield the address, once it answers."""
    port = _free_port()
    address, log = f"http://127.0.0.1:{port}", home / "serve.log"
    command = [sys.executable, "-m", "engine.cli", "serve", "--port", str(port)]
    with (
        log.open("w") as said,
        subprocess.Popen(command, env=environment_of(home), stdout=said, stderr=said) as served,
    ):
        try:
            _await_answer(address, served, log)
            yield address
        finally:
            served.send_signal(signal.SIGTERM)


def _await_answer(address: str, process: "subprocess.Popen[bytes]", log: Path, *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{address}/sign-in"):
                return
        except OSError:
            still_coming = process.poll() is None and time.monotonic() < end
            assert still_coming, log.read_text()[-2_000:]
            time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
