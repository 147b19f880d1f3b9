"""`goodword payouts`: preview, run, confirm, what failed or came back, and the freeze."""

import getpass
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click

from engine.bootstrap import start
from engine.cli.common import brand_option, chosen_brand, json_option, write_json
from engine.kernel.database import UnitOfWork
from engine.kernel.money import Currency, Money, parse_currency
from engine.payouts import queries, service, steps
from engine.payouts.open import preview as preview_of
from engine.payouts.queries import PayoutRow
from engine.payouts.rules import Proposal
from engine.payouts.run import payment_file, run_payouts
from engine.payouts.service import NothingToPayError

T = TypeVar("T")

reason_option = click.option("--reason", required=True, help="Why; it is kept with the payout.")


@click.group()
def command() -> None:
    """Preview, run and confirm payouts. Writing a payment file pays nobody: confirm what the bank paid."""


@command.command()
@brand_option
@json_option
def preview(slug: str | None, *, as_json: bool) -> None:
    """Say who would be paid now, and of everybody else why not."""
    with closing(start()) as goodword:
        brand = chosen_brand(goodword, slug)
        with goodword.database.reading() as unit:
            found = preview_of(unit, brand.id)
    if as_json:
        write_json({"totals": found.totals, "proposals": [_proposal(one) for one in found.proposals]})
        return
    for one in found.proposals:
        amount, outcome = _money(one.amount_minor, one.currency), one.reason or _count(one.rows, "row")
        click.echo(f"{'pays' if one.pays else 'not':5}{amount:>16}  {one.ambassador_name}: {outcome}")
        for kept in one.kept_back:
            click.echo(f"     {_money(kept.amount_minor, one.currency):>16}  kept back: {kept.reason}")
    totals = ", ".join(_money(minor, currency) for currency, minor in sorted(found.totals.items()))
    click.echo(f"{_count(len(found.payouts), 'payout')}, {totals or 'nothing to pay'}; {len(found.excluded)} left out.")


@command.command()
@click.option("--rail", default="payout_csv", show_default=True, help="Over which rail.")
@click.option("--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the file.")
@brand_option
@json_option
def run(slug: str | None, *, rail: str, path: Path | None, as_json: bool) -> None:
    """Submit a batch of everybody who can be paid now and write its payment file."""
    with closing(start()) as goodword:
        brand = chosen_brand(goodword, slug)
        try:
            done = run_payouts(
                goodword.database, goodword.plugins, brand_id=brand.id, rail=rail, by=_who(), keyring=goodword.keyring
            )
        except NothingToPayError as nothing:
            _say({"batch": None}, as_json=as_json, text=str(nothing))
            return
    target = path or Path(done.file.name)
    target.write_bytes(done.file.content)
    totals = {total.currency: total.amount_minor for total in done.batch.totals}
    answer = {"batch": done.batch.reference, "totals": totals, "file": str(target)}
    shown = ", ".join(_money(minor, currency) for currency, minor in totals.items())
    _say(answer, as_json=as_json, text=f"Batch {done.batch.reference}: {shown}. The payment file is {target}.")


@command.command("file")
@click.argument("batch")
@click.option("--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the file.")
@brand_option
def file_(batch: str, slug: str | None, *, path: Path | None) -> None:
    """Write the payment file of BATCH again. What failed or came back is left out."""
    with closing(start()) as goodword:
        brand = chosen_brand(goodword, slug)
        with goodword.database.reading() as unit:
            batch_id = queries.batch(unit, brand.id, reference=batch).id
        file = payment_file(
            goodword.database, goodword.plugins, brand_id=brand.id, batch_id=batch_id, keyring=goodword.keyring
        )
    target = path or Path(file.name)
    target.write_bytes(file.content)
    click.echo(f"The payment file is {target}.")


@command.command()
@click.argument("references", nargs=-1, metavar="REFERENCE...")
@click.option("--batch", help="Confirm every submitted payout of this batch.")
@click.option("--paid-on", type=click.DateTime(["%Y-%m-%d"]), help="The day on the bank statement; today if not given.")
@click.option("--reason", help="From what it is known, for payouts that were unknown.")
@brand_option
@json_option
def confirm(
    references: tuple[str, ...],
    *,
    slug: str | None,
    batch: str | None,
    paid_on: datetime | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Record that payouts were paid, by REFERENCE or a whole --batch."""
    if bool(references) == bool(batch):
        raise click.UsageError("Give either references or --batch.")

    def work(unit: UnitOfWork, brand_id: UUID) -> tuple[PayoutRow, ...]:
        day = (paid_on or unit.now).date()
        if batch:
            return steps.confirm_batch(unit, brand_id, reference=batch, paid_on=day, by=_who())
        return steps.confirm_payouts(unit, brand_id, references=references, paid_on=day, by=_who(), reason=reason)

    rows = _do(slug, work)
    _say({"payouts": [asdict(row) for row in rows]}, as_json=as_json, text=f"Paid: {_count(len(rows), 'payout')}.")


@command.command()
@click.argument("reference")
@reason_option
@brand_option
@json_option
def fail(reference: str, *, slug: str | None, reason: str, as_json: bool) -> None:
    """Record that a payout did not and will not arrive; its rows are open again."""
    _step(steps.fail_payout, slug, reference, reason=reason, as_json=as_json)


@command.command()
@click.argument("reference")
@reason_option
@brand_option
@json_option
def park(reference: str, *, slug: str | None, reason: str, as_json: bool) -> None:
    """Record that nobody knows whether a payout arrived; its money waits."""
    _step(steps.park_payout, slug, reference, reason=reason, as_json=as_json)


@command.command("return")
@click.argument("reference")
@reason_option
@brand_option
@json_option
def return_(reference: str, *, slug: str | None, reason: str, as_json: bool) -> None:
    """Record that a paid payout came back; its rows are open again."""
    _step(steps.return_payout, slug, reference, reason=reason, as_json=as_json)


@command.command()
@click.argument("currency")
@click.argument("amount")
@brand_option
@json_option
def minimum(currency: str, amount: str, *, slug: str | None, as_json: bool) -> None:
    """Set the least that is paid out in CURRENCY to AMOUNT, such as: minimum EUR 10.00. Less than that waits."""
    least = Money.parse(amount, parse_currency(currency))
    _do(
        slug,
        lambda unit, brand_id: service.set_minimum(
            unit, brand_id, currency=least.currency, minimum_minor=least.minor, by=_who()
        ),
    )
    told = {"currency": least.currency, "minimum_minor": least.minor}
    _say(told, as_json=as_json, text=f"The least that is paid out is {least}.")


@command.command()
@reason_option
@brand_option
def freeze(*, slug: str | None, reason: str) -> None:
    """Stop the brand's payouts until further notice."""
    _do(slug, lambda unit, brand_id: service.freeze_payouts(unit, brand_id, reason=reason, by=_who()))
    click.echo("Payouts are frozen.")


@command.command()
@reason_option
@brand_option
def unfreeze(*, slug: str | None, reason: str) -> None:
    """Let the brand's payouts go again."""
    _do(slug, lambda unit, brand_id: service.unfreeze_payouts(unit, brand_id, reason=reason, by=_who()))
    click.echo("Payouts go again.")


def _step(verb: Callable[..., PayoutRow], slug: str | None, reference: str, *, reason: str, as_json: bool) -> None:
    row = _do(slug, lambda unit, brand_id: verb(unit, brand_id, reference=reference, reason=reason, by=_who()))
    _say({"payout": asdict(row)}, as_json=as_json, text=f"Payout {row.reference} is {row.state}.")


def _do(slug: str | None, work: Callable[[UnitOfWork, UUID], T]) -> T:
    with closing(start()) as goodword:
        brand = chosen_brand(goodword, slug)
        return goodword.database.run(lambda unit: work(unit, brand.id))


def _say(answer: dict[str, Any], *, as_json: bool, text: str) -> None:
    if as_json:
        write_json(answer)
    else:
        click.echo(text)


def _proposal(one: Proposal) -> dict[str, Any]:
    return asdict(one) | {"pays": one.pays}


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, Currency(currency)))


def _who() -> str:
    return f"{getpass.getuser()} (command line)"
