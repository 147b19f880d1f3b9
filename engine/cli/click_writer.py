"""The process beside `goodword serve` that writes clicks: `python -m engine.cli.click_writer LISTENER`.

Not a part of `goodword`, so that it is up at once: it imports nothing of the rest. LISTENER is the number of the socket
on which it listens. It ends with its standard input, when the last process has ended that serves: signals are for them,
and while they end, clicks are still to be written.
"""

import gc
import signal
import socket
import sys
from typing import Final

from engine.kernel.database import open_database
from engine.kernel.logs import log_to_stderr
from engine.kernel.settings import load_settings
from engine.tracking.clicks.writer import ClickWriter

_RARELY: Final = 100_000
"""At how many more objects cycles are sought: nothing here makes any, and each search goes through all rows at hand."""


def main(listener: int) -> None:
    """Write clicks until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    gc.set_threshold(_RARELY)
    log_to_stderr()
    database = open_database(load_settings().database)
    try:
        ClickWriter(database, socket.socket(fileno=listener), ends=sys.stdin.fileno()).run()
    finally:
        database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
