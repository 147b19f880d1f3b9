"""`goodword worker`: the jobs by themselves, beside one or many servers."""

import os
import signal
import sys
import threading

import click

from engine.bootstrap import start


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what is due now, then stop.")
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when standard input ends.")
def command(*, once: bool, with_parent: bool) -> None:
    """Run the jobs until interrupted: tell events, close months, approve what is due, seal the books.

    Any number of workers may run on one database; each job has one holder at a time. The job in hand is finished
    before the worker stops.
    """
    goodword = start()
    try:
        worker = goodword.worker()
        if once:
            done = worker.run_once()
            click.echo(f"{done:,} jobs done.")
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        if with_parent:
            threading.Thread(target=_wait_for_parent, args=(stop,), daemon=True).start()
        else:
            click.echo("Running the jobs. Interrupt to stop.", err=True)
        worker.run_forever(stop)
    finally:
        goodword.close()


def _wait_for_parent(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()
