"""Builds the demo: eighteen months pass on a virtual clock, each ending with an import and, but for the last, a payout.

The clock ends where the log ends. What is due then waits for whoever looks at the demo to pay it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

from engine.bootstrap import Goodword
from engine.demo.log import Purchase
from engine.demo.people import PEOPLE
from engine.demo.programs import ZONE
from engine.demo.scenes import Scene, scenes
from engine.demo.shop import Shop
from engine.demo.story import Story, set_up
from engine.intake.rules import Source
from engine.kernel.bulk import insert_rows
from engine.kernel.clock import VirtualClock, month_end
from engine.kernel.errors import GoodwordError, RowProblem
from engine.kernel.tables import table_of
from engine.payouts.run import run_payouts
from engine.payouts.service import NothingToPayError
from engine.payouts.steps import confirm_batch
from engine.pipeline.imports import import_file
from engine.pipeline.maturity import mature
from engine.pipeline.run import Ingested
from engine.plugin_host.service import settings_for
from engine.tracking.clicks.retention import prune
from engine.tracking.clicks.rollups import roll_up
from engine.tracking.clicks.tables import Click

SEED: Final = 1997
SOURCE: Final = Source("csv_orders", "main")
_RAIL: Final = "payout_csv"
_LOCAL: Final = ZoneInfo(ZONE)


class DemoBrokenError(GoodwordError):
    """The demo's own file was refused: a fault of the demo, not of whoever runs it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on while the demo is built.

    Told when a month's file is there, when a batch of it was read and when it was taken in, when the whole file is in,
    and when the month is over with its approvals and payouts.
    """

    exported: Callable[[], None] = lambda: None
    read: Callable[[], None] = lambda: None
    batch: Callable[[int], None] = lambda _deliveries: None
    imported: Callable[[], None] = lambda: None
    month: Callable[[str, int], None] = lambda _month, _orders: None


def build(
    goodword: Goodword, clock: VirtualClock, *, purchases: Sequence[Purchase], watch: Watch, seed: int = SEED
) -> Story:
    """Set the brand up and let the months of `purchases` (ordered by day) pass; `clock` is the installation's.

    Raises:
        ConflictError: the database holds the demo brand already.
        DemoBrokenError: a row of the demo's own was refused.
    """
    shop = Shop(purchases, seed=seed)
    story = _before(goodword, clock, shop, first=purchases[0].day, seed=seed)
    months = shop.months()
    last = max(months)
    exports = shop.exports()
    for number, (month, orders) in enumerate(months.items()):
        content = next(exports)
        for day, scene in scenes(number, month):
            _play(story, clock, scene, day=day)
        clock.set(month_end(month, _LOCAL))
        _click(story, month, orders)
        watch.exported()
        _take_in(story, content, f"{month}.csv", watch=watch)
        watch.imported()
        mature(goodword.pipeline, story.brand_id)
        if month != last:
            _pay(story, clock)
        watch.month(month, orders)
    return story


def _before(goodword: Goodword, clock: VirtualClock, shop: Shop, *, first: date, seed: int) -> Story:
    """Set the brand up two weeks before the log begins, and let in those who are there from the beginning."""
    clock.set(_local(first - timedelta(days=14)))
    story = goodword.database.run(lambda unit: set_up(unit, goodword, shop=shop, seed=seed))
    people = [one for one in PEOPLE if not one.joins]
    _play(story, clock, lambda it, unit: it.apply_all(unit, people), day=first - timedelta(days=12))
    _play(story, clock, lambda it, unit: it.let_in(unit, people), day=first - timedelta(days=7))
    return story


def _play(story: Story, clock: VirtualClock, scene: Scene, *, day: date) -> None:
    clock.set(_local(day))
    story.goodword.database.run(lambda unit: scene(story, unit))


def _click(story: Story, month: str, orders: int) -> None:
    """Write down the clicks of a month, count them by day, and delete those whose time is over."""
    database = story.goodword.database
    story.visits.look(month, orders)
    database.run(lambda unit: insert_rows(unit, table_of(Click), story.visits.take(unit.now)))
    roll_up(database)
    prune(database)


def _take_in(story: Story, content: bytes, name: str, *, watch: Watch) -> None:
    goodword = story.goodword
    with goodword.database.reading() as unit:
        settings = settings_for(
            unit, story.brand_id, plugin=SOURCE.connector, host=goodword.plugins, keyring=goodword.keyring
        )

    def refuse(problem: RowProblem) -> None:
        raise DemoBrokenError(f"The demo's own export was refused: {problem}")

    def counted(done: Ingested) -> None:
        watch.batch(done.new + done.repeated)

    import_file(
        goodword.pipeline,
        story.brand_id,
        source=SOURCE,
        file=BytesIO(content),
        name=name,
        settings=settings,
        tell=refuse,
        before_batch=watch.read,
        after_batch=counted,
    )


def _pay(story: Story, clock: VirtualClock) -> None:
    """Pay what is due on the first of the month, and confirm it on the third."""
    goodword = story.goodword
    submitted = clock.now() + timedelta(hours=10)
    clock.set(submitted)
    try:
        run = run_payouts(
            goodword.database,
            goodword.plugins,
            brand_id=story.brand_id,
            rail=_RAIL,
            by="finance@halfmoon.example",
            keyring=goodword.keyring,
        )
    except NothingToPayError:
        return
    clock.set(submitted + timedelta(days=2))
    paid_on, reference = (submitted + timedelta(days=1)).date(), run.batch.reference
    goodword.database.run(
        lambda unit: confirm_batch(
            unit, story.brand_id, reference=reference, paid_on=paid_on, by="finance@halfmoon.example"
        )
    )


def _local(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 10, tzinfo=_LOCAL)
