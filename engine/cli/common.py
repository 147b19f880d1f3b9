"""What commands share: which brand is meant, and how an answer is written."""

import json
from typing import Any

import click

from engine.bootstrap import Goodword
from engine.identity.queries import BrandView, brand_by_slug, brands
from engine.kernel.errors import InputError

brand_option = click.option("--brand", "slug", help="The brand's short name; not needed where there is only one.")
json_option = click.option("--json", "as_json", is_flag=True, help="Write one JSON object for a program to read.")


def chosen_brand(goodword: Goodword, slug: str | None) -> BrandView:
    """Return the brand that is meant.

    Raises:
        InputError: no such brand, or there are several and none was named.
    """
    with goodword.database.reading() as unit:
        if slug is not None:
            found = brand_by_slug(unit, slug)
            if found is None:
                raise InputError(f"There is no brand {slug!r}.", field="--brand")
            return found
        every = brands(unit)
    if len(every) != 1:
        names = ", ".join(brand.slug for brand in every) or "none yet"
        raise InputError("Which brand is meant?", field="--brand", remedy=f"Give one of: {names}.")
    return every[0]


def write_json(value: Any) -> None:
    """Write one JSON object on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))
