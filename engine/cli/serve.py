"""`goodword serve`: links, pages, webhooks, the portal and the admin panel, and the jobs beside them."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from granian import Granian
from granian.constants import Interfaces

from engine.kernel.errors import ConflictError
from engine.kernel.migrate import pending
from engine.kernel.settings import THREADS, load_settings
from engine.tracking.clicks.wire import listening

TARGET = "web.server:serve_app"
_REST_S = 1.0
"""How long after its end a writer of clicks is started again that has not lived as long."""

host_option = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
port_option = click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65_535))


class PortTakenError(ConflictError):
    """Something else listens there."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"Something else listens on {host}:{port}. Stop it, or choose another port with --port.")


@click.command("serve")
@host_option
@port_option
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 64), help="How many processes serve.")
@click.option("--threads", default=THREADS, show_default=True, type=click.IntRange(1, 256), help="Threads of each.")
def command(host: str, port: int, *, processes: int, threads: int) -> None:
    """Serve links, landing pages, webhooks, the portal and the admin panel until interrupted.

    The jobs run here too, unless GOODWORD_WORKER=false leaves them to `goodword worker`. Behind a proxy, say in
    GOODWORD_BASE_URL under which address people reach it.
    """
    if pending(load_settings().database):
        raise click.ClickException("The database is not at this version. Run `goodword db upgrade` first.")
    check_free(host, port)
    run_server(host, port, processes=processes, threads=threads)


def run_server(host: str, port: int, *, processes: int = 1, threads: int = THREADS) -> None:
    """Serve the installation of the environment until interrupted, with its jobs where the settings say so."""
    os.environ.setdefault("GOODWORD_BASE_URL", base_url(host, port))
    os.environ["GOODWORD_THREADS"] = str(threads)
    multiprocessing.set_start_method("fork", force=True)  # granian hands its socket to processes that it forks
    server = Granian(
        TARGET,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        factory=True,
        workers=processes,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        log_level="error",  # type: ignore[arg-type]  # an enumeration of strings
    )
    _interrupt_once()
    with _jobs(), _click_writer():
        server.serve()


def base_url(host: str, port: int) -> str:
    """Return the address at which a browser on this machine finds the server."""
    name = "127.0.0.1" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{name}:{port}"


def check_free(host: str, port: int) -> None:
    """Make sure that nobody listens there.

    Raises:
        PortTakenError: somebody does.
    """
    kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            raise PortTakenError(host, port) from None


def _interrupt_once() -> None:
    """Keep Ctrl-C from all processes but this one, which then tells the others to end.

    A terminal interrupts them all. One of granian's that is told twice at the same moment waits for itself for ever.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def end() -> None:
        signal.sigwait({signal.SIGINT})
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, daemon=True).start()


@contextmanager
def _jobs() -> Iterator[None]:
    """Run the jobs in a process of their own while the block runs, where the settings say so.

    It ends when its standard input does: also when this process is killed and can say no more.
    """
    if not load_settings().worker:
        yield
        return
    jobs = subprocess.Popen([sys.executable, "-m", "engine.cli", "worker", "--with-parent"], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        jobs.communicate()


@contextmanager
def _click_writer() -> Iterator[None]:
    """Run the process that writes clicks while the block runs, and start it again where it ends before.

    It ends when its standard input does. What keeps that open is inherited by the processes that serve: so the writer
    outlives them all, also where this process is killed and can say no more.
    """
    over = threading.Event()
    ends, end = os.pipe()
    with listening() as listener:
        os.environ["GOODWORD_CLICK_WRITER"] = listener.getsockname()
        listener.set_inheritable(True)
        command = [sys.executable, "-m", "engine.cli.click_writer", str(listener.fileno())]
        as_input = [(os.POSIX_SPAWN_DUP2, ends, 0)]

        def run() -> None:
            while not over.is_set():
                began = time.monotonic()
                # Popen would wait for a pipe to be closed that a process has too which is forked off at that moment.
                os.waitpid(os.posix_spawn(sys.executable, command, os.environ, file_actions=as_input), 0)
                if time.monotonic() - began < _REST_S:
                    over.wait(_REST_S)

        keeper = threading.Thread(target=run, daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            os.close(end)
            keeper.join(timeout=10)
            os.close(ends)
