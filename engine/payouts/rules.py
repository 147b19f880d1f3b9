"""Who is paid how much, and which steps a payout may take.

Pure. A payout takes everything of one ambassador in one currency that is approved, unpaid and not kept back, of both
signs, or nothing. Amounts are minor units; currencies never meet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from engine.kernel.errors import InputError, InvalidTransitionError
from engine.kernel.money import Currency, Money, exponent_of
from engine.ledger.tables import AccountKind
from engine.payouts.tables import PayoutState

_S = PayoutState

STEPS: Final[dict[PayoutState, frozenset[PayoutState]]] = {
    _S.DRAFT: frozenset({_S.SUBMITTED}),
    _S.SUBMITTED: frozenset({_S.PAID, _S.FAILED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.PAID, _S.FAILED}),
    _S.PAID: frozenset({_S.RETURNED}),
    _S.FAILED: frozenset(),
    _S.RETURNED: frozenset(),
}
"""Every step there is. A failed or returned payout is over: its rows are paid by another one."""

PLACES: Final[dict[PayoutState, AccountKind]] = {
    _S.DRAFT: AccountKind.PAYABLE,
    _S.SUBMITTED: AccountKind.IN_TRANSIT,
    _S.UNKNOWN: AccountKind.IN_TRANSIT,
    _S.PAID: AccountKind.PAID_OUT,
    _S.FAILED: AccountKind.PAYABLE,
    _S.RETURNED: AccountKind.PAYABLE,
}
"""In which of the ambassador's accounts the money of a payout stands."""

VERBS: Final = {
    _S.SUBMITTED: "submit",
    _S.PAID: "confirm",
    _S.FAILED: "fail",
    _S.UNKNOWN: "park",
    _S.RETURNED: "return",
}
"""What a step into a state is called, in ledger keys and the audit log."""

OVER: Final = frozenset({_S.FAILED, _S.RETURNED})
"""States in which a payout holds its rows no longer."""


class Cause(StrEnum):
    """Why something is not paid now."""

    FROZEN = "frozen"
    HELD = "held"
    SUSPENDED = "suspended"
    NO_MINIMUM = "no_minimum"
    NEGATIVE = "negative"
    BELOW_MINIMUM = "below_minimum"


@dataclass(frozen=True, slots=True)
class OpenAmount:
    """The approved, unpaid rows of one enrollment with one hold (or none), in one currency, summed."""

    ambassador_id: UUID
    ambassador_name: str
    currency: str
    enrollment_id: UUID
    suspended: bool
    hold_reason: str | None
    amount_minor: int
    rows: int


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A part of the open amount that is left out, and the sentence that says why."""

    amount_minor: int
    rows: int
    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one ambassador would be paid in one currency. `cause` and `reason` are set when nothing is paid."""

    ambassador_id: UUID
    ambassador_name: str
    currency: str
    amount_minor: int
    rows: int
    kept_back: tuple[KeptBack, ...]
    cause: Cause | None
    reason: str | None

    @property
    def pays(self) -> bool:
        """Whether a payout would be made."""
        return self.cause is None


def propose(amounts: Sequence[OpenAmount], *, minimum_minor: int | None, frozen: str | None) -> Proposal:
    """Judge everything that is open for one ambassador in one currency.

    `minimum_minor` None means that the brand does not pay out this currency; `frozen` is why the brand's payouts stand
    still. What is kept back covers rows of either sign (DESIGN, section 3, "Life").
    """
    clear = clear_amounts(amounts)
    kept = tuple(_kept(amount) for amount in amounts if amount not in clear)
    first, total = amounts[0], sum(amount.amount_minor for amount in clear)
    verdict = _refusal(total, first.currency, minimum_minor=minimum_minor, frozen=frozen)
    if not clear:
        verdict = (kept[0].cause, kept[0].reason)
    cause, reason = verdict or (None, None)
    rows = sum(amount.rows for amount in clear)
    return Proposal(first.ambassador_id, first.ambassador_name, first.currency, total, rows, kept, cause, reason)


def clear_amounts(amounts: Iterable[OpenAmount]) -> tuple[OpenAmount, ...]:
    """Return what is neither held nor frozen by a suspension.

    A suspension freezes what an enrollment is owed, never what it owes: one that nets below zero is set off against
    the ambassador's other programs, or suspending somebody would forgive them a debt.
    """
    free = [amount for amount in amounts if amount.hold_reason is None]
    owed = {amount.enrollment_id: 0 for amount in free}
    for amount in free:
        owed[amount.enrollment_id] += amount.amount_minor
    return tuple(amount for amount in free if not amount.suspended or owed[amount.enrollment_id] < 0)


def is_new_step(state: str, to: PayoutState) -> bool:
    """Tell whether a payout in `state` has yet to go `to`; False when it is there already.

    Raises:
        InvalidTransitionError: there is no such step.
    """
    if state == to:
        return False
    if to not in STEPS[PayoutState(state)]:
        raise InvalidTransitionError("payout", state=state, asked=to.value)
    return True


def default_minimum(currency: str) -> int:
    """Return the minimum that a brand starts with, 25 major units, in minor units (PRODUCT, defaults).

    Raises:
        MoneyError: no such active currency.
    """
    return int(25 * 10 ** exponent_of(currency))


def given_reason(text: str | None) -> str:
    """Return the reason that somebody gave, without blanks around it.

    Raises:
        InputError: there is none, or it is longer than 500 characters.
    """
    reason = (text or "").strip()
    if not reason or len(reason) > 500:
        raise InputError("A reason is needed, in at most 500 characters.", field="reason")
    return reason


def check_paid_on(day: date, *, submitted_at: datetime, now: datetime) -> None:
    """Refuse a day on which this payout cannot have been paid; one day more either way allows for time zones.

    Raises:
        InputError: before the payout was submitted, or in the future.
    """
    if day > now.date() + timedelta(days=1):
        raise InputError(f"{day} has not come yet.", field="paid_on", remedy="Give the day on the bank statement.")
    if day < submitted_at.date() - timedelta(days=1):
        raise InputError(
            f"{day} is before {submitted_at.date()}, when the payout was submitted.",
            field="paid_on",
            remedy="Give the day on the bank statement.",
        )


def _kept(amount: OpenAmount) -> KeptBack:
    if amount.hold_reason is not None:
        return KeptBack(amount.amount_minor, amount.rows, Cause.HELD, f"Held: {amount.hold_reason}")
    sentence = "The enrollment is suspended; its payouts are frozen."
    return KeptBack(amount.amount_minor, amount.rows, Cause.SUSPENDED, sentence)


def _refusal(total: int, currency: str, *, minimum_minor: int | None, frozen: str | None) -> tuple[Cause, str] | None:
    if frozen is not None:
        return Cause.FROZEN, f"The brand's payouts are frozen: {frozen}"
    if minimum_minor is None:
        return Cause.NO_MINIMUM, f"No minimum is set for {currency}, so {currency} is not paid out. Set one first."
    if total < 0:
        return Cause.NEGATIVE, f"The balance is {_money(total, currency)}; it is set off against what comes next."
    if total < max(minimum_minor, 1):
        minimum = _money(minimum_minor, currency)
        return Cause.BELOW_MINIMUM, f"{_money(total, currency)} is below the minimum of {minimum}; it carries over."
    return None


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, Currency(currency)))
