"""`goodword bench`: speed, as ratios within one run."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from engine.bench.clicks import MANY_LINKS, Plan, bench_clicks
from engine.bench.laps import LapTimer
from engine.bench.pipeline import bench_pipeline
from engine.bench.webhooks import Plan as WebhookPlan
from engine.bench.webhooks import bench_webhooks
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


@command.command()
@click.option("--database", help="Keep the clicks in this empty PostgreSQL database instead of SQLite.")
@click.option("--links", default=MANY_LINKS, show_default=True, type=click.IntRange(0), help="The lap of many links.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 50))
@click.option("--lap", default=3, show_default=True, type=click.IntRange(1, 60), help="Seconds of each lap.")
@json_option
def clicks(*, database: str | None, links: int, rounds: int, lap: int, as_json: bool) -> None:
    """Click links over 32 connections, every click on disk before it is answered, beside Flask that only redirects.

    Ours is the whole app under granian. The baseline is Flask that redirects and records nothing; a second one commits
    one row for each click. Each is served with the processes and threads that were fastest in a search beforehand, then
    asked in turn. Clicks come from 20,000 different visitors of 1,000 links.
    """
    told = bench_clicks(
        Plan(lap_s=lap, rounds=rounds, many_links=links), database=database, tell=partial(click.echo, err=True)
    )
    if as_json:
        write_json(told)
        return
    click.echo(f"{told['ours']:,} {told['unit']} at p99 {told['p99_ms']} ms; bare redirect {told['baseline']:,}")
    click.echo(f"ratio {told['ratio']}, to one insert for each click {told['insert_ratio']}, page {told['page_ratio']}")
    if "many_ratio" in told:
        click.echo(
            f"with {told['many_links']:,} links {told['many_ratio']} of that, {told['many_peak_rss_mb']} MB at most"
        )
    for one in told["violations"]:
        click.echo(f"WRONG: {one}")


@command.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 50))
@click.option("--lap", default=3, show_default=True, type=click.IntRange(1, 60), help="Seconds of each lap.")
@click.option("--steady", default=15, show_default=True, type=click.IntRange(1, 600), help="Seconds of 200 a second.")
@json_option
def webhooks(*, rounds: int, lap: int, steady: int, as_json: bool) -> None:
    """Send signed webhooks over 32 connections, each on disk before it is acknowledged, beside Flask with one insert.

    Ours is the whole app under granian. The baseline is a Flask handler that verifies nothing and commits one row for
    each webhook, under the same server with the same settings. Then 200 webhooks a second are sent to ours.
    """
    plan = WebhookPlan(lap_s=lap, rounds=rounds, steady_s=steady)
    told = bench_webhooks(plan, tell=partial(click.echo, err=True))
    if as_json:
        write_json(told)
        return
    click.echo(f"{told['ours']:,} {told['unit']}, Flask with one insert {told['baseline']:,}: ratio {told['ratio']}")
    click.echo(f"p99 {told['p99_ms']} ms at {told['steady_rate']} a second")
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
