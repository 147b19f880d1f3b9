"""What the demo's people do: the brand is set up, ambassadors come in, and now and then something happens.

Everything goes through the services that screens and commands use, at the instant at which it happens.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from engine.bootstrap import Goodword
from engine.demo.people import OWNER, PEOPLE, REJECTED, WAITING, Person, person
from engine.demo.programs import FRIENDS_LATER, GOLD, PROGRAMS, TERMS
from engine.demo.shop import MAPPING, UNOWNED, Shop
from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.service import (
    apply,
    approve_application,
    move_group,
    reject_application,
    set_ambassador_rate,
    suspend,
)
from engine.identity.service import add_staff, create_brand, ensure_ambassador
from engine.identity.tables import Role
from engine.kernel.database import UnitOfWork
from engine.payouts.service import ensure_minimum
from engine.plugin_host.service import save_settings
from engine.programs.schemas import PersonalRateDraft
from engine.programs.service import create_group, create_program, publish_terms
from engine.tracking.service import assign_code, expire_code, issue_code

SLUG: Final = "halfmoon"
BRAND: Final = "Halfmoon Records"
_BY: Final = OWNER[1]
_QUESTION: Final = "Where do you talk about music?"

Scene = Callable[["Story", UnitOfWork], None]


@dataclass(slots=True)
class Story:
    """The brand as the demo knows it: ids by slug and by address."""

    goodword: Goodword
    shop: Shop
    seed: int
    brand_id: UUID
    programs: dict[str, UUID] = field(default_factory=dict)
    gold_id: UUID | None = None
    enrollments: dict[str, UUID] = field(default_factory=dict)
    code_ids: dict[str, UUID] = field(default_factory=dict)
    _drawn: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._drawn = random.Random(f"codes:{self.seed}")  # noqa: S311 - the same codes in every demo

    def apply_all(self, unit: UnitOfWork, people: Iterable[Person]) -> None:
        """Let people apply, each to their program."""
        for one in people:
            self.enrollments[one.email] = self._apply(unit, one.name, one.email, one.program, "Mostly with friends.")

    def let_in(self, unit: UnitOfWork, people: Iterable[Person]) -> None:
        """Approve people, and give each what was agreed: a code, a group, a rate."""
        for one in people:
            enrollment_id = self.enrollments[one.email]
            approve_application(unit, self.brand_id, enrollment_id=enrollment_id, by=_BY)
            self._give_code(unit, one)
            if one.group is not None:
                move_group(unit, self.brand_id, enrollment_id=enrollment_id, group_id=self.gold_id, by=_BY)
            if one.rate_bps is not None:
                draft = PersonalRateDraft(reward="commission", rate_bps=one.rate_bps, reason="Agreed by telephone.")
                set_ambassador_rate(unit, self.brand_id, enrollment_id=enrollment_id, draft=draft, by=_BY)

    def _apply(self, unit: UnitOfWork, name: str, email: str, program: str, answer: str) -> UUID:
        keyring = self.goodword.keyring
        who = ensure_ambassador(unit, self.brand_id, name=name, email=email, keyring=keyring)
        draft = ApplicationDraft(answers={_QUESTION: answer})
        program_id = self.programs[program]
        return apply(unit, self.brand_id, program_id=program_id, ambassador_id=who.id, draft=draft, by=email).id

    def _give_code(self, unit: UnitOfWork, one: Person) -> None:
        code = issue_code(
            unit,
            self.brand_id,
            program_id=self.programs[one.program],
            enrollment_id=self.enrollments[one.email],
            code=one.vanity,
            stem=one.stem,
            by=_BY,
            choose=self._drawn.choice,
        )
        self.shop.codes[one.email], self.code_ids[one.email] = code.code, code.id

    def _gold(self, unit: UnitOfWork) -> None:
        publish_terms(
            unit,
            self.brand_id,
            program_id=self.programs["friends"],
            document=FRIENDS_LATER,
            host=self.goodword.plugins,
            by=_BY,
        )

    def _promote(self, unit: UnitOfWork) -> None:
        one = self.enrollments[person("Priya Raghunathan").email]
        move_group(unit, self.brand_id, enrollment_id=one, group_id=self.gold_id, by=_BY)

    def _expire(self, unit: UnitOfWork) -> None:
        """End a code that customers go on using for a while; its owner gets another one."""
        one = person("Oskar Sjöberg")
        known = self.shop.codes[one.email]
        expire_code(unit, self.brand_id, promo_code_id=self.code_ids[one.email], by=_BY)
        self._give_code(unit, one)
        self.shop.codes[one.email] = known

    def _suspend(self, unit: UnitOfWork) -> None:
        one = self.enrollments[person("Noah Lindqvist").email]
        reason = "Bids on our own name in search advertisements; we asked twice."
        suspend(unit, self.brand_id, enrollment_id=one, reason=reason, by=_BY)

    def _hand_over(self, unit: UnitOfWork) -> None:
        """Give a code to somebody else: orders placed from now on are theirs."""
        code_id = self.code_ids[person("Hana Nováková").email]
        heir = self.enrollments[person("Diego Ramírez").email]
        assign_code(unit, self.brand_id, promo_code_id=code_id, enrollment_id=heir, by=_BY)

    def _reject(self, unit: UnitOfWork) -> None:
        name, email, program, answer = REJECTED
        enrollment_id = self._apply(unit, name, email, program, answer)
        reason = "We look for people who talk about music, not for lists of codes."
        again = unit.now.date() + timedelta(days=180)
        reject_application(unit, self.brand_id, enrollment_id=enrollment_id, reason=reason, by=_BY, reapply_on=again)

    def _applications(self, unit: UnitOfWork) -> None:
        for name, email, program, answer in WAITING:
            self._apply(unit, name, email, program, answer)


def set_up(unit: UnitOfWork, goodword: Goodword, *, shop: Shop, seed: int) -> Story:
    """Create the brand with its programs, terms and settings, and return its story.

    Raises:
        ConflictError: the brand is there already.
        TermsRefusedError: a plugin that the terms name is not active.
    """
    brand = create_brand(unit, slug=SLUG, name=BRAND)
    story = Story(goodword, shop, seed, brand.id)
    add_staff(unit, brand.id, email=OWNER[1], name=OWNER[0], role=Role.OWNER)
    ensure_minimum(unit, brand.id, currency="USD")
    save_settings(
        unit, brand.id, plugin="csv_orders", document=MAPPING, host=goodword.plugins, keyring=goodword.keyring
    )
    for draft in PROGRAMS:
        program = create_program(unit, brand.id, draft=draft, by=_BY)
        story.programs[draft.slug] = program.id
        if draft.slug == "friends":
            story.gold_id = create_group(unit, brand.id, program_id=program.id, draft=GOLD, by=_BY).id
        publish_terms(
            unit, brand.id, program_id=program.id, document=TERMS[draft.slug], host=goodword.plugins, by=_BY
        )
    issue_code(unit, brand.id, program_id=story.programs["friends"], code=UNOWNED, by=_BY)
    return story


def _joining(month: int) -> Mapping[int, Scene]:
    people = [one for one in PEOPLE if one.joins == month]
    if not people or not month:
        return {}
    return {8: lambda story, unit: story.apply_all(unit, people), 12: lambda story, unit: story.let_in(unit, people)}


_SCENES: Final[Mapping[int, Mapping[int, Scene]]] = {
    4: {15: Story._reject},
    6: {10: Story._promote},
    7: {6: Story._expire},
    9: {5: Story._gold},
    10: {18: Story._suspend},
    11: {9: Story._hand_over},
    17: {24: Story._applications},
}


def scenes(number: int, month: str) -> list[tuple[date, Scene]]:
    """Return what happens in the log's month `number` (from 0 on), which is `month`, day by day.

    Everything happens after the payouts of the month before were confirmed, on its third day.
    """
    days = {**_joining(number), **_SCENES.get(number, {})}
    return [(date(int(month[:4]), int(month[5:]), day), scene) for day, scene in sorted(days.items())]
