"""A small brand whose scopes are booked by hand: head, row and ledger, as the pipeline writes them."""

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from engine.enrollment.tables import Enrollment, EnrollmentState
from engine.identity.tables import Ambassador, Brand
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.ids import new_id
from engine.ledger.queries import balances
from engine.ledger.rules import AccountRef, TransactionDraft, move
from engine.ledger.service import post
from engine.ledger.tables import AccountKind
from engine.payouts.service import set_minimum
from engine.payouts.verify import verify_rows
from engine.programs.tables import Program, ProgramState
from engine.rewards.tables import Commission, CommissionReason, RewardScope, ScopeState, SubjectKind

MARCH_2 = date(2026, 3, 2)


@dataclass
class Books:
    """A brand in `db`, with its programs and ambassadors by name."""

    db: Database
    brand: UUID
    programs: dict[str, UUID] = field(default_factory=dict)
    ambassadors: dict[str, UUID] = field(default_factory=dict)
    enrollments: dict[tuple[str, str], UUID] = field(default_factory=dict)

    def enroll(self, name: str, program: str = "main") -> UUID:
        """Put ambassador `name` into `program`, both made where they are missing."""
        return self.db.run(lambda unit: self._enroll(unit, name, program))

    def book(
        self, name: str, *amounts: int, currency: str = "EUR", program: str = "main", state: str = "approved"
    ) -> UUID:
        """Book `amounts`, one row each, in a scope of its own and return the scope's id."""
        return self.db.run(
            lambda unit: self.book_in(unit, name, *amounts, currency=currency, program=program, state=state)
        )

    def add(self, scope_id: UUID, amount: int) -> UUID:
        """Book one more row in a scope; a settled one is approved again. Return the row's id."""
        return self.db.run(lambda unit: book_row(unit, self.brand, scope_id, amount))

    def approve(self, scope_id: UUID) -> None:
        """Move a pending scope to approved."""
        self.db.run(lambda unit: approve_scope(unit, self.brand, scope_id))

    def hold(self, scope_id: UUID, reason: str | None) -> None:
        """Put a hold on a scope, or lift it."""
        self._set(RewardScope, scope_id, hold_reason=reason)

    def put(self, name: str, state: EnrollmentState, program: str = "main") -> None:
        """Put an enrollment into a state."""
        self._set(Enrollment, self.enrollments[name, program], state=state.value)

    def minimum(self, currency: str, minor: int) -> None:
        """Set the brand's minimum."""
        self.db.run(lambda unit: set_minimum(unit, self.brand, currency=currency, minimum_minor=minor, by="Finance"))

    def accounts(self, name: str, currency: str = "EUR") -> dict[str, int]:
        """What the ledger says that an ambassador's accounts hold, without those that hold nothing."""
        with self.db.reading() as unit:
            rows = balances(unit, self.brand, owner=self.ambassadors[name].hex)
        return {row.kind.value: row.balance_minor for row in rows if row.asset == currency and row.balance_minor}

    def state(self, scope_id: UUID) -> str:
        """In which state a scope is."""
        with self.db.reading() as unit:
            scope = unit.session.get(RewardScope, scope_id)
        assert scope
        return scope.state

    def check(self) -> None:
        """Nothing is wrong with rows and ledger."""
        with self.db.reading() as unit:
            assert verify_rows(unit, self.brand) == ()

    def _set(self, table, key, **values) -> None:
        def work(unit: UnitOfWork) -> None:
            unit.execute(update(table).where(col(table.id) == key).values(**values))

        self.db.run(work)

    def _enroll(self, unit: UnitOfWork, name: str, program: str) -> UUID:
        if (name, program) in self.enrollments:
            return self.enrollments[name, program]
        if program not in self.programs:
            number = len(self.programs) + 1
            self.programs[program] = _added(
                unit,
                Program(
                    brand_id=self.brand,
                    slug=program,
                    name=program,
                    currency="EUR",
                    time_zone="UTC",
                    priority=number,
                    state=ProgramState.OPEN,
                    created_at=unit.now,
                ),
            )
        if name not in self.ambassadors:
            email = f"{name.lower()}@example.com"
            self.ambassadors[name] = _added(
                unit,
                Ambassador(
                    brand_id=self.brand,
                    name=name,
                    email=email,
                    email_key=email,
                    email_hash="0" * 32,
                    created_at=unit.now,
                ),
            )
        self.enrollments[name, program] = _added(
            unit,
            Enrollment(
                brand_id=self.brand,
                program_id=self.programs[program],
                ambassador_id=self.ambassadors[name],
                state=EnrollmentState.ACTIVE,
                created_at=unit.now,
                changed_at=unit.now,
            ),
        )
        return self.enrollments[name, program]

    def book_in(
        self,
        unit: UnitOfWork,
        name: str,
        *amounts: int,
        currency: str = "EUR",
        program: str = "main",
        state: str = "approved",
    ) -> UUID:
        """Book in a unit that is open."""
        enrollment = self._enroll(unit, name, program)
        scope_id = _added(
            unit,
            RewardScope(
                brand_id=self.brand,
                enrollment_id=enrollment,
                ambassador_id=self.ambassadors[name],
                program_id=self.programs[program],
                terms_id=new_id(),
                reward="cash",
                subject_kind=SubjectKind.ORDER,
                subject=new_id().hex,
                asset=currency,
                seq=0,
                booked_minor=0,
                base_minor=0,
                period_base_minor=0,
                period_accrued_minor=0,
                due_at=unit.now,
                state=ScopeState(state).value,
            ),
        )
        for amount in amounts:
            book_row(unit, self.brand, scope_id, amount)
        return scope_id


def open_books(db: Database, *, minimum: int = 2_500) -> Books:
    """Return a new brand in `db` that pays out euros from `minimum` cents on."""

    def work(unit: UnitOfWork) -> UUID:
        return _added(unit, Brand(slug=new_id().hex, name="Tea House", created_at=unit.now))

    books = Books(db, db.run(work))
    books.minimum("EUR", minimum)
    return books


def book_row(unit: UnitOfWork, brand_id: UUID, scope_id: UUID, amount: int) -> UUID:
    """Book one row in a scope: pending scopes against `pending`, others against `payable`."""
    scope = unit.session.get(RewardScope, scope_id, populate_existing=True)
    assert scope
    if scope.state == ScopeState.SETTLED:
        scope.state = ScopeState.APPROVED
    scope.seq, scope.booked_minor = scope.seq + 1, scope.booked_minor + amount
    place = AccountKind.PENDING if scope.state == ScopeState.PENDING else AccountKind.PAYABLE
    entry = move(
        amount,
        frm=AccountRef(AccountKind.EXPENSE, asset=scope.asset),
        to=AccountRef(place, owner=scope.ambassador_id.hex, asset=scope.asset),
    )
    (transaction,) = post(unit, brand_id, [TransactionDraft(f"{scope_id.hex}:{scope.seq}", "book", (entry,))])
    return _added(
        unit,
        Commission(
            brand_id=brand_id,
            scope_id=scope_id,
            seq=scope.seq,
            ambassador_id=scope.ambassador_id,
            program_id=scope.program_id,
            asset=scope.asset,
            amount_minor=amount,
            reason=CommissionReason.ACCRUAL if amount > 0 else CommissionReason.REVERSAL,
            explanation={},
            transaction_id=transaction,
            booked_at=unit.now,
        ),
    )


def approve_scope(unit: UnitOfWork, brand_id: UUID, scope_id: UUID) -> None:
    """Move a pending scope and its money to approved."""
    scope = unit.session.get(RewardScope, scope_id, populate_existing=True)
    assert scope
    scope.state = ScopeState.APPROVED
    if scope.booked_minor:
        owner = scope.ambassador_id.hex
        entry = move(
            scope.booked_minor,
            frm=AccountRef(AccountKind.PENDING, owner=owner, asset=scope.asset),
            to=AccountRef(AccountKind.PAYABLE, owner=owner, asset=scope.asset),
        )
        post(unit, brand_id, [TransactionDraft(f"{scope_id.hex}:approve", "approve", (entry,))])
    unit.session.flush()


def _added(unit: UnitOfWork, row) -> UUID:
    unit.session.add(row)
    unit.session.flush()
    found: UUID = row.id
    return found
