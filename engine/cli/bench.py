"""`goodword bench`: speed, as ratios within one run."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from engine.bench.laps import LapTimer
from engine.bench.pipeline import bench_pipeline
from engine.bootstrap import start
from engine.cli.common import json_option, write_json
from engine.demo.build import SEED, Watch, build
from engine.demo.figures import violations
from engine.demo.log import Purchase, bundled
from engine.identity.queries import brands
from engine.kernel.clock import VirtualClock
from engine.kernel.settings import Settings, load_settings


@click.group("bench")
def command() -> None:
    """Measure speed, each time beside a baseline on the same machine in the same run."""


@command.command()
@click.option("--orders", type=click.IntRange(1), help="How many orders, by customer; all 69,659 without it.")
@json_option
def pipeline(*, orders: int | None, as_json: bool) -> None:
    """Run the demo's orders through the engine, and insert the rows that this left by bare Core.

    Ours: inbox, attribution, commission, ledger, refunds and payouts on a fresh SQLite file with synchronous=FULL. The
    baseline, turn and turn about with ours: the very same rows in batches of the same size into a file with the same
    tables, indexes, triggers, checks and pragmas. Reading the shop's files is told beside it; setting the brand up and
    writing those files is not on the clock.
    """
    road = partial(demo_road, orders=orders)
    with click.progressbar(length=orders or len(bundled("full")), label="Orders", file=sys.stderr) as bar:
        told = bench_pipeline(road, seed=SEED, check=_wrong, tell=bar.update)
    if as_json:
        write_json(told)
        return
    click.echo(f"{told['ours']:,} {told['unit']}, bare inserts {told['baseline']:,}: ratio {told['ratio']}")
    click.echo(f"second half by first, beside that of bare inserts: {told['half_ratio']}")
    click.echo(f"{told['n']:,} orders, {told['rows']:,} rows, {told['elapsed_s']} s, {told['peak_rss_mb']} MB at most")
    for one in told["violations"]:
        click.echo(f"WRONG: {one}")


def demo_road(path: Path, timer: LapTimer, *, orders: int | None) -> None:
    """Build the demo in `path` from the full log, or from its first customers until there are so many orders."""
    clock = VirtualClock(datetime(2025, 1, 1, tzinfo=UTC))
    goodword = start(_settings(path), clock=clock)
    watch = Watch(
        exported=timer.skip,
        read=timer.start,
        batch=timer.lap,
        imported=timer.start,
        month=lambda _month, _orders: timer.lap(),
    )
    try:
        build(goodword, clock, purchases=_purchases(orders), watch=watch)
    finally:
        goodword.close()


def _purchases(orders: int | None) -> list[Purchase]:
    every = bundled("full")
    if orders is None:
        return every
    chosen = {purchase.line for purchase in sorted(every, key=lambda purchase: purchase.line)[:orders]}
    return [purchase for purchase in every if purchase.line in chosen]


def _wrong(path: Path) -> list[str]:
    goodword = start(_settings(path))
    try:
        with goodword.database.reading() as unit:
            return [str(one) for brand in brands(unit) for one in violations(unit, brand.id)]
    finally:
        goodword.close()


def _settings(path: Path) -> Settings:
    return load_settings(home=path.parent, database_url=f"sqlite:///{path}")
