"""Whom an order's signals point to, and how each of them stood at the instant of the order: all candidates, judged.

Pure. Everything is as of `placed_at`: owners, states, terms. Whether a customer is new follows from the brand's orders
alone; of an order that is not paid it is not asked, since it owes nothing and others may still come before it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from engine.attribution.rules import Clicked, Pointer, Standing
from engine.enrollment.rules import earns_at
from engine.intake.queries import FirstOrder, OrderRecord
from engine.intake.rules import instant
from engine.pipeline.touches import NO_TOUCHES
from engine.pipeline.workset import Link, LinkKey, Workset
from engine.plugin_api import Signal
from engine.programs.queries import ProgramRow, TermsVersion
from engine.programs.schemas import DEFAULT_MODEL
from engine.tracking.clicks.queries import ClickRow
from engine.tracking.codes.queries import CodeRow, expired_at, owner_as_of
from engine.tracking.codes.rules import lookup_key

Firsts = Mapping[str, FirstOrder | None]
"""The first order of each customer of a batch; None for one who has no paid order left."""


def direct_pointers(order: OrderRecord, work: Workset, *, firsts: Firsts) -> tuple[Pointer, ...]:
    """Return whom the order's codes point to, in the shop's order, each once, and then its clicks, oldest first."""
    found: dict[str, Pointer] = {}
    for text in order.payload.get("codes", ()):
        key = lookup_key(text)
        code = work.codes.get(key) if key else None
        if code is None:
            found.setdefault(key or text, Pointer(Signal.CODE, Standing.UNKNOWN, order.placed_at, code=text[:40]))
        else:
            found.setdefault(code.code_key, _code_pointer(order, code, work, firsts=firsts))
    return (*found.values(), *_click_pointers(order, work, firsts=firsts))


def link_pointers(
    order: OrderRecord, work: Workset, *, links: Mapping[LinkKey, Link | None], firsts: Firsts
) -> Iterator[Pointer]:
    """Yield whom the customer's links point to: made by an earlier order, and still within the program's days."""
    for program in work.programs:
        link = links.get((program.id, order.customer_key or ""))
        terms = work.terms_at(program, order.placed_at)
        if link is None or terms is None or link.place >= order.place:
            continue
        days = terms.document.attribution.customer_link_days
        if days is None or (days and order.placed_at >= link.place[0] + timedelta(days=days)):
            continue
        person = work.people.get(link.enrollment_id)
        yield Pointer(
            Signal.CUSTOMER_LINK,
            _standing(order, link.enrollment_id, work, firsts=firsts),
            link.place[0],
            program_id=program.id,
            enrollment_id=link.enrollment_id,
            ambassador_id=person.ambassador_id if person else None,
        )


def first_seen(order: OrderRecord, work: Workset, *, firsts: Firsts) -> datetime | None:
    """Return when the customer was first seen without any click before; None where nobody knows, or a click came first.

    The shop's first sight of the visitor, or the customer's first order where this is a later one. Shops tell whole
    seconds, so a click within the same second came first.
    """
    seen = [instant(order.payload, "first_seen_at")]
    first = firsts.get(order.customer_key) if order.customer_key and order.paid_at else None
    if first is not None and first.place < order.place:
        seen.append(first.place[0])
    known = [at for at in seen if at is not None]
    if not known:
        return None
    clicks = work.touches.get(order.id, NO_TOUCHES).clicks
    first_click = min((click.at for click in clicks if click.is_visit), default=None)
    if first_click is not None and first_click.replace(microsecond=0) <= min(known):
        return None
    return min(known)


def past_matters(work: Workset) -> bool:
    """Tell whether a change of a customer's first order may change who is credited for all later ones.

    The default model does not look at when a customer was first seen; any other may.
    """
    policies = (version.document.attribution for versions in work.terms.values() for version in versions)
    return any(policy.model != DEFAULT_MODEL and Signal.CLICK in policy.signals for policy in policies)


def _code_pointer(order: OrderRecord, code: CodeRow, work: Workset, *, firsts: Firsts) -> Pointer:
    owner = owner_as_of(code, order.placed_at)
    standing = Standing.UNOWNED if owner is None else _standing(order, owner, work, firsts=firsts)
    if expired_at(code, order.placed_at):
        standing = Standing.EXPIRED
    person = work.people.get(owner) if owner else None
    return Pointer(
        Signal.CODE,
        standing,
        order.placed_at,
        program_id=code.program_id,
        enrollment_id=owner,
        ambassador_id=person.ambassador_id if person else None,
        promo_code_id=code.id,
        code=code.code,
    )


def _click_pointers(order: OrderRecord, work: Workset, *, firsts: Firsts) -> Iterable[Pointer]:
    touches = work.touches.get(order.id, NO_TOUCHES)
    if touches.unknown:
        yield Pointer(Signal.CLICK, Standing.UNKNOWN, order.placed_at)
    for click in touches.clicks:
        yield _click_pointer(order, click, work, firsts=firsts)


def _click_pointer(order: OrderRecord, click: ClickRow, work: Workset, *, firsts: Firsts) -> Pointer:
    program = next(program for program in work.programs if program.id == click.program_id)
    terms = work.terms_at(program, order.placed_at)
    window_days = terms.document.attribution.click_window_days if terms else None
    before = order.placed_at - click.at
    person = work.people.get(click.enrollment_id)
    if not click.is_visit:
        standing = Standing.UNCOUNTED
    elif before < timedelta(0):
        standing = Standing.LATER
    elif window_days is not None and before >= timedelta(days=window_days):
        standing = Standing.EXPIRED
    else:
        standing = _standing(order, click.enrollment_id, work, firsts=firsts)
    return Pointer(
        Signal.CLICK,
        standing,
        click.at,
        program_id=click.program_id,
        enrollment_id=click.enrollment_id,
        ambassador_id=person.ambassador_id if person else None,
        clicked=Clicked(
            click.id, click.target, click.target_id, before // timedelta(seconds=1), window_days, click.reason
        ),
    )


def _standing(order: OrderRecord, enrollment_id: UUID, work: Workset, *, firsts: Firsts) -> Standing:
    person = work.people.get(enrollment_id)
    if person is None or not earns_at(person.changes, order.placed_at):
        return Standing.INACTIVE
    terms = _terms(work, person.program_id, order.placed_at)
    if terms is None:
        return Standing.NO_TERMS
    policy = terms.document.attribution
    if policy.new_customers_only and not _is_new(order, firsts):
        return Standing.RETURNING
    blocked = policy.self_purchase == "blocked"
    if blocked and order.customer_key is not None and person.email_hash == order.customer_key:
        return Standing.SELF
    return Standing.EARNING


def _terms(work: Workset, program_id: UUID, at: datetime) -> TermsVersion | None:
    program: ProgramRow = next(program for program in work.programs if program.id == program_id)
    return work.terms_at(program, at)


def _is_new(order: OrderRecord, firsts: Firsts) -> bool:
    """Tell whether this is the customer's first order; nobody knows of a customer without a name."""
    if order.customer_key is None:
        return False
    first = firsts.get(order.customer_key)
    return order.paid_at is None or (first is not None and first.order_id == order.id)
