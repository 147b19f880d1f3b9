"""A real Vendure shop for the tests: fetched by npm, filled once, run as a server of its own; and its customers."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "e2e" / "vendure"
PLUGIN = Path(__file__).resolve().parents[2] / "plugins" / "vendure" / "vendure-plugin.js"
SECRET = "a secret of the test shop, long enough".replace(" ", "-")
_INSTALL_SECONDS, _START_SECONDS, _ANSWER_SECONDS, _END_SECONDS = 900, 300, 120, 30


def lacking() -> str | None:
    """Return why no shop can run on this machine, or None."""
    if not shutil.which("npm") or not shutil.which("node"):
        return "no npm on this machine: install the packages nodejs and npm"
    return None


def install() -> None:
    """Fetch the shop as its lock file has it, once; whoever comes while it is fetched waits.

    Nothing is compiled and no script of a package is run: its SQLite is WebAssembly.
    """
    lock, fetched = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".fetched"
    with (FOLDER / ".installing").open("w") as turn:
        flock(turn, LOCK_EX)
        if not fetched.exists() or fetched.read_bytes() != lock.read_bytes():
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            _run(["npm", "ci", *quiet], seconds=_INSTALL_SECONDS)
            shutil.copyfile(lock, fetched)


@dataclass(frozen=True, slots=True)
class VendureShop:
    """A running shop."""

    address: str

    def staff(self) -> "Api":
        """Return a conversation with the Admin API as its superadmin."""
        api = Api(f"{self.address}/admin-api")
        api.ask('mutation { login(username: "superadmin", password: "superadmin") { __typename } }')
        return api

    def customer(self) -> "Api":
        """Return a conversation with the Shop API as somebody new."""
        return Api(f"{self.address}/shop-api")


class Api:
    """A conversation in GraphQL; the session lives in its token."""

    def __init__(self, address: str) -> None:
        self._address, self._token = address, None

    def ask(self, question: str, **variables: Any) -> Any:
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        body = json.dumps({"query": question, "variables": variables}).encode()
        asked = urllib.request.Request(self._address, body, headers)
        with urllib.request.urlopen(asked, timeout=_ANSWER_SECONDS) as answer:
            self._token = answer.headers.get("vendure-auth-token") or self._token
            document = json.loads(answer.read())
        assert not document.get("errors"), document["errors"]
        return document["data"]


@contextmanager
def running(folder: Path, *, hook_address: str) -> Iterator[VendureShop]:
    """Fill a new shop in `folder` and run it; it tells `hook_address` what changes."""
    port = _free_port()
    environment = os.environ | {
        "NODE_PATH": str(FOLDER / "node_modules"),
        "GOODWORD_PLUGIN": str(PLUGIN),
        "SHOP_DIR": str(folder),
        "PORT": str(port),
        "HOOK_SECRET": SECRET,
        "HOOK_ADDRESS": "",
    }
    node = ["node", "--require", "./loopback.cjs", "shop.js"]
    _run([*node, "populate"], seconds=_START_SECONDS, environment=environment)
    log = (folder / "shop.log").open("w+")
    process = subprocess.Popen(
        [*node, "serve"], cwd=FOLDER, env=environment | {"HOOK_ADDRESS": hook_address}, stdout=log, stderr=log
    )
    try:
        _await_ready(process, folder / "shop.log")
        yield VendureShop(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _await_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while "READY" not in log.read_text():
        still_coming = process.poll() is None and time.monotonic() < end
        assert still_coming, log.read_text()[-2_000:]
        time.sleep(0.2)


def _run(command: list[str], *, seconds: int, environment: dict[str, str] | None = None) -> None:
    options: dict[str, Any] = {"cwd": FOLDER, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run(command, check=False, timeout=seconds, **options)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-1_000:]}{done.stderr[-2_000:]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":  # before the tests that need it: `python -m tests.support.vendure`
    install()
