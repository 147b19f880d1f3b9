"""A seeded story of a brand: seven months of orders, late facts, refunds, tiers, bonuses, people who come and go."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete

from engine.enrollment.service import leave, move_group, reinstate, set_ambassador_rate, suspend
from engine.enrollment.tables import Enrollment
from engine.intake.rules import Source
from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.payouts.queries import all_of_batch, batch
from engine.payouts.service import NothingToPayError, draft_batch
from engine.payouts.steps import confirm_payouts, fail_payout, park_payout, return_payout
from engine.pipeline.run import BATCH
from engine.plugin_api import (
    ChargebackEvent,
    ChargebackState,
    CommerceEvent,
    Customer,
    Delivery,
    OrderEvent,
    OrderLine,
    RefundEvent,
    RefundLine,
    RefundState,
)
from engine.programs.schemas import GroupDraft, PersonalRateDraft, ProgramDraft, TermsDocument
from engine.programs.service import create_group, create_program, publish_terms
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import Click
from engine.tracking.codes.queries import codes_by_key
from engine.tracking.codes.rules import code_key
from engine.tracking.codes.service import assign_code, expire_code, issue_code, release_code
from tests.factories import make_click
from tests.support.shop import SHOP, Shop

OUTLET = Source("test_shop", "outlet")
TIERS = TermsDocument.model_validate(
    {
        "hold_days": 7,
        "attribution": {"model": "linear", "signals": ["code", "click", "customer_link"], "customer_link_days": 60},
        "rewards": [
            {
                "key": "volume",
                "type": "volume_tiers",
                "params": {
                    "mode": "marginal",
                    "tiers": {
                        "EUR": [
                            {"from_minor": 0, "rate_bps": 525},
                            {"from_minor": 20_000, "rate_bps": 775},
                            {"from_minor": 60_000, "rate_bps": 1_025},
                        ]
                    },
                },
            },
            {"key": "welcome", "type": "first_order_bonus", "params": {"amount_minor": {"EUR": 777}}},
        ],
    }
)


def capped(rate_bps: int, *, gold_bps: int) -> TermsDocument:
    """A percentage with a cap in euros only, so that an order in dollars is blocked."""
    return TermsDocument.model_validate(
        {
            "hold_days": 14,
            "base": {"include_shipping": True, "excluded_products": ["stamp"]},
            "rewards": [{"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 2_222}}}],
            "rates": [
                {"reward": "commission", "rate_bps": rate_bps},
                {"reward": "commission", "rate_bps": gold_bps, "group": "gold"},
                {"reward": "commission", "rate_bps": 333, "collection": "sale"},
            ],
        }
    )


CODES = ("ANNA", "BEN", "CARLA", "DORA", "EMIL", "FRIDA")


@dataclass
class Story:
    """What happened so far. `tell` lets months pass; everything is drawn from `dice`, clicks from `others`."""

    shop: Shop
    dice: random.Random
    others: random.Random
    people: dict[str, UUID] = field(default_factory=dict)
    placed: list[tuple[Source, OrderEvent]] = field(default_factory=list)
    late: list[tuple[Source, CommerceEvent]] = field(default_factory=list)
    next_week: list[tuple[Source, CommerceEvent]] = field(default_factory=list)
    numbers: int = 0
    group_id: UUID | None = None

    def run(self, work: Callable[[UnitOfWork], object]) -> None:
        """Do something in a unit."""
        self.shop.goodword.database.run(work)

    def tell(self, *, months: int, orders: int) -> None:
        """Let months pass, each with about so many orders."""
        self._set_up()
        for month in range(months):
            for week in range(4):
                self.shop.clock.advance(timedelta(days=6, hours=self.dice.randrange(24)))
                self._people(month, week)
                self._week(orders // 4)
                if self.dice.random() < 0.5:
                    self.shop.mature(days=0)
            self.shop.clock.advance(timedelta(days=5))
            self.shop.mature(days=0)
            self._pay(month)

    def _set_up(self) -> None:
        shop, goodword = self.shop, self.shop.goodword
        draft = ProgramDraft(slug="club", name="Club", currency="EUR", time_zone="America/New_York", priority=2)

        def program(unit: UnitOfWork) -> UUID:
            made = create_program(unit, shop.brand_id, draft=draft, by="owner")
            publish_terms(unit, shop.brand_id, program_id=made.id, document=TIERS, host=goodword.plugins, by="owner")
            group = GroupDraft(key="gold", name="Gold")
            self.group_id = create_group(unit, shop.brand_id, program_id=shop.program_id, draft=group, by="owner").id
            return made.id

        club = replace(shop, program_id=goodword.database.run(program))
        for number, name in enumerate(CODES):
            room = shop if number < 3 else club
            self.people[name] = room.ambassador(name.title(), f"{name.lower()}@example.com", code=f"{name}10")
        self.run(lambda unit: issue_code(unit, shop.brand_id, program_id=shop.program_id, code="SPARE1", by="owner"))
        self.run(lambda unit: issue_code(unit, shop.brand_id, program_id=club.program_id, code="SPARE2", by="owner"))
        shop.publish(capped(1_125, gold_bps=1_725))
        shop.clock.advance(timedelta(days=7))

    def _people(self, month: int, week: int) -> None:
        """Somebody comes, goes, or gets something else, from now on."""
        brand, people = self.shop.brand_id, self.people
        match month, week:
            case 0, 2:
                self.run(
                    lambda unit: move_group(
                        unit, brand, enrollment_id=people["ANNA"], group_id=self.group_id, by="owner"
                    )
                )
            case 1, 1:
                self._code(
                    "SPARE1",
                    lambda unit, code: assign_code(
                        unit, brand, promo_code_id=code, enrollment_id=people["BEN"], by="owner"
                    ),
                )
            case 1, 3:
                self.run(lambda unit: suspend(unit, brand, enrollment_id=people["BEN"], reason="A look.", by="owner"))
            case 2, 2:
                self.run(lambda unit: reinstate(unit, brand, enrollment_id=people["BEN"], by="owner"))
                self._code(
                    "ANNA10",
                    lambda unit, code: assign_code(
                        unit, brand, promo_code_id=code, enrollment_id=people["CARLA"], by="owner"
                    ),
                )
            case 2, 3:
                rate = PersonalRateDraft(reward="commission", rate_bps=1_999, reason="Agreed.")
                self.run(
                    lambda unit: set_ambassador_rate(unit, brand, enrollment_id=people["CARLA"], draft=rate, by="owner")
                )
            case 3, 0:
                self.shop.publish(capped(815, gold_bps=1_500))
            case 3, 2:
                self._code("EMIL10", lambda unit, code: release_code(unit, brand, promo_code_id=code, by="owner"))
            case 4, 1:
                self._code("FRIDA10", lambda unit, code: expire_code(unit, brand, promo_code_id=code, by="owner"))
            case 4, 3:
                self.run(lambda unit: leave(unit, brand, enrollment_id=people["DORA"], by="owner"))

    def _code(self, text: str, work: Callable[[UnitOfWork, UUID], object]) -> None:
        def found(unit: UnitOfWork) -> None:
            (code,) = codes_by_key(unit, self.shop.brand_id, keys=[code_key(text)])
            work(unit, code.id)

        self.run(found)

    def _week(self, orders: int) -> None:
        """Let a week's facts come in, in any order, some of them later or twice, in batches of any size."""
        events = self.late
        self.late = []
        for _ in range(orders):
            events += self._order()
        events += [event for _ in range(max(1, orders // 4)) for event in self._change()]
        self.dice.shuffle(events)
        self.late = events[: len(events) // 6] + self.next_week
        self.next_week = []
        events = events[len(events) // 6 :]
        events += self.dice.sample(events, len(events) // 10)
        for source in (SHOP, OUTLET):
            mine = [event for place, event in events if place == source]
            while mine:
                size = self.dice.choice((1, 3, 20, BATCH))
                self._take_in(source, mine[:size])
                mine = mine[size:]
                if self.dice.random() < 0.5:
                    self.shop.clock.advance(timedelta(microseconds=self.dice.randrange(3)))

    def _take_in(self, source: Source, events: list[CommerceEvent]) -> None:
        deliveries = [
            Delivery(key=f"{type(one).__name__}:{one.external_id}:{one.updated_at}", body=b"{}", events=(one,))
            for one in events
        ]
        done = self.shop.goodword.pipeline.ingest(self.shop.brand_id, source, deliveries=deliveries)
        assert not done.refused, done.refused

    def _order(self) -> list[tuple[Source, CommerceEvent]]:
        dice = self.dice
        self.numbers += 1
        source = dice.choice((SHOP, SHOP, OUTLET))
        at = self.shop.clock.now() - timedelta(seconds=dice.randrange(6 * 86_400))
        lines = tuple(
            OrderLine(
                str(number),
                dice.randrange(1, 20_000),
                quantity=dice.randrange(1, 4),
                product=dice.choice((None, "tea", "stamp")),
                collections=dice.choice(((), ("sale",))),
            )
            for number in range(dice.randrange(1, 4))
        )
        codes = dice.choices(
            ("ANNA10", "BEN10", "CARLA10", "DORA10", "EMIL10", "FRIDA10", "SPARE1", "SPARE2", "X9X9"), k=2
        )
        known: list[str | None] = [None] + [f"customer{dice.randrange(25)}@example.org"] * 12
        known += [f"{name.lower()}@example.com" for name in CODES]
        order = OrderEvent(
            external_id=str(self.numbers // 2),  # two shops have orders of one number
            updated_at=at,
            placed_at=at,
            currency="USD" if dice.random() < 0.04 else "EUR",
            lines=lines,
            charged_minor=sum(line.net_minor for line in lines) + 490,
            shipping_minor=490,
            paid_at=at,
            codes=tuple(codes[: dice.choice((0, 1, 1, 1, 2))]),
            clicks=self._clicks(at),
            customer=Customer(email=dice.choice(known)),
        )
        if any(place == source and other.external_id == order.external_id for place, other in self.placed):
            source = OUTLET if source == SHOP else SHOP
        self.placed.append((source, order))
        if dice.random() < 0.2:
            return [(source, replace(order, paid_at=None)), (source, self._newer(order))]
        return [(source, order)]

    def _clicks(self, placed_at: datetime) -> tuple[str, ...]:
        """Let a visitor click on some links before an order, and return the ids that the shop tells of."""
        dice, keyring = self.others, self.shop.goodword.keyring
        if dice.random() < 0.5:
            return ()
        visitor = f"visitor-{self.numbers}" if dice.random() < 0.7 else None
        made: list[UUID] = []

        def click(unit: UnitOfWork) -> None:
            for _ in range(dice.randrange(1, 5)):
                enrollment = unit.session.get_one(Enrollment, self.people[dice.choice(CODES)])
                at = placed_at - timedelta(seconds=dice.randrange(40 * 86_400))
                reason = dice.choice((None, None, None, "repeat", "bot"))
                made.append(make_click(unit, enrollment, at=at, visitor=visitor, reason=reason).id)

        self.run(click)
        return tuple(click_token(keyring.key("click"), each) for each in made[: dice.randrange(1, 3)])

    def forget_clicks(self) -> None:
        """Delete all clicks, as retention does."""
        self.run(lambda unit: unit.execute(delete(table_of(Click))))

    def _change(self) -> list[tuple[Source, CommerceEvent]]:
        """Change something about an earlier order."""
        dice = self.dice
        self.numbers += 1
        source, order = dice.choice(self.placed[-80:])
        now, number = self.shop.clock.now(), f"c{self.numbers}"
        match dice.randrange(9):
            case 0:
                return [(source, self._newer(order, cancelled_at=now))]
            case 1:
                return [(source, self._newer(order, customer=Customer(email="somebody-else@example.org")))]
            case 2:
                return [(source, self._newer(order, codes=("BEN10",)))]
            case 3 | 4:
                states = (ChargebackState.OPEN, dice.choice((ChargebackState.LOST, ChargebackState.WON, None)))
                return [
                    (
                        source,
                        ChargebackEvent(
                            number, order.external_id, now + timedelta(days=day), now, order.currency, 3_000, state
                        ),
                    )
                    for day, state in enumerate(states)
                    if state is not None
                ]
            case 5 | 6:
                line = dice.choice(order.lines)
                part = RefundLine(line.line_id, dice.randrange(line.net_minor + 1))
                return [(source, RefundEvent(number, order.external_id, now, now, order.currency, 0, (part,)))]
        minor = dice.randrange(1, order.charged_minor * 5 // 4)
        refund = RefundEvent(number, order.external_id, now, now, order.currency, minor)
        if dice.random() < 0.5:
            failed = replace(refund, updated_at=now + timedelta(hours=1), state=RefundState.FAILED)
            self.next_week.append((source, failed))
        return [(source, refund)]

    def _newer(self, order: OrderEvent, **changes: object) -> OrderEvent:
        at = order.updated_at + timedelta(minutes=self.dice.randrange(1, 5_000))
        if self.others.random() < 0.2:
            changes |= {"refund_ids": ()}  # the shop lists refunds, and deleted all that there were
        return replace(order, updated_at=at, **changes)  # type: ignore[arg-type]

    def _pay(self, month: int) -> None:
        """Pay, and let the bank do what it does to this month's payouts."""
        shop, brand = self.shop, self.shop.brand_id
        try:
            reference = shop.pay(confirmed=month % 3 == 0)
        except NothingToPayError:
            return
        with shop.goodword.database.reading() as unit:
            payouts = all_of_batch(unit, brand, batch_id=batch(unit, brand, reference=reference).id)
        names = [payout.reference for payout in payouts]
        day = shop.clock.now().date()
        match month:
            case 1:
                self.run(lambda unit: fail_payout(unit, brand, reference=names[0], reason="No account.", by="owner"))
                self.run(lambda unit: confirm_payouts(unit, brand, references=names[1:], paid_on=day, by="owner"))
                self._again()
            case 2:
                shop.clock.advance(timedelta(days=1))
                self.run(lambda unit: confirm_payouts(unit, brand, references=names, paid_on=day, by="owner"))
                self.run(lambda unit: return_payout(unit, brand, reference=names[-1], reason="Closed.", by="owner"))
            case 4:
                self.run(lambda unit: park_payout(unit, brand, reference=names[0], reason="Timeout.", by="owner"))
            case 5:
                self.run(lambda unit: park_payout(unit, brand, reference=names[0], reason="Timeout.", by="owner"))
                self.run(
                    lambda unit: confirm_payouts(
                        unit, brand, references=names[:1], paid_on=day, by="owner", reason="The bank said so."
                    )
                )

    def _again(self) -> None:
        """Draft at the same instant what has just failed; the draft stays a draft."""
        self.run(lambda unit: draft_batch(unit, self.shop.brand_id, rail="payout_csv", by="owner"))


def tell_story(shop: Shop, *, seed: int, months: int, orders: int) -> Story:
    """Let months pass over a shop, each with about so many orders."""
    story = Story(shop, random.Random(seed), random.Random(seed + 1_000))
    story.tell(months=months, orders=orders)
    return story
