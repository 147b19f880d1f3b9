"""Runs payouts from decision to rail: the books first, then the rail, which is asked with no transaction open.

Writing a file pays nobody. It can be asked for again at any time; a payout counts as paid when somebody confirms it.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from engine.identity.tables import Ambassador
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.errors import ConflictError
from engine.kernel.tables import table_of
from engine.payouts.queries import PAYOUT, BatchRow, batch_by_id
from engine.payouts.rules import OVER
from engine.payouts.service import pay_batch
from engine.plugin_api import PaymentFile, PayoutView
from engine.plugin_host.answers import ask_payment_file
from engine.plugin_host.registry import PluginHost
from engine.plugin_host.service import settings_for


@dataclass(frozen=True, slots=True)
class Run:
    """A batch that was submitted, and the file that its rail made of it."""

    batch: BatchRow
    file: PaymentFile


def run_payouts(database: Database, host: PluginHost, *, brand_id: UUID, rail: str, by: str, keyring: Keyring) -> Run:
    """Pay everybody who can be paid now over `rail`: submit a batch, then ask the rail for its file.

    Should the rail fail, the batch stays submitted and `payment_file` asks again.

    Raises:
        UnknownPluginNounError: there is no such rail; nothing was submitted.
        PayoutsFrozenError: the brand's payouts stand still.
        NothingToPayError: nobody can be paid now.
        PluginFailedError: the rail failed after the batch was submitted.
    """
    host.payout_rail(rail)
    batch = database.run(lambda unit: pay_batch(unit, brand_id, rail=rail, by=by))
    return Run(batch, payment_file(database, host, brand_id=brand_id, batch_id=batch.id, keyring=keyring))


def payment_file(
    database: Database, host: PluginHost, *, brand_id: UUID, batch_id: UUID, keyring: Keyring
) -> PaymentFile:
    """Return the file of a submitted batch: the same bytes each time, while no payout of it failed or came back.

    Those that failed or came back are left out: their money goes with another batch, and a file that is taken to the
    bank again must not pay it twice.

    Raises:
        NotFoundError: the brand has no such batch.
        ConflictError: the batch is a draft.
        UnknownPluginNounError: no active plugin registers the batch's rail.
        PluginFailedError: the rail failed.
    """
    with database.reading() as unit:
        batch = batch_by_id(unit, brand_id, batch_id=batch_id)
        registered = host.payout_rail(batch.rail)
        settings = settings_for(unit, brand_id, plugin=registered.plugin, host=host, keyring=keyring)
        payouts = _views(unit, brand_id, batch_id)
    if batch.submitted_at is None:
        raise ConflictError(f"Batch {batch.reference} is a draft. Submit it first; its file comes after.")
    reference, day = batch.reference, batch.submitted_at.date()
    return ask_payment_file(registered, payouts, batch_reference=reference, day=day, settings=settings)


def _views(unit: UnitOfWork, brand_id: UUID, batch_id: UUID) -> tuple[PayoutView, ...]:
    person = table_of(Ambassador)
    statement = (
        select(PAYOUT.c.reference, person.c.name, person.c.email, PAYOUT.c.currency, PAYOUT.c.amount_minor)
        .join_from(PAYOUT, person, person.c.id == PAYOUT.c.ambassador_id)
        .where(PAYOUT.c.brand_id == brand_id, PAYOUT.c.batch_id == batch_id, PAYOUT.c.state.not_in(list(OVER)))
    )
    return tuple(sorted((PayoutView(*row) for row in unit.execute(statement)), key=lambda view: view.reference))
