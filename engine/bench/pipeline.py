"""How fast orders go through the whole engine, beside bare inserts of the rows that this leaves.

Ours runs in a process of its own, so that its peak of memory is its own.
"""

import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.bench.inserts import insert_again
from engine.bench.laps import Lap, LapTimer
from engine.intake.tables import ShopOrder
from engine.kernel.database import open_database
from engine.kernel.migrate import upgrade

UNIT: Final = "orders/s"

Road = Callable[[Path, LapTimer], None]
"""Runs orders through the engine into a migrated SQLite file, and tells the timer. Must be importable by name."""


@dataclass(frozen=True, slots=True)
class OurRun:
    """What a run of ours took."""

    laps: list[Lap]
    peak_rss_mb: float


def bench_pipeline(
    road: Road, *, seed: int, check: Callable[[Path], Sequence[str]], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run `road`, then insert its rows bare, and return the figures of both.

    `ratio` is ours ÷ baseline; `half_ratio` how much more our second half of the orders took than the first, ÷ the same
    of the baseline. `check` returns what is wrong with the books of a file; `tell` is told what is being done.
    """
    with tempfile.TemporaryDirectory(prefix="goodword-bench-") as folder:
        mine, bare = Path(folder) / "ours.db", Path(folder) / "baseline.db"
        for path in (mine, bare):
            upgrade(_url(path))
        tell("Ours …")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
            run = apart.submit(_run, road, mine).result()
        tell("Bare inserts of the same rows …")
        bare_seconds, rows = _insert(mine, bare, run.laps)
        tell("Checking the books …")
        wrong = list(check(mine))
    return _figures(run, bare_seconds, rows=rows, seed=seed) | {"violations": wrong}


def _run(road: Road, path: Path) -> OurRun:
    with LapTimer(path) as timer:
        road(path, timer)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return OurRun(timer.laps, round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1))


def _insert(mine: Path, bare: Path, laps: Sequence[Lap]) -> tuple[list[float], int]:
    source, target = open_database(_url(mine)), open_database(_url(bare))
    try:
        return insert_again(source, target, laps=laps)
    finally:
        source.close()
        target.close()


def _figures(run: OurRun, bare_seconds: Sequence[float], *, rows: int, seed: int) -> dict[str, Any]:
    seconds = [lap.seconds or 0.0 for lap in run.laps]
    orders, middle = run.laps[-1].last_rows[ShopOrder.__tablename__], _middle(run.laps)
    ours, bare = sum(seconds), sum(bare_seconds)
    return {
        "name": "pipeline",
        "ratio": round(bare / ours, 3),
        "half_ratio": round(_halves(seconds, middle) / _halves(bare_seconds, middle), 3),
        "ours": round(orders / ours, 1),
        "baseline": round(orders / bare, 1),
        "unit": UNIT,
        "n": orders,
        "rows": rows,
        "seed": seed,
        "peak_rss_mb": run.peak_rss_mb,
        "elapsed_s": round(ours, 2),
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
