"""`goodword explain`: why a commission or an order came out as it did, the sentence first."""

from dataclasses import asdict

import click

from engine.bootstrap import start
from engine.cli.common import brand_option, chosen_brand, json_option, write_json
from engine.cli.telling import tell
from engine.insights.explain import explain


@click.command("explain")
@click.argument("what", metavar="COMMISSION_OR_ORDER")
@brand_option
@json_option
def command(what: str, *, slug: str | None, as_json: bool) -> None:
    """Say why COMMISSION_OR_ORDER came out as it did: a commission's id, an order's id, or the shop's own number."""
    goodword = start()
    try:
        brand = chosen_brand(goodword, slug)
        with goodword.database.reading() as unit:
            found = explain(unit, brand.id, what=what)
    finally:
        goodword.close()
    if as_json:
        sentences = [said.in_english(found.zone) for said in found.sentences]
        write_json({**asdict(found), "sentences": sentences})
        return
    for line in tell(found):
        click.echo(line)
