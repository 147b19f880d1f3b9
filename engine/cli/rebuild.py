"""`goodword rebuild --check`: replay the recorded facts and compare the books to the last unit."""

import sys
import time
from dataclasses import asdict

import click

from engine.bootstrap import start
from engine.cli.common import brand_option, chosen_brand, json_option, write_json
from engine.rebuild.moments import count_facts
from engine.rebuild.run import MOST, Rebuilt, rebuild


@click.command("rebuild")
@click.option("--check", is_flag=True, help="Compare; the records and the books stay as they are.")
@brand_option
@json_option
@click.pass_context
def command(context: click.Context, *, check: bool, slug: str | None, as_json: bool) -> None:
    """Replay the recorded facts into an empty temporary database and compare; exit code 1 where anything differs."""
    if not check:
        raise click.UsageError("Only checking is offered: goodword rebuild --check. Books are corrected by booking.")
    goodword = start()
    try:
        brand = chosen_brand(goodword, slug)
        with goodword.database.reading() as unit:
            facts = count_facts(unit, brand.id)
        began = time.perf_counter()
        with click.progressbar(length=facts, label="Replaying", file=sys.stderr) as bar:
            found = rebuild(
                goodword.database, goodword.plugins, brand_id=brand.id, keyring=goodword.keyring, progress=bar.update
            )
        elapsed = time.perf_counter() - began
    finally:
        goodword.close()
    if as_json:
        write_json(
            {
                "brand": brand.slug,
                "same": found.same,
                "replayed": dict(found.replayed),
                "compared": dict(found.compared),
                "differences": found.differences,
                "shown": [asdict(difference) for difference in found.shown],
                "elapsed_s": round(elapsed, 3),
                "facts_per_s": round(facts / elapsed),
            }
        )
    else:
        _print(brand.slug, found)
    if not found.same:
        context.exit(1)


def _print(slug: str, found: Rebuilt) -> None:
    for difference in found.shown:
        click.echo(str(difference))
    if found.differences > MOST:
        click.echo(f"… and {found.differences - MOST:,} more.")
    replayed, compared = _counted(found.replayed), _counted(found.compared)
    verdict = "The books are what the records make them." if found.same else f"Differences: {found.differences:,}."
    click.echo(f"{slug}: replayed {replayed}; compared {compared}. {verdict}")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in counts.items()) or "nothing"
