"""How fast orders go through the whole engine, beside bare inserts of the rows that this leaves.

Ours runs in a process of its own, so that its peak of memory is its own. After each lap it waits while its rows are
inserted bare: what else the machine does slows both alike.
"""

import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from engine.bench.inserts import Inserter
from engine.bench.laps import Lap, LapTimer
from engine.intake.tables import ShopOrder
from engine.kernel.errors import GoodwordError
from engine.kernel.migrate import upgrade

UNIT: Final = "orders/s"

Road = Callable[[Path, LapTimer], None]
"""Runs orders through the engine into a migrated SQLite file, and tells the timer. Must be importable by name."""


class BenchFailedError(GoodwordError):
    """The run that was to be measured ended early."""


@dataclass(frozen=True, slots=True)
class Ended:
    """That our run is over: the most memory that it held, and how long it read files between its laps."""

    peak_rss_mb: float
    reading_s: float


def bench_pipeline(
    road: Road, *, seed: int, check: Callable[[Path], Sequence[str]], tell: Callable[[int], None]
) -> dict[str, Any]:
    """Run `road` beside bare inserts of its rows, and return the figures of both.

    `ratio` is ours ÷ baseline, from the delivery that was read to what is paid; `ratio_with_reading` counts the time in
    which ours read the files, too. `half_ratio` is how much more our second half of the orders took than the first, ÷
    the same of the baseline. `check` returns what is wrong with the books; `tell` gets the deliveries of each lap.

    Raises:
        BenchFailedError: the run ended early; its own words are on stderr.
    """
    with tempfile.TemporaryDirectory(prefix="goodword-bench-") as folder:
        mine, bare = Path(folder) / "ours.db", Path(folder) / "baseline.db"
        for path in (mine, bare):
            upgrade(_url(path))
        laps: list[Lap] = []
        with Inserter(_url(mine), _url(bare)) as inserter:

            def note(lap: Lap) -> None:
                laps.append(lap)
                inserter.repeat(lap)
                tell(lap.deliveries)

            ended = _run_apart(road, mine, note)
        figures = _figures(laps, inserter.seconds, rows=inserter.rows, reading_s=ended.reading_s)
        return figures | {"seed": seed, "peak_rss_mb": ended.peak_rss_mb, "violations": list(check(mine))}


def _run_apart(road: Road, path: Path, note: Callable[[Lap], None]) -> Ended:
    """Run `road` in a process of its own, which waits while each of its laps is noted; return how it ended."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(road, path, there))
    process.start()
    there.close()
    try:
        while not isinstance(told := here.recv(), Ended):
            note(told)
            here.send(None)
    except EOFError:
        raise BenchFailedError("The run that was to be measured ended early; what it said stands above.") from None
    finally:
        here.close()
        process.join()
    return told


def _run(road: Road, path: Path, parent: Connection) -> None:
    def report(lap: Lap) -> None:
        parent.send(lap)
        parent.recv()

    with LapTimer(path, report) as timer:
        road(path, timer)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parent.send(Ended(round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1), timer.waited))


def _figures(laps: Sequence[Lap], bare_seconds: Sequence[float], *, rows: int, reading_s: float) -> dict[str, Any]:
    seconds = [lap.seconds or 0.0 for lap in laps]
    orders, middle = laps[-1].last_rows[str(ShopOrder.__tablename__)], _middle(laps)
    ours, bare = sum(seconds), sum(bare_seconds)
    return {
        "name": "pipeline",
        "ratio": round(bare / ours, 3),
        "ratio_with_reading": round(bare / (ours + reading_s), 3),
        "half_ratio": round(_halves(seconds, middle) / _halves(bare_seconds, middle), 3),
        "ours": round(orders / ours, 1),
        "baseline": round(orders / bare, 1),
        "unit": UNIT,
        "n": orders,
        "rows": rows,
        "elapsed_s": round(ours, 2),
        "reading_s": round(reading_s, 2),
        "baseline_s": round(bare, 2),
    }


def _middle(laps: Sequence[Lap]) -> int:
    """Return how many laps it took until half of the deliveries were in."""
    seen, total = 0, sum(lap.deliveries for lap in laps)
    for number, lap in enumerate(laps, start=1):
        seen += lap.deliveries
        if 2 * seen >= total:
            return number
    return len(laps)


def _halves(seconds: Sequence[float], middle: int) -> float:
    """Return the time of the second half ÷ that of the first; 1 where there are no two halves."""
    first, second = sum(seconds[:middle]), sum(seconds[middle:])
    return second / first if first and second else 1.0


def _url(path: Path) -> str:
    return f"sqlite:///{path}"
