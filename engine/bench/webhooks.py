"""How fast webhooks are acknowledged, each on disk before it is, beside a Flask handler with one committed insert.

Both run under granian with the same processes and threads, over databases alike, and are asked in turn, so that what
else the machine does slows both. Ours verifies the signature of every one; the baseline verifies nothing.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from engine.bench.load import Answered
from engine.bench.servers import Server, Setting
from engine.bench.webhook_load import PER_LAP, SECRET, Burst, as_fast_as_answered, so_many_a_second
from engine.bootstrap import Goodword, start
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.identity.service import create_brand
from engine.intake.webhooks.tables import InboxWebhook
from engine.kernel.database import UnitOfWork
from engine.kernel.migrate import upgrade
from engine.kernel.settings import load_settings
from engine.kernel.tables import table_of

BASELINE: Final = "web.baseline:one_webhook"
PATH: Final = "/hooks/generic_webhook/bench"
STEADY_RATE: Final = 200

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of a lap, rounds, for how long 200 a second are sent, and the threads of the one process that serves."""

    lap_s: int = 3
    rounds: int = 5
    steady_s: int = 15
    threads: int = 32


@dataclass(slots=True)
class _Served:
    """A server with its database, and what it acknowledged so far."""

    server: Server
    place: Goodword
    acknowledged: int = 0
    bursts: int = 0

    def burst(self) -> Burst:
        """Return the next webhooks for it: none that it had before."""
        self.bursts += 1
        return Burst(self.server.port, PATH, self.bursts * PER_LAP, int(time.time()))

    def note(self, answered: Answered) -> Answered:
        """Remember how many it acknowledged."""
        self.acknowledged += answered.answers - answered.failures
        return answered

    def stored(self) -> int:
        """Return how many webhooks are in its inbox."""
        with self.place.database.reading() as unit:
            return int(unit.execute(select(func.count()).select_from(table_of(InboxWebhook))).scalar_one())


def bench_webhooks(plan: Plan, *, tell: Tell) -> dict[str, Any]:
    """Measure on SQLite with synchronous=FULL, and return the figures.

    `ratio` is the median of the rounds' ratios of our rate to the baseline's; `p99_ms` the slowest of a hundred at 200
    webhooks a second, counted from when each was due.
    """
    with tempfile.TemporaryDirectory(prefix="goodword-bench-") as folder:
        homes = [Path(folder) / name for name in ("ours", "baseline")]
        places, setting = [_furnished(home) for home in homes], Setting(1, plan.threads)
        with (
            Server(setting, environment=_environment(homes[0])) as mine,
            Server(setting, environment=_environment(homes[1]), baseline=BASELINE) as bare,
        ):
            ours, baseline = _Served(mine, places[0]), _Served(bare, places[1])
            laps = _rounds(plan, ours, baseline, tell=tell)
            steady = ours.note(so_many_a_second(ours.burst(), rate=STEADY_RATE, seconds=plan.steady_s))
            tell(f"{STEADY_RATE}/s: p99 {steady.p99_ms:.1f} ms")
            peak = ours.server.peak_memory()
        violations = [*_lost("ours", ours), *_lost("baseline", baseline)]
        for place in places:
            place.close()
    return _figures(plan, laps, steady=steady, violations=violations) | {"peak_rss_mb": peak}


def _rounds(plan: Plan, ours: _Served, baseline: _Served, *, tell: Tell) -> list[tuple[Answered, Answered]]:
    for served in (ours, baseline):
        served.note(as_fast_as_answered(served.burst(), seconds=1))
    laps = []
    for number in range(plan.rounds):
        mine, bare = (
            served.note(as_fast_as_answered(served.burst(), seconds=plan.lap_s)) for served in (ours, baseline)
        )
        laps.append((mine, bare))
        tell(f"round {number + 1}: ours {mine.rate:,.0f}/s, one insert {bare.rate:,.0f}/s")
    return laps


def _figures(
    plan: Plan, laps: Sequence[tuple[Answered, Answered]], *, steady: Answered, violations: list[str]
) -> dict[str, Any]:
    ratio = round(statistics.median(mine.rate / bare.rate for mine, bare in laps), 3)
    failures = sum(mine.failures for mine, _ in laps) + steady.failures
    wrong = [*violations]
    wrong += [f"ratio is {ratio}, less than 0.7"] if ratio < 0.7 else []
    wrong += [f"p99 is {steady.p99_ms:.1f} ms at {STEADY_RATE}/s, more than 200"] if steady.p99_ms > 200 else []
    wrong += [f"{failures:,} webhooks were not acknowledged"] if failures else []
    return {
        "name": "webhooks",
        "ours": round(statistics.median(mine.rate for mine, _ in laps)),
        "baseline": round(statistics.median(bare.rate for _, bare in laps)),
        "unit": "webhooks/s",
        "ratio": ratio,
        "full_load_p99_ms": round(statistics.median(mine.p99_ms for mine, _ in laps), 1),
        "steady_rate": STEADY_RATE,
        "p99_ms": round(steady.p99_ms, 1),
        "n": sum(mine.answers for mine, _ in laps) + steady.answers,
        "seed": 0,
        "setting": str(Setting(1, plan.threads)),
        "violations": wrong,
    }


def _lost(name: str, served: _Served) -> list[str]:
    stored = served.stored()
    if stored >= served.acknowledged:
        return []
    return [f"{name}: {served.acknowledged:,} webhooks were acknowledged, {stored:,} are stored"]


def _furnished(home: Path) -> Goodword:
    """Return an installation in `home` with one brand and one connected shop."""
    settings = load_settings(home=home, database_url=f"sqlite:///{home}/bench.db")
    upgrade(settings.database)
    place = start(settings)
    draft = ConnectionDraft(
        connector="generic_webhook",
        account="bench",
        title="Bench",
        settings={
            "signing_secrets": [SECRET],
            "currency": "EUR",
            "order": {
                "id": "data.id",
                "updated_at": "data.updated_at",
                "placed_at": "data.updated_at",
                "paid_at": "data.updated_at",
                "net": "data.total",
            },
        },
    )

    def work(unit: UnitOfWork) -> None:
        brand = create_brand(unit, slug="bench", name="Bench")
        save_connection(unit, brand.id, draft, host=place.plugins, keyring=place.keyring, by="bench")

    place.database.run(work)
    return place


def _environment(home: Path) -> dict[str, str]:
    return {"GOODWORD_HOME": str(home), "GOODWORD_DATABASE_URL": f"sqlite:///{home}/bench.db"}
