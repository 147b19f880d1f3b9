"""`goodword inbox`: webhooks that could not be read, what they hold, and a second try."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import click

from engine.bootstrap import Goodword
from engine.cli.common import at_brand, brand_option, by_option, every_row, json_option, write_json
from engine.connections.queries import connection_by_id
from engine.identity.queries import BrandView
from engine.identity.service import record
from engine.intake.webhooks.pretty import readable
from engine.intake.webhooks.queries import InboxLetter, InboxRow, dead_by_reason, dead_ids, letter, unread
from engine.intake.webhooks.service import lay_aside
from engine.intake.webhooks.service import replay as replay_rows
from engine.intake.webhooks.tables import InboxState
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError
from engine.kernel.ids import parse_id
from engine.pipeline.webhooks import Rehearsal


@click.group("inbox")
def command() -> None:
    """List webhooks that could not be read, look into them, and read them again once the cause is mended."""


@command.command("list")
@click.option("--reason", help="Only those with this reason.")
@click.option("--waiting", is_flag=True, help="Those that wait to be read, in place of the dead ones.")
@brand_option
@json_option
def list_webhooks(*, reason: str | None, waiting: bool, slug: str | None, as_json: bool) -> None:
    """List dead webhooks with the reason of each, newest first. None of them is lost."""
    state = InboxState.WAITING if waiting else InboxState.DEAD
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        rows = list(
            every_row(lambda cursor: unread(unit, brand.id, state=state, reason=reason, cursor=cursor, limit=200))
        )
        reasons = dead_by_reason(unit, brand.id)
    if as_json:
        write_json({"brand": brand.slug, "webhooks": [asdict(row) for row in rows], "dead_by_reason": reasons})
        return
    for row in rows:
        click.echo(_line(row))
    if not rows:
        click.echo("No webhook waits." if waiting else "No webhook is dead.")


@command.command()
@click.argument("webhook_id", metavar="ID")
@brand_option
@json_option
def show(webhook_id: str, *, slug: str | None, as_json: bool) -> None:
    """Print one webhook: what is known of it, and its body, indented and with nothing that a terminal would obey."""
    with at_brand(slug) as (goodword, brand):
        found = _letter(goodword, brand, webhook_id)
    body = None if found.body is None else readable(found.body)
    if as_json:
        write_json({**asdict(found.row), "body": body})
        return
    click.echo(_line(found.row))
    click.echo(f"key: {found.row.delivery_key}\ntopic: {found.row.topic or '-'}\nreceived: {found.row.received_at}")
    click.echo(f"tried: {found.row.attempts} times\n")
    click.echo(body if body is not None else "Its bytes are no longer kept.")


@command.command()
@click.argument("wanted", metavar="[ID]...", nargs=-1)
@click.option("--reason", help="Every dead one with this reason.")
@click.option("--all", "everything", is_flag=True, help="Every dead one.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@brand_option
@by_option
@json_option
@click.pass_context
def replay(
    context: click.Context,
    wanted: tuple[str, ...],
    *,
    reason: str | None,
    everything: bool,
    dry_run: bool,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Read dead webhooks again: those named, those of one reason, or all. Exit 1 where one is still dead."""
    if sum((bool(wanted), reason is not None, everything)) != 1:
        raise click.UsageError("Name webhooks, or give --reason, or give --all.")
    with at_brand(slug) as (goodword, brand):
        with goodword.database.reading() as unit:
            ids = [_id(each) for each in wanted] or dead_ids(unit, brand.id, reason=reason)
        if dry_run:
            told = [_rehearsed(goodword, brand, each) for each in ids]
            failed = sum(one["problem"] is not None for one in told)
            _tell_rehearsal(brand, told, as_json=as_json)
        else:
            subject = reason or ("all dead webhooks" if everything else ", ".join(wanted))
            failed = _replay(goodword, brand, ids, by=by, subject=subject, as_json=as_json)
    if failed:
        context.exit(1)


@command.command("lay-aside")
@click.argument("wanted", metavar="[ID]...", nargs=-1)
@click.option("--reason", help="Every dead one with this reason.")
@brand_option
@by_option
@json_option
def set_aside(wanted: tuple[str, ...], *, reason: str | None, slug: str | None, by: str, as_json: bool) -> None:
    """Give up dead webhooks for good: those named, or those of one reason. Their bytes are forgotten.

    For what is known otherwise, or worth nothing. The audit log says who did it.
    """
    if bool(wanted) is (reason is not None):
        raise click.UsageError("Name webhooks, or give --reason.")
    with at_brand(slug) as (goodword, brand):
        with goodword.database.reading() as unit:
            ids = [_id(each) for each in wanted] or dead_ids(unit, brand.id, reason=reason)

        def work(unit: UnitOfWork) -> int:
            count = lay_aside(unit, brand.id, ids=ids)
            subject = reason or ", ".join(wanted)
            record(unit, brand.id, actor=by, action="inbox.lay_aside", subject=subject, detail={"webhooks": count})
            return count

        count = goodword.database.run(work)
    if as_json:
        write_json({"brand": brand.slug, "laid_aside": count})
    else:
        click.echo(f"Laid aside {count:,}.")


def _replay(goodword: Goodword, brand: BrandView, ids: Sequence[UUID], *, by: str, subject: str, as_json: bool) -> int:
    """Read the webhooks again and return how many are still dead."""
    due = goodword.database.run(lambda unit: replay_rows(unit, brand.id, ids=ids))
    goodword.webhook_reader().read(due)
    with goodword.database.reading() as unit:
        after = [letter(unit, brand.id, webhook_id=each).row for each in due]
        left = [row for row in after if row.state == InboxState.DEAD]
        waiting = [row for row in after if row.state == InboxState.WAITING]
    read = len(due) - len(left) - len(waiting)
    detail = {"replayed": len(due), "read": read, "still_dead": len(left)}
    goodword.database.run(
        lambda unit: record(unit, brand.id, actor=by, action="inbox.replay", subject=subject, detail=detail)
    )
    if as_json:
        write_json({"brand": brand.slug, **detail, "waiting": len(waiting), "dead": [asdict(row) for row in left]})
    else:
        for row in left:
            click.echo(_line(row))
        waits = f"; {len(waiting):,} wait for their shop" if waiting else ""
        click.echo(f"Replayed {len(due):,}; read {read:,}; still dead {len(left):,}{waits}.")
    return len(left)


def _rehearsed(goodword: Goodword, brand: BrandView, webhook_id: UUID) -> dict[str, Any]:
    with goodword.database.reading() as unit:
        found = letter(unit, brand.id, webhook_id=webhook_id)
        view = connection_by_id(unit, brand.id, connection_id=found.row.connection_id)
    if found.body is None:
        told = Rehearsal(problem="Its bytes are no longer kept.")
    else:
        reader = goodword.webhook_reader()
        told = reader.rehearse(view, key=found.row.delivery_key, topic=found.row.topic, body=found.body)
    done = told.done
    return {
        "id": webhook_id,
        "problem": told.problem,
        "events": [f"{type(event).__name__} {event.external_id}" for event in told.events],
        "would": None
        if done is None
        else {"new": done.new, "repeated": done.repeated, "orders": done.orders, "booked": done.booked},
    }


def _tell_rehearsal(brand: BrandView, told: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        write_json({"brand": brand.slug, "dry_run": told})
        return
    for one in told:
        events = ", ".join(one["events"]) or "nothing that concerns us"
        outcome = f"would still be dead: {one['problem']}" if one["problem"] else f"would be read: {events}"
        click.echo(f"{one['id']}  {outcome}")
    click.echo("Nothing was changed.")


def _letter(goodword: Goodword, brand: BrandView, webhook_id: str) -> InboxLetter:
    with goodword.database.reading() as unit:
        return letter(unit, brand.id, webhook_id=_id(webhook_id))


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is no id of a webhook.", remedy="`goodword inbox list` prints them.")
    return found


def _line(row: InboxRow) -> str:
    about = f"{row.connector}/{row.account}  {row.topic or '-'}"
    why = f"{row.reason}: {row.problem}" if row.reason else row.problem or "Waits to be read."
    return f"{row.id}  {row.received_at:%Y-%m-%d %H:%M}  {about}\n  {why}"
