"""`goodword demo`: builds the demo brand and serves it."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from engine.bootstrap import Goodword, start
from engine.cli.common import json_option, write_json
from engine.cli.serve import base_url, check_free, host_option, port_option, run_server
from engine.demo.build import Watch, build
from engine.demo.figures import figures, peak_rss_mb, violations
from engine.demo.links import VANITY
from engine.demo.log import Purchase, bundled, read_log
from engine.demo.pages import GUIDE_HANDLE
from engine.demo.people import GUIDE, OWNER, person
from engine.demo.place import Built, clear, find, note_built
from engine.identity.service import ensure_login
from engine.identity.sessions import issue_sign_in_link
from engine.kernel.clock import VirtualClock
from engine.kernel.migrate import upgrade
from engine.kernel.money import Money, parse_currency
from engine.kernel.settings import load_settings


@click.command("demo")
@click.option("--full", is_flag=True, help="Build it from all 69,659 purchases instead of every tenth customer's.")
@click.option(
    "--orders",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Build it from a log of your own, in CDNOW's form: customer, yyyymmdd, items, dollars.",
)
@click.option("--no-serve", is_flag=True, help="Build it anew, print the figures and stop.")
@click.option("--fresh", is_flag=True, help="Build it anew, also where there is one.")
@host_option
@port_option
@json_option
def command(
    host: str, port: int, *, full: bool, orders: Path | None, no_serve: bool, fresh: bool, as_json: bool
) -> None:
    """Build the demo brand from a real purchase log, and serve it.

    Eighteen months of orders, dated 28 years later, go through the engine on a clock of its own, with three programs,
    forty ambassadors, refunds and monthly payouts. A demo that is there already is served as it is, unless --fresh. A
    database that holds anything else is never touched.

    The figures, amounts in minor units by currency: `orders` came in, `attributed` of them are credited to an
    ambassador, `clicked` of these by a click. `clicks` count on links and pages. `accrued` was booked for ambassadors
    and `reversed` against them. `approved` of that has passed its hold, whether it was paid since or not; `paid` has
    arrived. `open` is what the ledger holds for them and is not paid: accrued − reversed − paid. `verify` is "ok", or a
    list of what is wrong with the books.
    """
    settings = load_settings()
    if not no_serve:
        check_free(host, port)
    built = find(settings.database)
    if built is None or fresh or no_serve or full or orders:
        name, purchases = _log(full=full, orders=orders)
        clear(settings.database)
        upgrade(settings.database)
        built, told = _build(purchases, name)
        _print(told, as_json=as_json)
    else:
        click.echo(f"The demo is there already, built from {built.log}. `--fresh` builds it anew.")
    if not no_serve:
        _serve(built, host=host, port=port)


def _log(*, full: bool, orders: Path | None) -> tuple[str, Sequence[Purchase]]:
    if orders is not None:
        if full:
            raise click.UsageError("Give either --full or --orders FILE.")
        return orders.name, read_log(orders)
    return ("the full log", bundled("full")) if full else ("the sample", bundled("sample"))


def _build(purchases: Sequence[Purchase], name: str) -> tuple[Built, dict[str, Any]]:
    clock = VirtualClock(datetime(2025, 1, 1, tzinfo=UTC))
    goodword = start(clock=clock)
    try:
        started = time.perf_counter()
        with click.progressbar(length=len(purchases), label="Eighteen months", file=sys.stderr) as bar:
            story = build(goodword, clock, purchases=purchases, watch=Watch(month=lambda _, orders: bar.update(orders)))
        elapsed = time.perf_counter() - started
        built = Built(story.brand_id, name, clock.now())
        goodword.database.run(lambda unit: note_built(unit, built))
        return built, _told(goodword, built, elapsed=elapsed)
    finally:
        goodword.close()


def _told(goodword: Goodword, built: Built, *, elapsed: float) -> dict[str, Any]:
    with goodword.database.reading() as unit:
        sums = figures(unit, built.brand_id)
        wrong = [str(violation) for violation in violations(unit, built.brand_id)]
    return asdict(sums) | {
        "verify": wrong or "ok",
        "elapsed_s": round(elapsed, 2),
        "orders_per_s": round(sums.orders / elapsed),
        "peak_rss_mb": peak_rss_mb(),
    }


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(told)
        return
    click.echo(f"{told['orders']:,} orders, {told['attributed']:,} of them credited to an ambassador.")
    click.echo(f"{told['clicks']:,} clicks that count; {told['clicked']:,} of the orders are credited by one.")
    for name in ("accrued", "reversed", "approved", "paid", "open"):
        amounts = ", ".join(str(Money(minor, parse_currency(code))) for code, minor in told[name].items())
        click.echo(f"  {name:9} {amounts}")
    wrong = told["verify"]
    click.echo(f"  the books {'hold' if wrong == 'ok' else 'do not hold: ' + '; '.join(wrong[:5])}")
    click.echo(f"  {told['elapsed_s']} s, {told['orders_per_s']:,} orders a second, {told['peak_rss_mb']} MB at most")


def _serve(built: Built, *, host: str, port: int) -> None:
    """Serve the demo on a clock that goes on from where its log ended, and print links to sign in with."""
    offset = built.ends_at - datetime.now(UTC)
    os.environ["GOODWORD_CLOCK_OFFSET_S"] = str(int(offset.total_seconds()))
    os.environ.setdefault("GOODWORD_BASE_URL", base_url(host, port))
    goodword = start()
    address = goodword.settings.base_url
    click.echo(f"\nThe demo is at {address}. Each link signs in once; interrupt to stop.\n")
    with goodword.database.unit() as unit:
        for name, email in ((OWNER[0], OWNER[1]), (GUIDE, person(GUIDE).email)):
            token = issue_sign_in_link(unit, ensure_login(unit, email), lifetime=timedelta(days=1))
            click.echo(f"  {name:16} {address}/sign-in/{token}")
    click.echo(f"\n  {'Landing page':16} {address}/a/{GUIDE_HANDLE}")
    click.echo(f"  {'Link':16} {address}/r/{VANITY}\n")
    goodword.close()
    run_server(host, port)
