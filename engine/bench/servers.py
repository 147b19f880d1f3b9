"""Starts a server in a process of its own, for a benchmark, and tells how much memory it took."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from engine.kernel.errors import GoodwordError

_PATIENCE_S: Final = 60.0


class ServerNotUpError(GoodwordError):
    """A server that was to be measured did not start."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How many processes serve, and with how many threads each."""

    processes: int
    threads: int

    def __str__(self) -> str:
        return f"{self.processes} × {self.threads}"


class Server:
    """A server on a free port of this machine, while the block runs: `goodword serve` without its jobs.

    With a `baseline` (`module:factory`) it is granian serving that WSGI app.
    """

    def __init__(self, setting: Setting, *, environment: Mapping[str, str], baseline: str | None = None) -> None:
        self.port = free_port()
        processes, threads = str(setting.processes), str(setting.threads)
        what: tuple[str, ...] = ("engine.cli", "serve", "--processes", processes, "--threads", threads)
        if baseline is not None:
            how = ("--workers", processes, "--blocking-threads", threads, "--no-ws", "--log-level", "error")
            what = ("granian", "--interface", "wsgi", *how, "--factory", baseline)
        self._command = [sys.executable, "-m", *what, "--host", "127.0.0.1", "--port", str(self.port)]
        self._environment = {**os.environ, **environment, "GOODWORD_WORKER": "false"}
        self._process: subprocess.Popen[bytes] | None = None
        self.peak_rss_mb = 0.0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, env=self._environment)  # noqa: S603 - this Python
        until = time.monotonic() + _PATIENCE_S
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self._end()
                raise ServerNotUpError("A server that was to be measured did not start; what it said stands above.")
            time.sleep(0.05)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.peak_rss_mb = self.peak_memory()
        self._end()

    @property
    def pids(self) -> list[int]:
        """The process that was started and those that it started; only the first where the system does not tell."""
        if self._process is None:
            return []
        first = self._process.pid
        threads = Path(f"/proc/{first}/task").glob("*/children")
        return [first, *(int(pid) for listed in threads for pid in listed.read_text().split())]

    def kill(self) -> None:
        """End every process of the server at once, as a crash of the machine would."""
        for pid in self.pids:  # the first one first: it would start others in place of those that died
            os.kill(pid, signal.SIGKILL)
        self._end()

    def peak_memory(self) -> float:
        """Return the most memory that its processes held so far, together, in MB; 0 where the system does not tell."""
        return round(sum(map(_peak_kb, self.pids)) * 1024 / 1e6, 1)

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    """Tell whether a request is answered: the socket is open before the app is loaded."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.settimeout(_PATIENCE_S)
            line.sendall(b"GET /r/nothing-there HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return line.recv(12).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def _peak_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
