"""What happens in shops when codes, terms or ambassadors change: a wish is written, and pushed soon after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.connections.codes.push import CodePusher
from engine.connections.codes.service import want_codes
from engine.jobs.service import enqueue
from engine.kernel.database import UnitOfWork
from engine.outbox.dispatch import ToldEvent
from engine.tracking.codes.queries import codes_of

SURVEY = "survey_codes"
"""The job that looks at every promo code of the brand in its arguments."""


@dataclass(frozen=True, slots=True)
class CodeListeners:
    """Listens for `pusher`, which knows which shops take codes."""

    pusher: CodePusher

    def on_codes_changed(self, event: ToldEvent, unit: UnitOfWork) -> None:
        """Codes were issued, given to somebody else, released, or let end."""
        self._want(unit, event.brand_id, [UUID(text) for text in event.payload["promo_code_ids"]])

    def on_enrollment_changed(self, event: ToldEvent, unit: UnitOfWork) -> None:
        """Somebody was suspended, reinstated, or left: what they own is worth something in shops, or nothing."""
        codes = codes_of(unit, event.brand_id, enrollment_ids=[UUID(event.payload["enrollment_id"])])
        self._want(unit, event.brand_id, [code.id for code in codes])

    def on_terms_published(self, event: ToldEvent, unit: UnitOfWork) -> None:
        """The customer's discount may be another one from the day on from which the terms hold."""
        at = datetime.fromisoformat(event.payload["effective_at"])
        arguments = {"brand_id": str(event.brand_id)}
        enqueue(unit, SURVEY, arguments, key=f"{SURVEY}:{event.id}", run_at=max(at, unit.now))

    def on_shop_changed(self, event: ToldEvent, unit: UnitOfWork) -> None:
        """A shop was connected, or switched on."""
        enqueue(unit, SURVEY, {"brand_id": str(event.brand_id)}, key=f"{SURVEY}:{event.id}")

    def _want(self, unit: UnitOfWork, brand_id: UUID, code_ids: Sequence[UUID]) -> None:
        targets = self.pusher.targets(unit, brand_id)
        if targets and code_ids:
            want_codes(unit, brand_id, code_ids=code_ids, connection_ids=targets)
