"""The demo's brand and how its ambassadors come in, through the services that screens and commands use."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from engine.bootstrap import Goodword
from engine.demo.links import give_links, set_up_site
from engine.demo.people import OWNER, Person
from engine.demo.programs import GOLD, PROGRAMS, TERMS
from engine.demo.shop import MAPPING, UNOWNED, Shop
from engine.demo.visits import Visits
from engine.enrollment import service as enrollment
from engine.enrollment.schemas import ApplicationDraft
from engine.identity.service import add_staff, create_brand, ensure_ambassador
from engine.identity.tables import Role
from engine.kernel.database import UnitOfWork
from engine.payouts.service import ensure_minimum
from engine.plugin_host.service import save_settings
from engine.programs.schemas import PersonalRateDraft
from engine.programs.service import create_group, create_program, publish_terms
from engine.tracking.codes.service import issue_code

SLUG: Final = "halfmoon"
BRAND: Final = "Halfmoon Records"
BY: Final = OWNER[1]
_QUESTION: Final = "Where do you talk about music?"


@dataclass(slots=True)
class Story:
    """The brand as the demo knows it: ids by slug and by address, products by program."""

    goodword: Goodword
    shop: Shop
    seed: int
    brand_id: UUID
    visits: Visits
    programs: dict[str, UUID] = field(default_factory=dict)
    gold_id: UUID | None = None
    enrollments: dict[str, UUID] = field(default_factory=dict)
    code_ids: dict[str, UUID] = field(default_factory=dict)
    products: dict[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    drawn: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.drawn = random.Random(f"codes:{self.seed}")  # noqa: S311 - the same codes and slugs in every demo

    def apply(self, unit: UnitOfWork, name: str, *, email: str, program: str, answer: str) -> UUID:
        """Let somebody apply to a program; return their enrollment."""
        keyring, program_id = self.goodword.keyring, self.programs[program]
        who = ensure_ambassador(unit, self.brand_id, name=name, email=email, keyring=keyring)
        draft = ApplicationDraft(answers={_QUESTION: answer})
        applied = enrollment.apply(
            unit, self.brand_id, program_id=program_id, ambassador_id=who.id, draft=draft, by=email
        )
        return applied.id

    def apply_all(self, unit: UnitOfWork, people: Iterable[Person]) -> None:
        """Let people apply, each to their program."""
        for one in people:
            answer = "At concerts, and to everybody who rides in my car."
            self.enrollments[one.email] = self.apply(
                unit, one.name, email=one.email, program=one.program, answer=answer
            )

    def let_in(self, unit: UnitOfWork, people: Iterable[Person]) -> None:
        """Approve people, and give each what was agreed: a code, links, a group, a rate."""
        for one in people:
            enrollment_id = self.enrollments[one.email]
            enrollment.approve_application(unit, self.brand_id, enrollment_id=enrollment_id, by=BY)
            self.give_code(unit, one)
            give_links(unit, self, one)
            if one.group is not None:
                enrollment.move_group(unit, self.brand_id, enrollment_id=enrollment_id, group_id=self.gold_id, by=BY)
            if one.rate_bps is not None:
                draft = PersonalRateDraft(reward="commission", rate_bps=one.rate_bps, reason="Agreed by telephone.")
                enrollment.set_ambassador_rate(unit, self.brand_id, enrollment_id=enrollment_id, draft=draft, by=BY)

    def give_code(self, unit: UnitOfWork, one: Person) -> None:
        """Issue the code that somebody asked for, or draw one; from now on their customers use it."""
        code = issue_code(
            unit,
            self.brand_id,
            program_id=self.programs[one.program],
            enrollment_id=self.enrollments[one.email],
            code=None if one.email in self.code_ids else one.vanity,
            stem=one.stem,
            by=BY,
            choose=self.drawn.choice,
        )
        self.shop.codes[one.email], self.code_ids[one.email] = code.code, code.id


def set_up(unit: UnitOfWork, goodword: Goodword, *, shop: Shop, seed: int) -> Story:
    """Create the brand with its programs, terms and settings, and return its story.

    Raises:
        ConflictError: the brand is there already.
        TermsRefusedError: a plugin that the terms name is not active.
    """
    brand, host = create_brand(unit, slug=SLUG, name=BRAND), goodword.plugins
    shop.visits = Visits(seed, goodword.keyring.key("click"), brand.id, orders=sum(shop.months().values()))
    story = Story(goodword, shop, seed, brand.id, shop.visits)
    add_staff(unit, brand.id, email=OWNER[1], name=OWNER[0], role=Role.OWNER)
    ensure_minimum(unit, brand.id, currency="USD")
    save_settings(unit, brand.id, plugin="csv_orders", document=MAPPING, host=host, keyring=goodword.keyring)
    for draft in PROGRAMS:
        program = create_program(unit, brand.id, draft=draft, by=BY)
        story.programs[draft.slug] = program.id
        if draft.slug == "friends":
            story.gold_id = create_group(unit, brand.id, program_id=program.id, draft=GOLD, by=BY).id
        publish_terms(unit, brand.id, program_id=program.id, document=TERMS[draft.slug], host=host, by=BY)
    issue_code(unit, brand.id, program_id=story.programs["friends"], code=UNOWNED, by=BY)
    set_up_site(story, unit)
    return story
