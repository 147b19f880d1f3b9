"""`goodword program`: programs come to be, publish their terms, have groups, and close."""

from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

import click

from engine.cli.common import answer, at_brand, brand_option, by_option, checked, json_option, read_instant, write_json
from engine.cli.site import tracking
from engine.kernel.errors import InputError, NotFoundError
from engine.payouts.service import ensure_minimum
from engine.programs.queries import (
    TermsVersion,
    groups_of,
    program_by_slug,
    programs_of,
    terms_as_of,
    terms_history,
)
from engine.programs.said import reward_sentences
from engine.programs.schemas import GroupDraft, ProgramDraft
from engine.programs.service import close_program, create_group, create_program, publish_terms
from engine.programs.terms_file import read_terms, write_terms

TEMPLATES: Final = Path(__file__).parent / "templates"


@click.group("program")
def command() -> None:
    """Create programs, publish their terms, add groups, say how clicks are tracked."""


command.add_command(tracking)


@command.command()
@click.argument("slug_", metavar="SLUG")
@click.option("--name", required=True, help="What people call it.")
@click.option("--currency", required=True, help="The currency of its figures, such as EUR.")
@click.option("--time-zone", default="UTC", show_default=True, help="Where its days and months begin.")
@click.option("--priority", type=int, default=10, show_default=True, help="Of two programs the lower number wins.")
@brand_option
@by_option
@json_option
def create(
    slug_: str, *, name: str, currency: str, time_zone: str, priority: int, slug: str | None, by: str, as_json: bool
) -> None:
    """Create the program SLUG. Nobody can join it until terms are published.

    Its currency gets the usual minimum for payouts, 25 units; `goodword payouts minimum` sets another.
    """
    draft = checked(
        ProgramDraft, slug=slug_, name=name, currency=currency.upper(), time_zone=time_zone, priority=priority
    )
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        program = create_program(unit, brand.id, draft=draft, by=by)
        ensure_minimum(unit, brand.id, currency=draft.currency)
    text = f"Program {draft.slug} is there. Publish its terms: goodword program publish {draft.slug} TERMS.toml"
    answer({"id": program.id, "slug": draft.slug}, text, as_json=as_json)


@command.command()
@click.argument("program")
@click.argument("file", metavar="TERMS.toml", type=click.File("r", encoding="utf-8"))
@click.option(
    "--from", "starts", metavar="DATETIME", help="From when on, in the program's time zone; now if not given."
)
@brand_option
@by_option
@json_option
def publish(program: str, file: TextIO, *, starts: str | None, slug: str | None, by: str, as_json: bool) -> None:
    """Publish TERMS.toml as the next version of PROGRAM's terms. Orders placed before keep the version they had."""
    try:
        document = read_terms(file.read())
    except UnicodeDecodeError:
        raise InputError(f"{file.name} is not UTF-8 text.", remedy="Save it as UTF-8.") from None
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program)
        terms = publish_terms(
            unit,
            brand.id,
            program_id=chosen.id,
            document=document,
            host=goodword.plugins,
            by=by,
            effective_at=read_instant(starts, chosen.zone, field="--from"),
        )
        gives = reward_sentences(document, host=goodword.plugins)
    since = f"{terms.effective_at.astimezone(chosen.zone):%Y-%m-%d %H:%M}"
    lines = [f"Version {terms.version} of {chosen.name} holds from {since} on."]
    lines += [f"  {key}: {sentence}" for key, sentence in gives.items()]
    told = {"program": chosen.slug, "version": terms.version, "effective_at": terms.effective_at, "gives": gives}
    answer(told, "\n".join(lines), as_json=as_json)


@command.command()
@click.argument("program")
@click.option("--version", type=int, help="Which version; the one that holds now if not given.")
@brand_option
@json_option
def terms(program: str, *, version: int | None, slug: str | None, as_json: bool) -> None:
    """Print terms of PROGRAM as TOML, each reward in a sentence first. Edited, `publish` takes it back."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program)
        history = terms_history(unit, brand.id, program_id=chosen.id)
        found = _version(history, version) if version else terms_as_of(history, chosen.id, at=unit.now)
        if found is None:
            remedy = "Name a version that does." if history else f"goodword program publish {program} TERMS.toml"
            raise InputError(f"No terms of {chosen.name} hold now.", remedy=remedy)
        gives = reward_sentences(found.document, host=goodword.plugins)
    if as_json:
        write_json({**asdict(found), "document": found.document.model_dump(mode="json"), "gives": gives})
        return
    click.echo(f"# {chosen.name}, version {found.version}")
    click.echo(f"# holds from {found.effective_at.astimezone(chosen.zone):%Y-%m-%d %H:%M} on ({chosen.time_zone})")
    click.echo(f"# published by {found.published_by}")
    for key, sentence in gives.items():
        click.echo(f"# {key}: {sentence}")
    click.echo(write_terms(found.document), nl=False)


@command.command("list")
@brand_option
@json_option
def list_(*, slug: str | None, as_json: bool) -> None:
    """List the brand's programs, those that win first."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        found = programs_of(unit, brand.id)
    if as_json:
        write_json({"brand": brand.slug, "programs": [asdict(one) for one in found]})
        return
    for one in found:
        click.echo(f"{one.priority:>6}  {one.slug:<24}{one.state:<8}{one.currency}  {one.time_zone}  {one.name}")
    if not found:
        click.echo("There is no program yet. Make one: goodword program create SLUG --name … --currency …")


@command.command()
@click.argument("program")
@brand_option
@by_option
@json_option
def close(program: str, *, slug: str | None, by: str, as_json: bool) -> None:
    """Close PROGRAM for good: nobody joins it, orders placed from now on are not credited, what was earned stays."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program)
        close_program(unit, brand.id, program_id=chosen.id, by=by)
    answer({"program": chosen.slug, "state": "closed"}, f"{chosen.name} is closed.", as_json=as_json)


@command.group("group")
def group_() -> None:
    """Groups of a program's ambassadors: terms may give each another rate."""


@group_.command("add")
@click.argument("program")
@click.argument("key")
@click.option("--name", required=True, help="What people call it.")
@brand_option
@by_option
@json_option
def group_add(program: str, key: str, *, name: str, slug: str | None, by: str, as_json: bool) -> None:
    """Add the group KEY to PROGRAM; terms name it by this key."""
    draft = checked(GroupDraft, key=key, name=name)
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program)
        group = create_group(unit, brand.id, program_id=chosen.id, draft=draft, by=by)
    answer({"id": group.id, "key": draft.key}, f"{chosen.name} has a group {draft.key}.", as_json=as_json)


@group_.command("list")
@click.argument("program")
@brand_option
@json_option
def group_list(program: str, *, slug: str | None, as_json: bool) -> None:
    """List the groups of PROGRAM."""
    with at_brand(slug) as (goodword, brand), goodword.database.reading() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program)
        found = groups_of(unit, brand.id, program_id=chosen.id)
    if as_json:
        write_json({"program": chosen.slug, "groups": [asdict(one) for one in found]})
        return
    for one in found:
        click.echo(f"{one.key:<24}{one.name}")
    if not found:
        click.echo(f"{chosen.name} has no groups.")


@command.command()
@click.argument("kind", type=click.Choice(["percentage", "tiers", "first-order"]), default="percentage")
def template(kind: str) -> None:
    """Print terms with comments, to be edited and published: a percentage, volume tiers, a first-order bonus."""
    click.echo((TEMPLATES / f"{kind}.toml").read_text(encoding="utf-8"), nl=False)


def _version(history: tuple[TermsVersion, ...], number: int) -> TermsVersion:
    for one in history:
        if one.version == number:
            return one
    raise NotFoundError("version", number)
