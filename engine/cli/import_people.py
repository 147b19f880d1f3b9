"""`goodword import ambassadors` and `goodword import codes`: what a brand has already comes in from a CSV file."""

from dataclasses import asdict
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from engine.bootstrap import Goodword
from engine.cli.common import at_brand, brand_option, by_option, json_option, write_json
from engine.kernel.errors import RowProblem
from engine.programs.queries import program_by_slug
from engine.tracking.codes.imports import TakenIn, Target, import_ambassadors, import_codes

ROWS_REFUSED: Final = 2
SHOWN_IN_JSON: Final = 1_000

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
program_option = click.option("--program", required=True, metavar="SLUG", help="Into which program.")


class Told:
    """The problems of a file: printed as they are met, or kept for the JSON answer."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._kept: list[RowProblem] = []

    def tell(self, problem: RowProblem) -> None:
        """Take one problem."""
        if not self._as_json:
            click.echo(str(problem), err=True)
        elif len(self._kept) < SHOWN_IN_JSON:
            self._kept.append(problem)

    def report(self, taken: TakenIn, what: str) -> int:
        """Write the answer and return the exit code."""
        if self._as_json:
            write_json(asdict(taken) | {"problems": [asdict(problem) for problem in self._kept]})
        else:
            click.echo(f"{taken.new:,} {what} new, {taken.known:,} there before, {taken.refused:,} rows refused.")
        return ROWS_REFUSED if taken.refused else 0


@click.command()
@file_argument
@program_option
@brand_option
@by_option
@json_option
@click.pass_context
def ambassadors(context: click.Context, file: Path, *, program: str, slug: str | None, by: str, as_json: bool) -> None:
    """Let in everybody in FILE, a CSV file with the columns name, email and, where they have one, code.

    Who has no code gets one. Rows that are wrong are printed, the others go in; running the same file again changes
    nothing. Orders placed before now are credited to nobody.

    Exit code: 0 when every row went in or was there already, 2 when rows were refused (the others went in), 1 when the
    file could not be read at all.
    """
    told = Told(as_json=as_json)
    with at_brand(slug) as (goodword, brand), file.open(encoding="utf-8", newline="") as opened:
        target = _target(goodword, brand.id, program=program, file=file, by=by)
        taken = import_ambassadors(goodword.database, target, file=opened, keyring=goodword.keyring, tell=told.tell)
        goodword.tell_events()  # draws the codes that are missing
    context.exit(told.report(taken, "ambassadors"))


@click.command()
@file_argument
@program_option
@brand_option
@by_option
@json_option
@click.pass_context
def codes(context: click.Context, file: Path, *, program: str, slug: str | None, by: str, as_json: bool) -> None:
    """Take in the shop's promo codes in FILE, a CSV file with the columns code and, where somebody owns it, email.

    Rows that are wrong are printed, the others go in; running the same file again changes nothing. Orders placed before
    now are credited to nobody.

    Exit code: as for ambassadors.
    """
    told = Told(as_json=as_json)
    with at_brand(slug) as (goodword, brand), file.open(encoding="utf-8", newline="") as opened:
        target = _target(goodword, brand.id, program=program, file=file, by=by)
        taken = import_codes(goodword.database, target, file=opened, tell=told.tell)
    context.exit(told.report(taken, "codes"))


def _target(goodword: Goodword, brand_id: UUID, *, program: str, file: Path, by: str) -> Target:
    with goodword.database.reading() as unit:
        return Target(brand_id, program_by_slug(unit, brand_id, slug=program).id, file.name, by)
