"""`goodword links`: an ambassador's addresses come to be, lead elsewhere, are put away, and are drawn as QR codes."""

from functools import partial
from pathlib import Path
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
    read_instant,
    write_json,
)
from engine.cli.site import read_pairs
from engine.enrollment.roster import listed_as
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError
from engine.programs.queries import ProgramRow, program, program_by_slug, programs_of
from engine.tracking.links.queries import LinkRow, OwnedLink, counts_at, link_by_slug, links_of_program
from engine.tracking.links.rules import destination_now
from engine.tracking.links.schemas import LinkChange, LinkDraft
from engine.tracking.links.service import archive_link, change_link, create_link
from engine.tracking.links.slugs import lookup_slug
from engine.tracking.qr import qr_png, qr_svg
from engine.tracking.site.queries import site_of, tracking_of


@click.group("links")
def command() -> None:
    """Make links for ambassadors, lead them elsewhere, list them, draw their QR codes."""


@command.command()
@click.argument("email")
@click.option("--program", "program_slug", required=True, metavar="SLUG", help="In which program.")
@click.option(
    "--to", "destination", default="", metavar="URL", help="Where it leads; the program's home address if not given."
)
@click.option("--slug", "wished", metavar="ENDING", help="The end of its address; drawn if not given.")
@click.option("--title", default="", help="What it is for.")
@click.option("--utm", "utm", multiple=True, metavar="NAME=TEXT", help="Added to the address, beside the program's.")
@click.option("--until", metavar="DATETIME", help="Clicks from then on do not count; in the program's time zone.")
@brand_option
@by_option
@json_option
def create(
    email: str,
    *,
    program_slug: str,
    destination: str,
    wished: str | None,
    title: str,
    utm: tuple[str, ...],
    until: str | None,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Make a link for EMAIL, who is active in the program."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program_slug)
        owner = listed_as(unit, brand.id, program=chosen, email=email)
        draft = checked(
            LinkDraft,
            title=title,
            destination=destination,
            slug=wished,
            utm=read_pairs(utm, field="--utm"),
            expires_at=read_instant(until, chosen.zone, field="--until"),
        )
        made = create_link(unit, brand.id, enrollment_id=owner.enrollment_id, draft=draft, by=by)
        told = _told(unit, brand.id, made, goodword=goodword)
    text = f"{told['address']} is {owner.name}’s and leads to {told['leads_to']}"
    answer(told, text, as_json=as_json)


@command.command()
@click.argument("ending", metavar="SLUG")
@click.option("--to", "destination", metavar="URL", help="Where it leads from now on.")
@click.option("--title", help="What it is for.")
@click.option("--until", metavar="DATETIME", help="Clicks from then on do not count; in the program's time zone.")
@brand_option
@by_option
@json_option
def change(
    ending: str,
    *,
    destination: str | None,
    title: str | None,
    until: str | None,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Lead the link SLUG elsewhere, or change its title or end; its address stays."""
    if destination is title is until is None:
        raise InputError("What is to be different about the link?", remedy="Give --to, --title or --until.")
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        found = _link(unit, brand.id, ending)
        zone = _program(unit, brand.id, found).zone
        ends = read_instant(until, zone, field="--until")
        given = {"destination": destination, "title": title, "expires_at": ends}
        asked = checked(LinkChange, **{name: value for name, value in given.items() if value is not None})
        changed = change_link(unit, brand.id, link_id=found.id, change=asked, by=by)
        told = _told(unit, brand.id, changed, goodword=goodword)
    answer(told, f"{told['address']} leads to {told['leads_to']}", as_json=as_json)


@command.command()
@click.argument("ending", metavar="SLUG")
@brand_option
@by_option
@json_option
def archive(ending: str, *, slug: str | None, by: str, as_json: bool) -> None:
    """Put the link SLUG away: it leads on, counts no click, and nobody else ever gets its ending."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        put_away = archive_link(unit, brand.id, link_id=_link(unit, brand.id, ending).id, by=by)
        told = _told(unit, brand.id, put_away, goodword=goodword)
    answer(told, f"{told['address']} is archived; its clicks do not count.", as_json=as_json)


@command.command()
@click.argument("ending", metavar="SLUG")
@click.argument("file", metavar="FILE.svg|FILE.png", type=click.Path(dir_okay=False, path_type=Path))
@brand_option
def qr(ending: str, *, file: Path, slug: str | None) -> None:
    """Draw the QR code of the link SLUG, in the brand's colour if that is dark enough for scanners."""
    draw = {".svg": qr_svg, ".png": qr_png}.get(file.suffix.lower())
    if draw is None:
        raise InputError(f"{file.name} is neither a .svg nor a .png file.", remedy="Name one, such as card.svg.")
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        address = _address(_link(unit, brand.id, ending), goodword)
        colour = site_of(unit, brand.id).colour
    try:
        file.write_bytes(draw(address, colour=colour))
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror}.", remedy="Name a file in a folder of yours."
        ) from error
    click.echo(f"{file} leads to {address}")


@command.command("list")
@click.option("--program", "program_slug", metavar="SLUG", help="Of this program only.")
@brand_option
@json_option
def list_(*, program_slug: str | None, slug: str | None, as_json: bool) -> None:
    """List links with their ambassadors, the newest first."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        every = programs_of(unit, brand.id)
        chosen = (program_by_slug(unit, brand.id, slug=program_slug),) if program_slug else every
        rows = [row for one in chosen for row in _rows(unit, brand.id, one, goodword)]
    if as_json:
        write_json({"brand": brand.slug, "links": rows})
        return
    for row in rows:
        ended = "" if row["counts"] else "  ended"
        click.echo(f"{row['address']:<47} {row['owner']:<29} {row['leads_to']}{ended}")
    if not rows:
        click.echo("There is no link yet. Make one: goodword links create EMAIL --program … --to …")


def _rows(unit: UnitOfWork, brand_id: UUID, chosen: ProgramRow, goodword: Goodword) -> list[dict[str, Any]]:
    page = partial(links_of_program, unit, brand_id, program_id=chosen.id, limit=200)
    site, tracking = site_of(unit, brand_id), tracking_of(unit, brand_id, program_id=chosen.id)

    def row(owned: OwnedLink) -> dict[str, Any]:
        leads_to = destination_now(owned.link.destination, home_url=tracking.home_url, domains=site.domains)
        told = _plain(owned.link, goodword=goodword, leads_to=leads_to, counts=counts_at(owned.link, unit.now))
        return told | {"program": chosen.slug, "owner": owned.email}

    return [row(owned) for owned in every_row(lambda at: page(cursor=at))]


def _told(unit: UnitOfWork, brand_id: UUID, row: LinkRow, *, goodword: Goodword) -> dict[str, Any]:
    home = tracking_of(unit, brand_id, program_id=row.program_id).home_url
    leads_to = destination_now(row.destination, home_url=home, domains=site_of(unit, brand_id).domains)
    return _plain(row, goodword=goodword, leads_to=leads_to, counts=counts_at(row, unit.now))


def _plain(row: LinkRow, *, goodword: Goodword, leads_to: str, counts: bool) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "address": _address(row, goodword),
        "leads_to": leads_to or "nowhere",
        "title": row.title,
        "kind": row.kind.value,
        "utm": row.utm,
        "expires_at": row.expires_at,
        "archived_at": row.archived_at,
        "counts": counts,
    }


def _address(row: LinkRow, goodword: Goodword) -> str:
    return f"{goodword.settings.base_url}/r/{row.slug}"


def _link(unit: UnitOfWork, brand_id: UUID, text: str) -> LinkRow:
    key = lookup_slug(text)
    found = link_by_slug(unit, brand_id, slug=key) if key else None
    if found is None:
        raise InputError(f"There is no link {text!r}.", field="SLUG", remedy="See which there are: goodword links list")
    return found


def _program(unit: UnitOfWork, brand_id: UUID, row: LinkRow) -> ProgramRow:
    return program(unit, brand_id, program_id=row.program_id)
