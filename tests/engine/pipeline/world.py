"""A brand with a pipeline in front of it: orders and refunds in, and what stands in the books out, by natural keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from itertools import count
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import delete, select
from sqlmodel import col

import engine.tables  # noqa: F401 - fills the metadata
from engine.attribution.tables import Decision
from engine.enrollment.tables import Enrollment, EnrollmentChange, EnrollmentState
from engine.identity.tables import Ambassador
from engine.intake.rules import CustomerHasher, Source
from engine.intake.tables import Notice, ShopOrder
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database
from engine.kernel.tables import table_of
from engine.ledger.queries import balances
from engine.ledger.verify import verify
from engine.payouts.verify import verify_rows
from engine.pipeline.maturity import Matured, mature
from engine.pipeline.run import Ingested, Pipeline, blocked_orders
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
from engine.plugin_host.discover import GROUP
from engine.plugin_host.registry import PluginHost, load_plugins
from engine.programs.schemas import TermsDocument
from engine.programs.tables import Program, Terms
from engine.rewards.tables import Commission, RewardScope
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import Click, Target
from engine.tracking.codes.tables import PromoCode
from tests.factories import (
    give_code,
    make_ambassador,
    make_brand,
    make_click,
    make_code,
    make_enrollment,
    make_program,
    make_terms,
)

SHOP = Source("csv_orders", "main")
KEYRING = Keyring(SecretStr("a key for tests that is long enough"))
T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
"""When orders are placed unless a test says otherwise: an hour after the brand began."""

_keys = count(1)
IN_TREE = ("attribution_basic", "attribution_multi_touch", "csv_orders", "payout_csv", "rewards_cash")
_POINTS = [EntryPoint(name, f"plugins.{name}", GROUP) for name in IN_TREE]
_ODD = EntryPoint("odd_plugin", "tests.engine.pipeline.odd_plugin", GROUP)


def plugin_host(*, odd: bool = True) -> PluginHost:
    """The in-tree plugins and, unless told otherwise, the odd one."""
    return load_plugins((*IN_TREE, *(["odd_plugin"] if odd else [])), entry_points=[*_POINTS, _ODD])


def terms(
    *rewards: str | dict[str, Any], rates: dict[str, int] | list[dict[str, Any]] | None = None, **more: Any
) -> TermsDocument:
    """Terms with these rewards: a name is a percentage; `rates` maps a reward to its program rate."""
    listed = [{"key": one, "type": "percentage"} if isinstance(one, str) else one for one in rewards or ("commission",)]
    rows = (
        rates
        if isinstance(rates, list)
        else [
            {"reward": reward, "rate_bps": bps}
            for reward, bps in ({"commission": 1_000} if rates is None else rates).items()
        ]
    )
    return TermsDocument.model_validate({"rewards": listed, "rates": rows, **more})


def line(net: int, line_id: str = "1", **more: Any) -> OrderLine:
    return OrderLine(line_id, net, **more)


def order(
    external_id: str = "o1",
    net: int | Sequence[OrderLine] = 10_000,
    *,
    at: datetime = T0,
    placed: datetime | None = None,
    paid: datetime | bool = True,
    codes: Sequence[str] = ("ADA",),
    customer: str | None = None,
    currency: str = "EUR",
    charged: int | None = None,
    **more: Any,
) -> OrderEvent:
    """An order as it stands at `at`; paid when it was placed unless told otherwise."""
    lines = (line(net),) if isinstance(net, int) else tuple(net)
    placed = placed or T0
    return OrderEvent(
        external_id=external_id,
        updated_at=at,
        placed_at=placed,
        currency=currency,
        lines=lines,
        charged_minor=sum(each.net_minor for each in lines) if charged is None else charged,
        paid_at=(placed if paid else None) if isinstance(paid, bool) else paid,
        codes=tuple(codes),
        customer=Customer(email=customer) if customer and "@" in customer else Customer(external_id=customer),
        **more,
    )


def refund(
    external_id: str = "r1",
    amount: int = 0,
    *,
    of: str = "o1",
    at: datetime = T0 + timedelta(hours=1),
    lines: dict[str, int] | None = None,
    currency: str = "EUR",
    state: RefundState = RefundState.SUCCEEDED,
    apart: int = 0,
) -> RefundEvent:
    taken = tuple(RefundLine(*each) for each in (lines or {}).items())
    return RefundEvent(external_id, of, at, at, currency, amount, taken, state, apart)


def chargeback(
    state: str,
    amount: int = 10_000,
    *,
    external_id: str = "cb1",
    of: str = "o1",
    at: datetime = T0 + timedelta(hours=2),
    currency: str = "EUR",
) -> ChargebackEvent:
    return ChargebackEvent(external_id, of, at, at, currency, amount, ChargebackState(state))


@dataclass
class World:
    """One brand in `db`. Programs, ambassadors and codes are made under names and looked up by them."""

    db: Database
    host: PluginHost = field(default_factory=plugin_host)
    brand: UUID = field(init=False)
    pipeline: Pipeline = field(init=False)
    programs: dict[str, Program] = field(default_factory=dict)
    people: dict[str, Ambassador] = field(default_factory=dict)
    enrollments: dict[tuple[str, str], Enrollment] = field(default_factory=dict)
    codes: dict[str, PromoCode] = field(default_factory=dict)
    clicks: dict[UUID, Click] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline.of(self.db, self.host, keyring=KEYRING)
        self.brand = self.db.run(lambda unit: make_brand(unit).id)

    # --- what the brand sets up

    def program(self, document: TermsDocument | None = None, *, name: str = "main", **more: Any) -> Program:
        with self.db.unit() as unit:
            made = make_program(unit, self.brand, name=name, document=document or terms(), **more)
        self.programs[name] = made
        return made

    def publish(self, document: TermsDocument, *, at: datetime, program: str = "main") -> Terms:
        with self.db.unit() as unit:
            version = 1 + len(
                unit.execute(select(Terms).where(col(Terms.program_id) == self.programs[program].id)).all()
            )
            return make_terms(unit, self.programs[program], document=document, version=version, effective_at=at)

    def enroll(
        self,
        name: str,
        program: str = "main",
        *,
        code: str | None = "",
        since: datetime | None = None,
        email: str | None = None,
    ) -> Enrollment:
        """Put `name` into a program with a code of the same name in capitals, unless `code` is another or None."""
        with self.db.unit() as unit:
            if name not in self.people:
                person = make_ambassador(unit, self.brand, name=name, email=email)
                person.email_hash = self.customer_key(person.email)
                self.people[name] = person
            made = make_enrollment(unit, self.programs[program], ambassador=self.people[name], since=since)
            self.enrollments[name, program] = made
        if code is not None:
            self.code(code or name.upper(), name, program, since=since)
        return made

    def code(self, text: str, owner: str | None = None, program: str = "main", **more: Any) -> PromoCode:
        with self.db.unit() as unit:
            enrollment = self.enrollments[owner, program] if owner else None
            self.codes[text] = make_code(unit, self.programs[program], enrollment=enrollment, code=text, **more)
        return self.codes[text]

    def hand_over(self, code: str, to: str | None, *, at: datetime, program: str = "main") -> None:
        with self.db.unit() as unit:
            give_code(unit, self.codes[code], enrollment=self.enrollments[to, program] if to else None, since=at)

    def put(self, name: str, state: EnrollmentState, *, at: datetime, program: str = "main") -> None:
        enrollment = self.enrollments[name, program]
        with self.db.unit() as unit:
            unit.session.add(
                EnrollmentChange(
                    brand_id=self.brand,
                    enrollment_id=enrollment.id,
                    state=state.value,
                    effective_at=at,
                    reason="",
                    changed_by="test",
                )
            )

    def customer_key(self, email: str) -> str:
        key = CustomerHasher(KEYRING, self.brand, SHOP).key_of(Customer(email=email))
        assert key
        return key

    # --- what happens

    def click(
        self,
        name: str = "Ada",
        program: str = "main",
        *,
        at: datetime,
        visitor: str | None = None,
        reason: str | None = None,
        target: Target = Target.LINK,
        signals: str = "",
    ) -> str:
        """Let somebody click on a link of `name`; return the click id as it travels to the shop."""
        whose = self.enrollments[name, program]
        with self.db.unit() as unit:
            row = make_click(unit, whose, at=at, visitor=visitor, reason=reason, target=target, signals=signals)
        self.clicks[row.id] = row
        return click_token(KEYRING.key("click"), row.id)

    def forget_clicks(self) -> None:
        """Delete every click, as retention does."""
        with self.db.unit() as unit:
            unit.execute(delete(table_of(Click)))

    def take(self, *events: CommerceEvent, source: Source = SHOP) -> Ingested:
        """Take in one delivery for each event, in one batch."""
        return self.pipeline.ingest(self.brand, source, deliveries=[delivered(event) for event in events])

    def take_each(self, *events: CommerceEvent) -> None:
        """Take in the events one by one."""
        for event in events:
            self.take(event)

    def at(self, instant: datetime) -> None:
        self.db.clock.set(instant)  # type: ignore[attr-defined]

    def mature(self, at: datetime | None = None) -> Matured:
        if at:
            self.at(at)
        return mature(self.pipeline, self.brand)

    # --- what came of it

    def books(self) -> dict[tuple[str, str, str, str, str], tuple[int, str, str | None]]:
        """(program, ambassador, reward, order or month, asset) to (booked, state, hold); scopes that owe nothing are
        left out: whether they ever did depends on when somebody looked."""
        return {
            key: (row.booked_minor, row.state, row.hold_reason) for key, row in self.heads().items() if row.booked_minor
        }

    def heads(self) -> dict[tuple[str, str, str, str, str], Any]:
        scope, shop = table_of(RewardScope), table_of(ShopOrder)
        names = {enrollment.id: key for key, enrollment in self.enrollments.items()}
        with self.db.reading() as unit:
            statement = select(scope, shop.c.external_id).outerjoin(shop, shop.c.id == scope.c.order_id)
            rows = unit.execute(statement.where(scope.c.brand_id == self.brand)).all()
        found = {}
        for row in rows:
            name, program = names[row.enrollment_id]
            found[program, name, row.reward, row.external_id or row.subject, row.asset] = row
        assert len(found) == len(rows), "two shops use one order number: look at accounts instead"
        return found

    def owed(
        self,
        name: str = "Ada",
        subject: str = "o1",
        *,
        reward: str = "commission",
        program: str = "main",
        asset: str = "EUR",
    ) -> int:
        """What is booked for one scope; 0 where there is none."""
        head = self.heads().get((program, name, reward, subject, asset))
        return head.booked_minor if head else 0

    def head(
        self,
        name: str = "Ada",
        subject: str = "o1",
        *,
        reward: str = "commission",
        program: str = "main",
        asset: str = "EUR",
    ) -> Any:
        return self.heads()[program, name, reward, subject, asset]

    def rows(
        self,
        name: str = "Ada",
        subject: str = "o1",
        *,
        reward: str = "commission",
        program: str = "main",
        asset: str = "EUR",
    ) -> list[int]:
        """The amounts of a scope's commission rows, in their order."""
        head = self.heads().get((program, name, reward, subject, asset))
        return [row.amount_minor for row in self.commissions(head.id)] if head else []

    def commissions(self, scope_id: UUID) -> list[Any]:
        table = table_of(Commission)
        with self.db.reading() as unit:
            return list(unit.execute(select(table).where(table.c.scope_id == scope_id).order_by(table.c.seq)))

    def decision(self, external_id: str = "o1") -> Any:
        """The newest decision for an order."""
        table, shop = table_of(Decision), table_of(ShopOrder)
        with self.db.reading() as unit:
            of_order = (shop.c.brand_id == self.brand, shop.c.external_id == external_id)
            statement = select(table).join(shop, shop.c.id == table.c.order_id).where(*of_order)
            return unit.execute(statement.order_by(table.c.seq.desc())).first()

    def order_row(self, external_id: str = "o1") -> Any:
        shop = table_of(ShopOrder)
        with self.db.reading() as unit:
            of_brand = (shop.c.brand_id == self.brand, shop.c.external_id == external_id)
            return unit.execute(select(shop).where(*of_brand)).one()

    def blocked(self) -> dict[str, str]:
        """Blocked orders with their reasons."""
        shop = table_of(ShopOrder)
        with self.db.reading() as unit:
            ids = blocked_orders(unit, self.brand)
            rows = unit.execute(select(shop).where(shop.c.id.in_(ids))).all() if ids else []
        return {row.external_id: row.blocked_reason for row in rows}

    def retry(self) -> int:
        with self.db.reading() as unit:
            ids = blocked_orders(unit, self.brand)
        return self.pipeline.retry(self.brand, ids)

    def notices(self) -> list[str]:
        table = table_of(Notice)
        with self.db.reading() as unit:
            return sorted(unit.execute(select(table.c.kind).where(table.c.brand_id == self.brand)).scalars())

    def account(self, kind: str, name: str = "Ada", asset: str = "EUR") -> int:
        with self.db.reading() as unit:
            found = balances(unit, self.brand, owner=self.people[name].id.hex)
        return sum(row.balance_minor for row in found if row.kind.value == kind and row.asset == asset)

    def check(self) -> None:
        """Ledger and rows say the same, and every head is the sum of its rows."""
        with self.db.reading() as unit:
            assert verify(unit) == ()
            assert verify_rows(unit, self.brand) == ()


def delivered(event: CommerceEvent, key: str | None = None) -> Delivery:
    return Delivery(key or f"delivery-{next(_keys)}", b"x", (event,))
