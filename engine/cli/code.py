"""`goodword code`: promo codes are issued, change hands, and end. What shops have of them: `code_shops`."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import click

from engine.cli.code_shops import drift, push, shops
from engine.cli.common import (
    answer,
    at_brand,
    brand_option,
    by_option,
    every_row,
    json_option,
    read_instant,
    write_json,
)
from engine.enrollment.roster import Listed, listed_as, roster
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError
from engine.programs.queries import ProgramRow, program, program_by_slug, programs_of
from engine.tracking.codes.queries import CodeRow, codes_by_key, codes_of_program, expired_at, owner_as_of
from engine.tracking.codes.rules import lookup_key
from engine.tracking.codes.service import assign_code, expire_code, issue_code, release_code


@click.group("code")
def command() -> None:
    """Issue promo codes, give them to somebody else, let them end. Nothing reaches back: orders keep their owner."""


command.add_command(shops)
command.add_command(push)
command.add_command(drift)


@command.command()
@click.argument("code", required=False)
@click.option("--program", "program_slug", required=True, metavar="SLUG", help="Of which program.")
@click.option("--to", "email", metavar="EMAIL", help="Whose it is; nobody's yet where none is given.")
@click.option("--stem", default="", help="What a drawn code begins with.")
@click.option("--until", metavar="DATETIME", help="Orders from then on do not count; in the program's time zone.")
@brand_option
@by_option
@json_option
def issue(
    code: str | None,
    *,
    program_slug: str,
    email: str | None,
    stem: str,
    until: str | None,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Issue the promo code CODE, or draw one where none is given."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program_slug)
        owner = listed_as(unit, brand.id, program=chosen, email=email) if email else None
        issued = issue_code(
            unit,
            brand.id,
            program_id=chosen.id,
            enrollment_id=owner.enrollment_id if owner else None,
            code=code,
            stem=stem,
            expires_at=read_instant(until, chosen.zone, field="--until"),
            by=by,
        )
    whose = f"{owner.name}’s" if owner else "nobody’s yet"
    told = {"code": issued.code, "program": chosen.slug, "owner": owner.email if owner else None}
    answer(told, f"{issued.code} is there, and {whose}.", as_json=as_json)


@command.command()
@click.argument("code")
@click.argument("email")
@brand_option
@by_option
@json_option
def assign(code: str, email: str, *, slug: str | None, by: str, as_json: bool) -> None:
    """Give CODE to EMAIL, who is active in its program: orders placed from now on are theirs."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        found = _code(unit, brand.id, code)
        owner = listed_as(unit, brand.id, program=_program(unit, brand.id, found), email=email)
        assign_code(unit, brand.id, promo_code_id=found.id, enrollment_id=owner.enrollment_id, by=by)
    answer({"code": found.code, "owner": owner.email}, f"{found.code} is {owner.name}’s now.", as_json=as_json)


@command.command()
@click.argument("code")
@brand_option
@by_option
@json_option
def release(code: str, *, slug: str | None, by: str, as_json: bool) -> None:
    """Take CODE from whoever owns it: orders placed from now on are credited to nobody."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        found = _code(unit, brand.id, code)
        release_code(unit, brand.id, promo_code_id=found.id, by=by)
    answer({"code": found.code, "owner": None}, f"{found.code} is nobody’s now.", as_json=as_json)


@command.command()
@click.argument("code")
@click.option("--at", "moment", metavar="DATETIME", help="From when on, in the program's time zone; now if not given.")
@brand_option
@by_option
@json_option
def expire(code: str, *, moment: str | None, slug: str | None, by: str, as_json: bool) -> None:
    """Let CODE end for good: orders placed from then on do not count."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        found = _code(unit, brand.id, code)
        zone = _program(unit, brand.id, found).zone
        ends = read_instant(moment, zone, field="--at")
        ended = expire_code(unit, brand.id, promo_code_id=found.id, by=by, expires_at=ends)
    since = ended.expires_at.astimezone(zone) if ended.expires_at else None
    text = f"{found.code} does not count from {since:%Y-%m-%d %H:%M} on."
    answer({"code": found.code, "expires_at": ended.expires_at}, text, as_json=as_json)


@command.command("list")
@click.option("--program", "program_slug", metavar="SLUG", help="Of this program only.")
@brand_option
@json_option
def list_(*, program_slug: str | None, slug: str | None, as_json: bool) -> None:
    """List promo codes with their owners, the newest first."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        every = programs_of(unit, brand.id)
        chosen = (program_by_slug(unit, brand.id, slug=program_slug),) if program_slug else every
        rows = [row for one in chosen for row in _rows(unit, brand.id, one)]
    if as_json:
        write_json({"brand": brand.slug, "codes": rows})
        return
    for row in rows:
        ended = "  ended" if row["ended"] else ""
        click.echo(f"{row['code']:<34}{row['program']:<20}{row['owner'] or 'nobody'}{ended}")
    if not rows:
        click.echo("There is no code yet. Issue one: goodword code issue CODE --program … --to …")


def _rows(unit: UnitOfWork, brand_id: UUID, chosen: ProgramRow) -> list[dict[str, Any]]:
    people = partial(roster, unit, brand_id, program_id=chosen.id, limit=200)
    owners = {one.enrollment_id: one for one in every_row(lambda at: people(cursor=at))}
    page = partial(codes_of_program, unit, brand_id, program_id=chosen.id, limit=200)
    return [_row(code, chosen.slug, owners, unit.now) for code in every_row(lambda at: page(cursor=at))]


def _row(code: CodeRow, program_slug: str, owners: dict[UUID, Listed], now: datetime) -> dict[str, Any]:
    owner_id = owner_as_of(code, now)
    return {
        "code": code.code,
        "program": program_slug,
        "kind": code.kind.value,
        "owner": owners[owner_id].email if owner_id else None,
        "expires_at": code.expires_at,
        "ended": expired_at(code, now),
    }


def _code(unit: UnitOfWork, brand_id: UUID, text: str) -> CodeRow:
    key = lookup_key(text)
    found = codes_by_key(unit, brand_id, keys=[key]) if key else ()
    if not found:
        raise InputError(f"There is no code {text!r}.", field="code", remedy="See which there are: goodword code list")
    return found[0]


def _program(unit: UnitOfWork, brand_id: UUID, code: CodeRow) -> ProgramRow:
    return program(unit, brand_id, program_id=code.program_id)
