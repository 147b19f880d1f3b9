"""`goodword clicks`: counts by day, made and compared by hand, and what is deleted when its time is over."""

from dataclasses import asdict
from datetime import date, timedelta

import click

from engine.bootstrap import Goodword, start
from engine.cli.common import answer, at_brand, brand_option, json_option, write_json
from engine.identity.queries import BrandView
from engine.kernel.errors import InputError
from engine.tracking.clicks.recount import Difference, differences, kept_since, rebuild_days
from engine.tracking.clicks.retention import prune
from engine.tracking.clicks.rollups import roll_up

_SHOWN = 50
_TOMORROW = timedelta(days=2)
"""In some time zone tomorrow has begun; the end is before the day."""


@click.group("clicks")
def command() -> None:
    """Count clicks by day, compare the counts with the clicks, delete old clicks."""


@command.command()
@json_option
def rollup(*, as_json: bool) -> None:
    """Count the clicks that are new. The worker does so every minute."""
    goodword = start()
    try:
        counted = roll_up(goodword.database)
    finally:
        goodword.close()
    answer({"counted": counted}, f"{counted:,} clicks counted.", as_json=as_json)


@command.command("prune")
@json_option
def prune_(*, as_json: bool) -> None:
    """Delete clicks older than their program keeps them. The worker does so every day. Counts by day stay."""
    goodword = start()
    try:
        deleted = prune(goodword.database)
    finally:
        goodword.close()
    answer({"deleted": deleted}, f"{deleted:,} clicks deleted.", as_json=as_json)


@command.command()
@click.option(
    "--since", "since_text", help="The first day, as 2026-03-01; the first whose clicks are kept unless given."
)
@click.option("--until", "until_text", help="The day before which to end; to the present day unless given.")
@click.option("--check", is_flag=True, help="Compare; the counts stay as they are.")
@brand_option
@json_option
@click.pass_context
def rebuild(
    context: click.Context,
    *,
    since_text: str | None,
    until_text: str | None,
    check: bool,
    slug: str | None,
    as_json: bool,
) -> None:
    """Count the clicks of days anew; with --check, compare only, and exit code 1 where anything differs.

    Days are those of each program's time zone. A day whose clicks were deleted stays as it was counted.
    """
    with at_brand(slug) as (goodword, brand):
        since, until = _span(goodword, brand, since=since_text, until=until_text)
        if check:
            with goodword.database.reading() as unit:
                found = differences(unit, brand.id, since=since, until=until)
            _tell(brand.slug, found, as_json=as_json)
            if found:
                context.exit(1)
            return
        done = rebuild_days(goodword.database, brand.id, since=since, until=until)
    left = f" {done.left:,} days were left as they are: their clicks were deleted." if done.left else ""
    text = f"{brand.slug}: {done.clicks:,} clicks of {done.days:,} days counted anew.{left}"
    answer({"brand": brand.slug, **asdict(done)}, text, as_json=as_json)


def _span(goodword: Goodword, brand: BrandView, *, since: str | None, until: str | None) -> tuple[date, date]:
    end = _read_day(until, field="--until") or goodword.database.clock.now().date() + _TOMORROW
    begin = _read_day(since, field="--since")
    if begin is None:
        with goodword.database.reading() as unit:
            begin = kept_since(unit, brand.id)
    return begin or end, end


def _read_day(text: str | None, *, field: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no day.", field=field, remedy="Write it as 2026-03-01.") from None


def _tell(slug: str, found: tuple[Difference, ...], *, as_json: bool) -> None:
    if as_json:
        shown = [asdict(one) for one in found[:_SHOWN]]
        write_json({"brand": slug, "same": not found, "differences": len(found), "shown": shown})
        return
    for one in found[:_SHOWN]:
        click.echo(str(one))
    if len(found) > _SHOWN:
        click.echo(f"… and {len(found) - _SHOWN:,} more.")
    verdict = f"Differences: {len(found):,}." if found else "The counts are what the clicks make them."
    click.echo(f"{slug}: {verdict}")
