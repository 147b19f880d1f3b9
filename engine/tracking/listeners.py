"""What promo codes and links do when something else happened."""

from uuid import UUID

from engine.enrollment.queries import enrollments
from engine.enrollment.tables import EnrollmentState
from engine.kernel.database import UnitOfWork
from engine.outbox.dispatch import ToldEvent
from engine.programs.queries import program
from engine.programs.tables import ProgramState
from engine.tracking.codes.queries import codes_of, expired_at, owner_as_of
from engine.tracking.codes.service import issue_code
from engine.tracking.links.service import first_link
from engine.tracking.pages.service import refresh_page


def on_enrollment_approved(event: ToldEvent, unit: UnitOfWork) -> None:
    """Give somebody who was approved a drawn code of their own, and a link where the program has a home address.

    Nothing happens where they own a live code or ever had a link, so that being told twice has the effect of once; and
    where they are no longer active or the program was closed meanwhile.
    """
    enrollment_id = UUID(event.payload["enrollment_id"])
    found = enrollments(unit, event.brand_id, enrollment_ids=[enrollment_id]).get(enrollment_id)
    if found is None or found.state is not EnrollmentState.ACTIVE:
        return
    if program(unit, event.brand_id, program_id=found.program_id).state is ProgramState.CLOSED:
        return
    codes = codes_of(unit, event.brand_id, enrollment_ids=[enrollment_id])
    if not any(owner_as_of(code, unit.now) == enrollment_id and not expired_at(code, unit.now) for code in codes):
        issue_code(unit, event.brand_id, program_id=found.program_id, enrollment_id=enrollment_id, by="goodword")
    first_link(unit, event.brand_id, enrollment_id=enrollment_id, by="goodword")


def on_enrollment_changed(event: ToldEvent, unit: UnitOfWork) -> None:
    """Let caches look again whether somebody's page is to be seen: only that of an active ambassador is."""
    refresh_page(unit, event.brand_id, enrollment_id=UUID(event.payload["enrollment_id"]))
