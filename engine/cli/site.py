"""`goodword brand site` and `goodword program tracking`: where links may lead, and how clicks are counted and kept."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import click

from engine.cli.common import answer, at_brand, brand_option, by_option, checked, json_option
from engine.kernel.errors import InputError
from engine.programs.queries import program_by_slug
from engine.tracking.site.queries import SiteRow, TrackingRow, kept_days, site_of, tracking_of
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from engine.tracking.site.tables import Consent, KeptAddress


@click.command("site")
@click.option(
    "--domain", "domains", multiple=True, metavar="HOST", help="A host that links may lead to; all are named."
)
@click.option("--colour", metavar="#RRGGBB", help="The brand's colour.")
@brand_option
@by_option
@json_option
def site(*, domains: tuple[str, ...], colour: str | None, slug: str | None, by: str, as_json: bool) -> None:
    """Say which hosts links and pages may lead to, and the brand's colour; without options, show what holds.

    A host includes those below it. http is for hosts of this machine or network only, such as localhost:3000. Whoever
    follows a link to a host that is no longer listed comes to the program's home address.
    """
    given = _given(domains=domains or None, colour=colour)
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        found = site_of(unit, brand.id)
        if given:
            kept = {"domains": found.domains, "colour": found.colour, "logo_id": found.logo_id}
            found = save_site(unit, brand.id, draft=checked(SiteDraft, **kept | given), by=by)
    answer(asdict(found), _site_in_words(found), as_json=as_json)


@click.command("tracking")
@click.argument("program")
@click.option("--home", "home_url", metavar="URL", help="Where links lead unless they say otherwise.")
@click.option("--consent", type=click.Choice([one.value for one in Consent]), help="Before a cookie is set.")
@click.option("--address", "kept_address", type=click.Choice([one.value for one in KeptAddress]), help="What is kept.")
@click.option("--count-window-h", type=int, metavar="HOURS", help="One click per visitor and link counts within.")
@click.option("--retention-days", type=int, metavar="DAYS", help="After how long clicks are deleted.")
@click.option(
    "--utm", "utm", multiple=True, metavar="NAME=TEXT", help="Added to addresses; {handle}, {code} … are filled."
)
@click.option("--no-utm", is_flag=True, help="Add nothing to addresses.")
@click.option("--disclosure", help="What pages and cards say about being paid for.")
@brand_option
@by_option
@json_option
def tracking(
    program: str,
    *,
    home_url: str | None,
    consent: str | None,
    kept_address: str | None,
    count_window_h: int | None,
    retention_days: int | None,
    utm: tuple[str, ...],
    no_utm: bool,
    disclosure: str | None,
    slug: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Say where the links of PROGRAM lead and how its clicks are counted and kept; without options, show what holds."""
    given = _given(
        home_url=home_url,
        consent=consent,
        kept_address=kept_address,
        count_window_h=count_window_h,
        retention_days=retention_days,
        utm={} if no_utm else read_pairs(utm, field="--utm") if utm else None,
        disclosure=disclosure,
    )
    with at_brand(slug) as (goodword, brand), goodword.database.unit() as unit:
        chosen = program_by_slug(unit, brand.id, slug=program)
        found = tracking_of(unit, brand.id, program_id=chosen.id)
        if given:
            kept = {name: getattr(found, name) for name in TrackingDraft.model_fields}
            draft = checked(TrackingDraft, **kept | given)
            found = save_tracking(unit, brand.id, program_id=chosen.id, draft=draft, by=by)
        days = kept_days(unit, brand.id, program_id=chosen.id)
    answer(
        {**asdict(found), "program": chosen.slug, "kept_days": days}, _tracking_in_words(found, days), as_json=as_json
    )


def read_pairs(texts: Collection[str], *, field: str) -> dict[str, str]:
    """Return what `NAME=TEXT` options say.

    Raises:
        InputError: one has no `=`.
    """
    pairs = [text.partition("=") for text in texts]
    for name, mark, _ in pairs:
        if not mark:
            raise InputError(f"{name!r} has no =.", field=field, remedy="Write it as utm_source=goodword.")
    return {name: text for name, _, text in pairs}


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _site_in_words(found: SiteRow) -> str:
    domains = ", ".join(found.domains) or "nowhere yet; name a host with --domain"
    return f"Links lead to: {domains}\nColour: {found.colour}"


def _tracking_in_words(found: TrackingRow, days: int) -> str:
    added = " ".join(f"{name}={text}" for name, text in found.utm.items())
    lines = [
        f"Links lead to: {found.home_url or 'nowhere yet; name an address with --home'}",
        f"Consent: {found.consent}; addresses are kept {found.kept_address}",
        f"One click per visitor and link counts within {found.count_window_h} hours; clicks are kept for {days} days",
        f"Added to addresses: {added or 'nothing'}",
        f"Disclosure: {found.disclosure}",
    ]
    return "\n".join(lines)
