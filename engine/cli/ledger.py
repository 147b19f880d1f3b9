"""`goodword ledger`: check, sum up and hand out the books."""

from dataclasses import asdict
from typing import TextIO

import click

from engine.bootstrap import start
from engine.cli.common import brand_option, chosen_brand, json_option, write_json
from engine.identity.queries import brands
from engine.kernel.currencies import EXPONENTS
from engine.kernel.money import Currency, Money
from engine.ledger.export import to_beancount
from engine.ledger.queries import AccountBalance, balances
from engine.ledger.verify import LedgerCounts, counts, verify
from engine.payouts.verify import verify_rows


@click.group()
def command() -> None:
    """Verify, sum up and export the books."""


@command.command("verify")
@click.option("--anchor", help="The hash of a sealed block that was kept elsewhere: it must still be there.")
@json_option
def verify_(anchor: str | None, *, as_json: bool) -> None:
    """Check the books of all brands, and that they equal the commission and payout rows; exit code 1 where not."""
    goodword = start()
    with goodword.database.reading() as unit:
        books, found = counts(unit), list(verify(unit, anchor=anchor))
        for brand in brands(unit):
            found += verify_rows(unit, brand.id)
    goodword.close()
    if as_json:
        violations = [asdict(violation) for violation in found]
        write_json({"ok": not found, "violations": violations, "counts": asdict(books)})
    else:
        for violation in found:
            click.echo(str(violation))
        click.echo(f"{_told(books)}: {f'{len(found)} wrong.' if found else 'all is well.'}")
        if books.head and not found:
            click.echo(f"Last block: {books.head}. Kept elsewhere, it shows later (--anchor) that nothing was cut off.")
    if found:
        raise SystemExit(1)


@command.command("balances")
@brand_option
@json_option
def balances_(slug: str | None, *, as_json: bool) -> None:
    """Show what every account of a brand holds: owed and paid to ambassadors, and spent."""
    goodword = start()
    brand = chosen_brand(goodword, slug)
    with goodword.database.reading() as unit:
        rows = balances(unit, brand.id)
    goodword.close()
    if as_json:
        write_json({"brand": brand.slug, "balances": [asdict(row) for row in rows]})
        return
    for row in rows:
        click.echo(f"{row.kind:<12}{row.owner or brand.slug:<34}{_amount(row):>20}")


@command.command()
@brand_option
@click.option("--format", "layout", type=click.Choice(["beancount"]), default="beancount", show_default=True)
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-", help="A file; stdout unless given.")
@json_option
def export(slug: str | None, layout: str, *, output: TextIO, as_json: bool) -> None:
    """Write a brand's books for another program to check; with --json, a summary of the file that was written."""
    if as_json and output.name == "<stdout>":
        raise click.UsageError("Give --output FILE beside --json: the books and the summary would mix on stdout.")
    goodword = start()
    brand = chosen_brand(goodword, slug)
    lines = 0
    with goodword.database.reading() as unit:
        for line in to_beancount(unit, brand.id, title=brand.name):
            output.write(f"{line}\n")
            lines += 1
    goodword.close()
    if as_json:
        write_json({"brand": brand.slug, "format": layout, "file": output.name, "lines": lines})


def _told(books: LedgerCounts) -> str:
    sealed = f"{books.blocks:,} blocks, {books.unsealed:,} transactions not sealed yet"
    return f"{books.transactions:,} transactions, {books.entries:,} entries ({sealed})"


def _amount(row: AccountBalance) -> str:
    if row.asset in EXPONENTS:
        return str(Money(row.balance_minor, Currency(row.asset)))
    return f"{row.balance_minor} {row.asset}"
