"""`goodword brand`: a brand comes to be, with its staff and links to sign in with."""

from dataclasses import asdict

import click

from engine.bootstrap import start
from engine.cli.common import answer, at_brand, brand_option, by_option, checked, json_option, sign_in_link, write_json
from engine.cli.site import site
from engine.identity.queries import brands, login_by_email, rooms_of
from engine.identity.schemas import BrandDraft, StaffDraft
from engine.identity.service import add_staff, create_brand, ensure_login, record
from engine.identity.tables import Role
from engine.kernel.errors import InputError
from engine.kernel.migrate import upgrade
from engine.kernel.settings import load_settings

ONCE = "It signs in once, within a day."


@click.group("brand")
def command() -> None:
    """Create a brand, add its staff, print links to sign in with, say where its links lead."""


command.add_command(site)


@command.command()
@click.argument("slug")
@click.option("--name", required=True, help="What people call it.")
@click.option("--owner", required=True, metavar="EMAIL", help="Who may do everything in it.")
@click.option("--owner-name", help="The owner's name; the address where none is given.")
@by_option
@json_option
def create(slug: str, *, name: str, owner: str, owner_name: str | None, by: str, as_json: bool) -> None:
    """Create the brand SLUG with its owner, and print a link that signs the owner in.

    This is the first command of a new installation: it makes the database where there is none yet, and brings an older
    one to this version, as `goodword db upgrade` does.
    """
    draft = checked(BrandDraft, slug=slug, name=name)
    staff = checked(StaffDraft, email=owner, name=owner_name or owner, role=Role.OWNER)
    upgrade(load_settings().database)
    goodword = start()
    try:
        with goodword.database.unit() as unit:
            brand = create_brand(unit, slug=draft.slug, name=draft.name)
            record(unit, brand.id, actor=by, action="create_brand", subject=f"brand {brand.id}")
            member = add_staff(unit, brand.id, email=staff.email, name=staff.name, role=staff.role)
            detail = {"role": staff.role.value}
            record(unit, brand.id, actor=by, action="add_staff", subject=f"staff {member.id}", detail=detail)
            link = sign_in_link(unit, ensure_login(unit, staff.email), goodword=goodword)
    finally:
        goodword.close()
    text = f"Brand {draft.slug} is there. `goodword serve` shows it; {staff.email} signs in at\n  {link}\n{ONCE}"
    answer({"id": brand.id, "slug": draft.slug, "name": draft.name, "sign_in": link}, text, as_json=as_json)


@command.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the brands of this installation."""
    goodword = start()
    try:
        with goodword.database.reading() as unit:
            every = brands(unit)
    finally:
        goodword.close()
    if as_json:
        write_json({"brands": [asdict(brand) for brand in every]})
        return
    for brand in every:
        click.echo(f"{brand.slug:<24}{brand.name}")
    if not every:
        click.echo("There is no brand yet. Make one: goodword brand create SLUG --name … --owner …")


@command.group("staff")
def staff_group() -> None:
    """Add people who work for the brand."""


@staff_group.command("add")
@click.argument("email")
@click.option("--name", help="Their name; the address where none is given.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What they may do.")
@brand_option
@by_option
@json_option
def staff_add(email: str, *, name: str | None, role: str, slug: str | None, by: str, as_json: bool) -> None:
    """Let EMAIL work for the brand; somebody who does already gets this name and role.

    The owner may do everything, a manager decides about people and retries orders, finance pays, a viewer looks.
    """
    draft = checked(StaffDraft, email=email, name=name or email, role=role)
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        member = add_staff(unit, brand.id, email=draft.email, name=draft.name, role=draft.role)
        detail = {"role": draft.role.value}
        record(unit, brand.id, actor=by, action="add_staff", subject=f"staff {member.id}", detail=detail)
    text = f"{draft.email} works for {brand.slug} as {draft.role}. `goodword brand sign-in` prints a link."
    answer({"id": member.id, "email": draft.email, "role": draft.role.value}, text, as_json=as_json)


@command.command("sign-in")
@click.argument("email")
@brand_option
@by_option
@json_option
def sign_in(email: str, *, slug: str | None, by: str, as_json: bool) -> None:
    """Print a link that signs EMAIL in as staff, for an installation that sends no mail."""
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        login = login_by_email(unit, email)
        rooms = rooms_of(unit, login.id).staff if login else ()
        if login is None or brand.id not in {one.brand.id for one in rooms}:
            remedy = "Add them first: goodword brand staff add EMAIL --role …"
            raise InputError(f"{email} does not work for {brand.slug}.", field="email", remedy=remedy)
        link = sign_in_link(unit, login, goodword=goodword)
        record(unit, brand.id, actor=by, action="print_sign_in_link", subject=f"login {login.id}")
    answer({"sign_in": link}, f"{link}\n{ONCE}", as_json=as_json)
