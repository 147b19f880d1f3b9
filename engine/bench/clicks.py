"""How fast clicks are kept and led on, beside a Flask app that only leads on, each served as it is fastest here.

All run under granian on this machine, which they share with the load; only one of them is asked at a time, in turn, so
that what else the machine does slows all alike. Every one of our clicks is on disk before it is answered, and counted
afterwards.
"""

import random
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.bench.click_data import HANDLE, Furnished, clicks_in, furnish
from engine.bench.load import Answered, generator, load, paths_of_links
from engine.bench.machine import Stolen
from engine.bench.servers import Server, Setting
from engine.kernel.database import open_database

OURS: Final = "goodword serve"
BARE: Final = "web.baseline:bare"
ONE_INSERT: Final = "web.baseline:one_insert"

FEW_LINKS: Final = 1_000
MANY_LINKS: Final = 1_000_000

_OURS: Final = (Setting(2, 8), Setting(1, 8))
"""How many threads is not sought: clicks take none."""
_PLAIN: Final = (Setting(2, 1), Setting(1, 1), Setting(1, 8), Setting(2, 8), Setting(2, 16))
_INSERTING: Final = (Setting(1, 8), Setting(1, 32), Setting(2, 4))

_WARM_LAPS: Final = 8

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long is measured: seconds of each lap, rounds, and how many links there are in the lap of many.

    Without `search_s` no setting is sought, and the first of each is taken.
    """

    lap_s: int = 3
    search_s: int = 2
    rounds: int = 5
    many_links: int = MANY_LINKS
    seed: int = 2026


@dataclass(slots=True)
class Contestant:
    """A server that is asked in turn with others, and what it answered in each lap."""

    name: str
    server: Server
    setting: Setting
    paths: Sequence[str]
    wanted: int = 302
    laps: list[Answered] = field(default_factory=list)
    asked: int = 0

    @property
    def rate(self) -> float:
        """The median of its rates."""
        return statistics.median(lap.rate for lap in self.laps)

    @property
    def p99_ms(self) -> float:
        """The median of the slowest of a hundred."""
        return statistics.median(lap.p99_ms for lap in self.laps)


def bench_clicks(plan: Plan, *, database: str | None, tell: Tell) -> dict[str, Any]:
    """Measure, and return the figures.

    `database`: an empty PostgreSQL database to keep the clicks in; SQLite in a temporary folder without it. `ratio` is
    our rate ÷ that of the bare redirect; `insert_ratio` ÷ that of Flask with a committed insert for each click;
    `page_ratio` is the landing page's ÷ the bare redirect; `many_ratio` our rate with many links ÷ that with few.
    `stolen_percent`: how much of the rounds' time a virtual machine's host gave to others; who waits for the disk and
    for other processes suffers most by it.
    """
    with tempfile.TemporaryDirectory(prefix="goodword-bench-") as folder, ExitStack() as stack:
        url = database or f"sqlite:///{folder}/clicks.db"
        place = furnish(url, links=FEW_LINKS)
        contest = _Contest(plan, place, stack, home=Path(folder), tell=tell)
        ours = contest.best(OURS, _OURS)
        bare = contest.best(BARE, _PLAIN)
        insert = contest.best(ONE_INSERT, _INSERTING)
        page = Contestant("page", ours.server, ours.setting, [f"/a/{HANDLE}"], wanted=200)
        stolen = Stolen()
        contest.play([ours, bare, insert, page])
        share = stolen.percent()
        many, again = contest.with_many_links(ours) if plan.many_links and not database else (None, ours)
        figures = _figures(ours, bare, insert) | {"page_ratio": _share(page, bare), "page": round(page.rate)}
        figures |= {"many_links": plan.many_links, "many_ratio": _share(many, again)} if many else {}
        figures |= {"peak_rss_mb": ours.server.peak_memory(), "seed": plan.seed, "load": generator()}
        figures |= {"many_peak_rss_mb": many.server.peak_memory()} if many else {}
        return figures | {
            "stolen_percent": share,
            "database": "postgresql" if database else "sqlite",
            "violations": _violations(figures, contest.everybody) + contest.missing(),
        }


class _Contest:
    """Starts servers, asks them, and remembers how many clicks must be stored for it."""

    def __init__(self, plan: Plan, place: Furnished, stack: ExitStack, *, home: Path, tell: Tell) -> None:
        self.everybody: list[Contestant] = []
        self._plan, self._place, self._stack, self._home, self._tell = plan, place, stack, home, tell
        self._paths = paths_of_links(FEW_LINKS, rng=random.Random(plan.seed))  # noqa: S311 - repeatable, not secret
        self._owed = 0

    def best(self, target: str, settings: Sequence[Setting]) -> Contestant:
        """Return a contestant with the setting that was fastest in a short lap each."""
        tried = dict.fromkeys(settings[:1], 0.0)
        for setting in settings if self._plan.search_s else ():
            with self._server(target, setting, place=self._place) as server:
                one = Contestant(target, server, setting, self._paths)
                self._ask(one, seconds=1)
                tried[setting] = self._ask(one, seconds=self._plan.search_s).rate
            self._tell(f"{target} {setting}: {tried[setting]:,.0f}/s")
        return self._start(target, max(tried, key=lambda setting: tried[setting]), place=self._place, paths=self._paths)

    def play(self, contestants: Sequence[Contestant]) -> None:
        """Ask everybody in turn, in as many rounds as planned."""
        self.everybody += [one for one in contestants if one not in self.everybody]
        for one in contestants:
            self._ask(one, seconds=1)
        for number in range(self._plan.rounds):
            for one in contestants:
                one.laps.append(self._ask(one, seconds=self._plan.lap_s))
            said = ", ".join(f"{one.name} {one.laps[-1].rate:,.0f}/s" for one in contestants)
            self._tell(f"round {number + 1}: {said}")

    def with_many_links(self, ours: Contestant) -> tuple[Contestant, Contestant]:
        """Play again beside a server whose database holds many links; return both as they were then."""
        rng = random.Random(self._plan.seed)  # noqa: S311 - repeatable, not secret
        self._tell(f"writing {self._plan.many_links:,} links")
        place = furnish(f"sqlite:///{self._home}/many.db", links=self._plan.many_links)
        paths = paths_of_links(self._plan.many_links, rng=rng)
        many = self._start("many links", ours.setting, place=place, paths=paths)
        again = Contestant("few links", ours.server, ours.setting, ours.paths)
        for _ in range(_WARM_LAPS):  # what is measured is a cache that has seen the links, not how it reads them first
            self._ask(many, seconds=self._plan.lap_s)
        self.play([again, many])
        return many, again

    def missing(self) -> list[str]:
        """Say it where fewer clicks are stored than were answered."""
        database = open_database(self._place.url)
        try:
            kept = clicks_in(database)
        finally:
            database.close()
        return [f"{self._owed:,} clicks were answered, {kept:,} are stored"] if kept < self._owed else []

    def _start(self, target: str, setting: Setting, *, place: Furnished, paths: Sequence[str]) -> Contestant:
        server = self._stack.enter_context(self._server(target, setting, place=place))
        return Contestant(target, server, setting, paths)

    def _ask(self, one: Contestant, *, seconds: int) -> Answered:
        one.asked += 1
        answered = load(
            one.server.port, one.paths, seconds=seconds, wanted=one.wanted, seed=self._plan.seed + one.asked
        )
        if one.name not in {BARE, "many links"}:
            self._owed += answered.answers - answered.failures
        return answered

    def _server(self, target: str, setting: Setting, *, place: Furnished) -> Server:
        baseline = target if ":" in target else None
        return Server(setting, environment=self._environment(place), baseline=baseline)

    def _environment(self, place: Furnished) -> Mapping[str, str]:
        return {
            "GOODWORD_HOME": str(self._home),
            "GOODWORD_DATABASE_URL": place.url,
            "GOODWORD_PROXIES": "1",
            "GOODWORD_BENCH_BRAND": str(place.brand_id),
        }


def _figures(ours: Contestant, bare: Contestant, insert: Contestant) -> dict[str, Any]:
    return {
        "name": "clicks",
        "ours": round(ours.rate),
        "baseline": round(bare.rate),
        "unit": "clicks/s",
        "ratio": _share(ours, bare),
        "insert_ratio": _share(ours, insert),
        "insert": round(insert.rate),
        "p99_ms": round(ours.p99_ms, 1),
        "n": sum(lap.answers for lap in ours.laps),
        "settings": {"ours": str(ours.setting), "baseline": str(bare.setting), "insert": str(insert.setting)},
    }


def _share(one: Contestant, other: Contestant) -> float:
    """Return the median of the rounds' ratios: of each round what was measured right after another."""
    pairs = zip(one.laps, other.laps, strict=True)
    return round(statistics.median(mine.rate / theirs.rate for mine, theirs in pairs), 3)


def _violations(figures: Mapping[str, Any], everybody: Sequence[Contestant]) -> list[str]:
    least = {"ratio": 1.1, "insert_ratio": 5.0, "page_ratio": 1.0, "many_ratio": 0.9}
    wrong = [
        f"{name} is {figures[name]}, less than {wanted}"
        for name, wanted in least.items()
        if name in figures and figures[name] < wanted
    ]
    if figures["p99_ms"] > 25:
        wrong.append(f"p99 is {figures['p99_ms']} ms, more than 25")
    failed = {one.name: sum(lap.failures for lap in one.laps) for one in everybody}
    return wrong + [f"{name}: {number:,} answers were none as wanted" for name, number in failed.items() if number]
