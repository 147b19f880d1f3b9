"""`goodword ambassador`: people come into programs and go, are grouped, agree on rates, and sign in."""

from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

import click

from engine.bootstrap import Goodword
from engine.cli.common import (
    answer,
    at_brand,
    brand_option,
    by_option,
    checked,
    every_row,
    json_option,
    sign_in_link,
    write_json,
)
from engine.enrollment import service
from engine.enrollment.imports import PersonDraft, admit
from engine.enrollment.roster import Listed, listed_as, roster
from engine.enrollment.tables import EnrollmentState
from engine.identity.queries import BrandView, login_by_email, rooms_of
from engine.identity.service import record
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError
from engine.programs.queries import groups_of, program_by_slug
from engine.programs.schemas import PersonalRateDraft
from engine.tracking.codes.queries import codes_of, expired_at, owner_as_of
from engine.tracking.codes.service import issue_code

program_option = click.option("--program", required=True, metavar="SLUG", help="In which program.")
reason_option = click.option("--reason", required=True, help="Why; it is kept.")


@click.group("ambassador")
def command() -> None:
    """Add ambassadors, decide about them, agree on rates, print links to sign in with."""


@command.command()
@click.argument("email")
@click.option("--name", required=True, help="What they are called.")
@program_option
@click.option("--code", help="The promo code that they get; one is drawn where none is given.")
@click.option("--group", metavar="KEY", help="The group of the program that they are in.")
@brand_option
@by_option
@json_option
def add(
    email: str,
    *,
    name: str,
    program: str,
    code: str | None,
    group: str | None,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Let EMAIL into a program: they earn with orders placed with their code from now on."""
    person = checked(PersonDraft, email=email, name=name)
    with at_brand(slug) as (goodword, brand):
        with goodword.database.unit() as unit:
            chosen = program_by_slug(unit, brand.id, slug=program)
            enrollment_id, fresh = admit(
                unit, brand.id, program_id=chosen.id, person=person, keyring=goodword.keyring, by=by
            )
            if not fresh:
                remedy = "A further code: goodword code issue --to EMAIL"
                raise InputError(f"{email} is active in {chosen.name} already.", field="email", remedy=remedy)
            if group:
                _move(unit, brand.id, enrollment_id, program_id=chosen.id, key=group, by=by)
            if code:
                issue_code(unit, brand.id, program_id=chosen.id, enrollment_id=enrollment_id, code=code, by=by)
        codes = _told(goodword, brand.id, enrollment_id)
    told = {"enrollment": enrollment_id, "email": person.email, "program": chosen.slug, "codes": codes}
    answer(told, f"{person.name} is in {chosen.name} with the code {', '.join(codes)}.", as_json=as_json)


@command.command("list")
@click.option("--program", metavar="SLUG", help="Of this program only.")
@click.option("--state", type=click.Choice([state.value for state in EnrollmentState]), help="In this state only.")
@brand_option
@json_option
def list_(*, program: str | None, state: str | None, slug: str | None, as_json: bool) -> None:
    """List ambassadors with their programs and codes, the newest first."""
    chosen_state = EnrollmentState(state) if state else None
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        program_id = program_by_slug(unit, brand.id, slug=program).id if program else None
        page = partial(roster, unit, brand.id, program_id=program_id, state=chosen_state, limit=200)
        people = list(every_row(lambda at: page(cursor=at)))
        codes = _live_codes(unit, brand.id, [one.enrollment_id for one in people])
    if as_json:
        listed = [asdict(one) | {"codes": codes[one.enrollment_id]} for one in people]
        write_json({"brand": brand.slug, "ambassadors": listed})
        return
    for one in people:
        owned = ", ".join(codes[one.enrollment_id])
        click.echo(f"{one.state:<10}{one.program:<20}{one.name} <{one.email}>  {owned}".rstrip())
    if not people:
        click.echo("Nobody yet. Add somebody: goodword ambassador add EMAIL --name … --program …")


@command.command()
@click.argument("email")
@program_option
@brand_option
@by_option
@json_option
def approve(email: str, *, program: str, slug: str | None, by: str, as_json: bool) -> None:
    """Let somebody in whose application waits; a code is drawn for them."""
    _decide(service.approve_application, email, program, slug=slug, by=by, as_json=as_json)


@command.command()
@click.argument("email")
@program_option
@reason_option
@click.option("--again-from", type=click.DateTime(["%Y-%m-%d"]), help="The day from which they may apply again.")
@brand_option
@by_option
@json_option
def reject(email: str, *, program: str, reason: str, again_from: Any, slug: str | None, by: str, as_json: bool) -> None:
    """Turn down somebody whose application waits."""
    day = again_from.date() if again_from else None
    verb = partial(service.reject_application, reason=reason, reapply_on=day)
    _decide(verb, email, program, slug=slug, by=by, as_json=as_json)


@command.command()
@click.argument("email")
@program_option
@reason_option
@brand_option
@by_option
@json_option
def suspend(email: str, *, program: str, reason: str, slug: str | None, by: str, as_json: bool) -> None:
    """Stop somebody from earning with orders placed from now on; nothing is paid to them until they are reinstated."""
    _decide(partial(service.suspend, reason=reason), email, program, slug=slug, by=by, as_json=as_json)


@command.command()
@click.argument("email")
@program_option
@brand_option
@by_option
@json_option
def reinstate(email: str, *, program: str, slug: str | None, by: str, as_json: bool) -> None:
    """Let somebody who was suspended earn again, with orders placed from now on."""
    _decide(service.reinstate, email, program, slug=slug, by=by, as_json=as_json)


@command.command()
@click.argument("email")
@program_option
@brand_option
@by_option
@json_option
def leave(email: str, *, program: str, slug: str | None, by: str, as_json: bool) -> None:
    """Let somebody go: they earn nothing from now on, and what they earned stays theirs."""
    _decide(service.leave, email, program, slug=slug, by=by, as_json=as_json)


@command.command()
@click.argument("email")
@click.argument("key", required=False)
@program_option
@brand_option
@by_option
@json_option
def group(email: str, key: str | None, *, program: str, slug: str | None, by: str, as_json: bool) -> None:
    """Put somebody into the group KEY of the program from now on, or into none where no KEY is given."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        person = _person(unit, brand, program, email)
        _move(unit, brand.id, person.enrollment_id, program_id=person.program_id, key=key, by=by)
    text = f"{person.name} is in {f'the group {key}' if key else 'no group'}."
    answer({"email": person.email, "program": program, "group": key}, text, as_json=as_json)


@command.command()
@click.argument("email")
@program_option
@click.option("--reward", required=True, metavar="KEY", help="Which reward of the terms.")
@click.option("--bps", type=int, help="The rate in basis points: 1250 is 12.5 %.")
@click.option("--end", is_flag=True, help="End what was agreed: the terms hold again.")
@click.option("--product", help="For this product only.")
@click.option("--reason", default="Agreed.", show_default=True, help="Why; it is kept.")
@brand_option
@by_option
@json_option
def rate(
    email: str,
    *,
    program: str,
    reward: str,
    bps: int | None,
    end: bool,
    product: str | None,
    reason: str,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Agree on a rate of somebody's own, for orders placed from now on. It goes before every rate of the terms."""
    if (bps is None) != end:
        raise click.UsageError("Give either --bps or --end.")
    draft = checked(PersonalRateDraft, reward=reward, rate_bps=bps, product=product, reason=reason)
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        person = _person(unit, brand, program, email)
        service.set_ambassador_rate(unit, brand.id, enrollment_id=person.enrollment_id, draft=draft, by=by)
    what = "the rate of the terms" if bps is None else f"{bps} basis points"
    text = f"{person.name} gets {what} for {reward}{f' on {product}' if product else ''} from now on."
    answer({"email": person.email, "program": program, **draft.model_dump()}, text, as_json=as_json)


@command.command("sign-in")
@click.argument("email")
@brand_option
@by_option
@json_option
def sign_in(email: str, *, slug: str | None, by: str, as_json: bool) -> None:
    """Print a link that signs EMAIL in to the portal, for an installation that sends no mail."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        login = login_by_email(unit, email)
        rooms = rooms_of(unit, login.id).ambassador if login else ()
        if login is None or brand.id not in {one.brand.id for one in rooms}:
            remedy = "See who is: goodword ambassador list"
            raise InputError(f"{email} is no ambassador of {brand.slug}.", field="email", remedy=remedy)
        link = sign_in_link(unit, login, goodword=goodword)
        record(unit, brand.id, actor=by, action="print_sign_in_link", subject=f"login {login.id}")
    answer({"sign_in": link}, f"{link}\nIt signs in once, within a day.", as_json=as_json)


def _decide(verb: Callable[..., Any], email: str, program: str, *, slug: str | None, by: str, as_json: bool) -> None:
    """Do `verb` to somebody's enrollment, and tell what follows from it."""
    with at_brand(slug) as (goodword, brand):
        with goodword.database.unit() as unit:
            person = _person(unit, brand, program, email)
            state = verb(unit, brand.id, enrollment_id=person.enrollment_id, by=by).state
        codes = _told(goodword, brand.id, person.enrollment_id)
    told = {"email": person.email, "program": program, "state": state, "codes": codes}
    answer(told, f"{person.name} is {state} in {program}.", as_json=as_json)


def _told(goodword: Goodword, brand_id: UUID, enrollment_id: UUID) -> list[str]:
    """Tell events, which draws a code for whoever was let in and has none; return the codes that they own."""
    goodword.tell_events()
    with goodword.database.reading() as unit:
        return _live_codes(unit, brand_id, [enrollment_id])[enrollment_id]


def _person(unit: UnitOfWork, brand: BrandView, program: str, email: str) -> Listed:
    return listed_as(unit, brand.id, program=program_by_slug(unit, brand.id, slug=program), email=email)


def _move(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID, *, program_id: UUID, key: str | None, by: str) -> None:
    groups = {one.key: one.id for one in groups_of(unit, brand_id, program_id=program_id)}
    if key is not None and key not in groups:
        known = f"Name one of: {', '.join(groups)}." if groups else "Add it first: goodword program group add"
        raise InputError(f"The program has no group {key!r}.", field="group", remedy=known)
    group_id = groups[key] if key else None
    service.move_group(unit, brand_id, enrollment_id=enrollment_id, group_id=group_id, by=by)


def _live_codes(unit: UnitOfWork, brand_id: UUID, enrollment_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """Return the codes that each of these enrollments owns now and that have not ended."""
    owned: dict[UUID, list[str]] = {enrollment_id: [] for enrollment_id in enrollment_ids}
    for code in codes_of(unit, brand_id, enrollment_ids=enrollment_ids):
        owner = owner_as_of(code, unit.now)
        if owner in owned and not expired_at(code, unit.now):
            owned[owner].append(code.code)
    return owned
