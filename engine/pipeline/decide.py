"""Decides for a batch of orders who is credited, and how customers are linked to ambassadors.

Pure but for asking the attribution models. A customer's link comes from the earliest paid order credited by code or
click, and may itself change who is credited for later ones: decisions and links are worked out in turn, until the links
stand. An order depends on earlier ones only, so each turn settles at least one more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.attribution.rules import DecisionDraft, Pointer, case_of, decision_of, nobody
from engine.kernel.errors import GoodwordError
from engine.pipeline.pointers import Firsts, direct_pointers, first_seen, link_pointers
from engine.pipeline.workset import Link, LinkKey, Workset
from engine.plugin_api import AttributionCase, Signal, Verdict
from engine.programs.queries import ProgramRow, TermsVersion

Ask = Callable[[str, Sequence[AttributionCase]], Sequence[Verdict | GoodwordError]]
"""Asks the attribution model of that name, through the host's guard; an error in place of a verdict blocks an order."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of a batch, and the links that hold for its customers (None: the link is gone).

    `failed` are the orders for which there is no decision, with the reason.
    """

    decisions: Mapping[UUID, DecisionDraft]
    links: Mapping[LinkKey, Link | None]
    failed: Mapping[UUID, GoodwordError]


def decide(work: Workset, ask: Ask, *, firsts: Firsts) -> Decided:
    """Decide for every order of `work`. An order whose model failed or broke its contract is in `failed`.

    `firsts` are the first orders of the batch's customers.
    """
    failed: dict[UUID, GoodwordError] = {}
    seen = {order.id: direct_pointers(order, work, firsts=firsts) for order in work.orders.values()}
    direct = _round(work, seen, ask, firsts=firsts, failed=failed)
    decisions, links = direct, _linked(work, direct)
    for _ in work.orders:
        with_links = {
            order.id: seen[order.id] + extra
            for order in work.orders.values()
            if links
            and order.id not in failed
            and (extra := tuple(link_pointers(order, work, links=links, firsts=firsts)))
        }
        if not with_links:
            break
        decisions = direct | _round(work, with_links, ask, firsts=firsts, failed=failed)
        before, links = links, _linked(work, decisions)
        if links == before:
            break
    sound = {order_id: draft for order_id, draft in decisions.items() if order_id not in failed}
    return Decided(sound, links, failed)


def _round(
    work: Workset,
    seen: Mapping[UUID, tuple[Pointer, ...]],
    ask: Ask,
    *,
    firsts: Firsts,
    failed: dict[UUID, GoodwordError],
) -> dict[UUID, DecisionDraft]:
    """Let the programs judge in the order of their priority; the first that credits an order has it.

    What could not be judged is put into `failed`.
    """
    decided: dict[UUID, DecisionDraft] = {}
    for program in work.programs:
        questions: dict[str, list[_Question]] = {}
        for order_id, pointers in seen.items():
            mine = tuple(each for each in pointers if each.program_id == program.id and each.counts)
            if mine and order_id not in decided and order_id not in failed:
                terms = work.terms_at(program, work.orders[order_id].placed_at)
                if terms is not None:
                    question = _Question(order_id, mine, terms)
                    questions.setdefault(terms.document.attribution.model, []).append(question)
        for model, asked in questions.items():
            verdicts = ask(model, [each.case(work, firsts) for each in asked])
            decided |= _answers(program, asked, seen=seen, verdicts=verdicts, failed=failed)
    return {
        order_id: decided.get(order_id) or nobody(pointers)
        for order_id, pointers in seen.items()
        if order_id not in failed
    }


@dataclass(frozen=True, slots=True)
class _Question:
    """One order as one program sees it."""

    order_id: UUID
    pointers: tuple[Pointer, ...]
    terms: TermsVersion

    def case(self, work: Workset, firsts: Firsts) -> AttributionCase:
        """Return what the model is asked."""
        order, signals = work.orders[self.order_id], self.terms.document.attribution.signals
        seen = first_seen(order, work, firsts=firsts)
        return case_of(order.placed_at, signals, pointers=self.pointers, first_seen_at=seen)


def _answers(
    program: ProgramRow,
    asked: Sequence[_Question],
    *,
    seen: Mapping[UUID, tuple[Pointer, ...]],
    verdicts: Sequence[Verdict | GoodwordError],
    failed: dict[UUID, GoodwordError],
) -> dict[UUID, DecisionDraft]:
    found = {}
    for question, verdict in zip(asked, verdicts, strict=True):
        if isinstance(verdict, GoodwordError):
            failed[question.order_id] = verdict
            continue
        draft = decision_of(
            verdict,
            question.pointers,
            seen=seen[question.order_id],
            program_id=program.id,
            terms_id=question.terms.id,
        )
        if draft is not None:
            found[question.order_id] = draft
    return found


def _linked(work: Workset, decisions: Mapping[UUID, DecisionDraft]) -> dict[LinkKey, Link | None]:
    """Return the links that hold for the customers of `work`: what is stored, or what its orders make of it.

    A stored link whose order was decided just now holds only if that order still makes it. Of an order's beneficiaries
    found by code or click, the one with the largest share becomes the customer's.
    """
    made: dict[LinkKey, list[Link]] = {}
    for key, link in work.links.items():
        made[key] = [] if link.order_id in decisions else [link]
    for order in work.orders.values():
        draft = decisions.get(order.id)
        if draft is None or draft.program_id is None or not order.customer_key or not order.paid_at:
            continue
        shares = [share for share in draft.shares if share.pointer.signal is not Signal.CUSTOMER_LINK]
        if shares and links_since(work, draft.program_id):
            best = max(shares, key=lambda share: share.ppm)
            link = Link(best.enrollment_id, order.id, order.place)
            made.setdefault((draft.program_id, order.customer_key), []).append(link)
    return {key: min(links, key=lambda link: link.place) if links else None for key, links in made.items()}


def links_since(work: Workset, program_id: UUID) -> datetime | None:
    """Return since when a program notes its customers' links: from the first terms on that use them."""
    versions = work.terms.get(program_id, ())
    published = [each.published_at for each in versions if Signal.CUSTOMER_LINK in each.document.attribution.signals]
    return min(published, default=None)
