"""A small brand with everything in it, made through the services: staff of each role, ambassadors, orders, payouts."""

import shutil
import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image
from pydantic import SecretStr
from sqlalchemy import null

from engine.bootstrap import Goodword
from engine.connections.queries import ConnectionView
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.connections.tables import PushedCode, PushState
from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.service import apply, approve_application
from engine.identity.rules import email_key
from engine.identity.service import add_staff, create_brand, ensure_ambassador, ensure_login
from engine.identity.sessions import issue_sign_in_link, start_session
from engine.identity.tables import Realm, Role
from engine.intake.reconciliation.rules import Findings
from engine.intake.reconciliation.service import begin, end
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.intake.rules import Source
from engine.intake.webhooks.service import Arrival, arrive
from engine.kernel.clock import VirtualClock
from engine.kernel.database import Database, UnitOfWork, open_database
from engine.kernel.settings import Settings
from engine.payouts.run import run_payouts
from engine.payouts.service import ensure_minimum
from engine.payouts.steps import confirm_batch
from engine.pipeline.maturity import mature
from engine.pipeline.run import Pipeline
from engine.plugin_api import Customer, Delivery, OrderEvent, OrderLine, RefundEvent
from engine.plugin_host.registry import PluginHost, load_plugins
from engine.programs.schemas import ProgramDraft, RewardTerm, TermsDocument
from engine.programs.service import create_program, publish_terms
from engine.tracking.codes.queries import codes_by_key
from engine.tracking.codes.service import issue_code
from engine.tracking.links.schemas import LinkDraft
from engine.tracking.links.service import create_link
from engine.tracking.pages.products import add_product
from engine.tracking.pages.schemas import PageDocument, PageDraft, ProductDraft
from engine.tracking.pages.service import approve_page, save_draft, submit
from engine.tracking.site.assets import store_picture
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from engine.tracking.site.tables import AssetKind
from tests.support.databases import SqliteBackend

SHOP = Source("test_shop", "main")
PLUGINS = (
    *("attribution_basic", "attribution_multi_touch"),
    *("csv_orders", "generic_webhook", "landing_social", "payout_csv", "rewards_cash"),
)
TEN_PERCENT = TermsDocument.model_validate(
    {
        "hold_days": 14,
        "rewards": [{"key": "commission", "type": "percentage"}],
        "rates": [{"reward": "commission", "rate_bps": 1000}],
    }
)

CAPPED_IN_EUROS = TEN_PERCENT.model_copy(
    update={"rewards": (RewardTerm(key="commission", type="percentage", params={"cap_minor": {"EUR": 5_000}}),)}
)
"""With these, an order in another currency is blocked: its cap is not known."""


@dataclass(frozen=True, slots=True)
class Shop:
    """One brand of an installation, with the verbs that a test needs."""

    goodword: Goodword
    clock: VirtualClock
    brand_id: UUID
    slug: str
    program_id: UUID
    program_slug: str

    def applicant(self, name: str, email: str, **answers: str) -> UUID:
        """Let somebody apply; return the enrollment."""

        def work(unit: UnitOfWork) -> UUID:
            person = ensure_ambassador(unit, self.brand_id, name=name, email=email, keyring=self.goodword.keyring)
            draft = ApplicationDraft(answers=answers or {"Why would you like to join?": "I drink it every morning."})
            enrollment = apply(
                unit, self.brand_id, program_id=self.program_id, ambassador_id=person.id, draft=draft, by=email
            )
            return enrollment.id

        return self.goodword.database.run(work)

    def ambassador(self, name: str, email: str, *, code: str) -> UUID:
        """Let somebody in, with a code; return the enrollment."""
        enrollment_id = self.applicant(name, email)

        def work(unit: UnitOfWork) -> None:
            approve_application(unit, self.brand_id, enrollment_id=enrollment_id, by="owner")
            issue_code(
                unit, self.brand_id, program_id=self.program_id, enrollment_id=enrollment_id, code=code, by="owner"
            )

        self.goodword.database.run(work)
        return enrollment_id

    def site(self, *, colour: str = "#2f7054") -> None:
        """List the brand's domain and say where its links lead."""

        def work(unit: UnitOfWork) -> None:
            save_site(unit, self.brand_id, draft=SiteDraft(domains=("shop.example.com",), colour=colour), by="owner")
            tracking = TrackingDraft(home_url="https://shop.example.com/")
            save_tracking(unit, self.brand_id, program_id=self.program_id, draft=tracking, by="owner")

        self.goodword.database.run(work)

    def share(self, enrollment_id: UUID, slug: str | None = None, **said: object) -> UUID:
        """Make an ambassador's link; return it."""
        draft = LinkDraft.model_validate({"slug": slug} | said)
        return self.goodword.database.run(
            lambda unit: create_link(unit, self.brand_id, enrollment_id=enrollment_id, draft=draft, by="ambassador").id
        )

    def product(self, title: str, *, price: str = "") -> UUID:
        """Enter a product; return it."""
        draft = ProductDraft(title=title, price_text=price, link="https://shop.example.com/p")
        return self.goodword.database.run(
            lambda unit: add_product(unit, self.brand_id, program_id=self.program_id, draft=draft, by="owner").id
        )

    def page(self, enrollment_id: UUID, handle: str, *, approved: bool = True, **said: Any) -> UUID:
        """Let an ambassador write a page and send it, and perhaps approve it; return the page."""

        def work(unit: UnitOfWork) -> UUID:
            document = PageDocument.model_validate({"name": handle.title()} | said)
            draft = PageDraft(handle=handle, document=document)
            save_draft(unit, self.brand_id, enrollment_id=enrollment_id, draft=draft, by="ambassador")
            file = submit(unit, self.brand_id, enrollment_id=enrollment_id, by="ambassador")
            if approved:
                seen = file.newest.fingerprint
                approve_page(unit, self.brand_id, page_id=file.page.id, fingerprint=seen, by="owner")
            return file.page.id

        return self.goodword.database.run(work)

    def picture(self, kind: AssetKind = AssetKind.PHOTO, *, by: str = "ambassador") -> UUID:
        """Keep a picture that somebody sent; return it."""
        file = BytesIO()
        Image.linear_gradient("L").resize((320, 400)).convert("RGB").save(file, "JPEG")
        body = file.getvalue()
        return self.goodword.database.run(
            lambda unit: store_picture(unit, self.brand_id, body=body, kind=kind, by=by).id
        )

    def publish(self, document: TermsDocument) -> None:
        """Publish other terms, a moment later: no two versions begin at one instant."""
        self.clock.advance(timedelta(seconds=1))
        self.goodword.database.run(
            lambda unit: publish_terms(
                unit,
                self.brand_id,
                program_id=self.program_id,
                document=document,
                host=self.goodword.plugins,
                by="owner",
            )
        )

    def order(
        self,
        number: str,
        minor: int,
        *,
        code: str | None,
        placed_at: datetime | None = None,
        currency: str = "EUR",
        customer: str | None = None,
    ) -> None:
        """Let a paid order come in."""
        at = placed_at or self.clock.now()
        event = OrderEvent(
            external_id=number,
            updated_at=at,
            placed_at=at,
            currency=currency,
            lines=(OrderLine("1", minor),),
            charged_minor=minor,
            paid_at=at,
            codes=(code,) if code else (),
            customer=Customer(email=customer or f"customer-{number}@example.org"),
        )
        self.take_in(f"order:{number}", event)

    def refund(self, number: str, *, order: str, minor: int, currency: str = "EUR") -> None:
        """Let a refund come in."""
        now = self.clock.now()
        self.take_in(f"refund:{number}", RefundEvent(number, order, now, now, currency, minor))

    def take_in(self, key: str, event: OrderEvent | RefundEvent) -> None:
        """Let a delivery come in."""
        delivery = Delivery(key=key, body=b"{}", events=(event,))
        done = self.goodword.pipeline.ingest(self.brand_id, SHOP, deliveries=[delivery])
        assert not done.refused, done.refused

    def mature(self, *, days: int) -> None:
        """Let days pass over the books."""
        self.clock.advance(timedelta(days=days))
        mature(self.goodword.pipeline, self.brand_id)

    def pay(self, *, confirmed: bool) -> str:
        """Pay everybody who can be paid; return the batch's reference."""
        run = run_payouts(
            self.goodword.database,
            self.goodword.plugins,
            brand_id=self.brand_id,
            rail="payout_csv",
            by="owner",
            keyring=self.goodword.keyring,
        )
        reference = run.batch.reference
        if confirmed:
            day = self.clock.now().date()
            self.goodword.database.run(
                lambda unit: confirm_batch(unit, self.brand_id, reference=reference, paid_on=day, by="owner")
            )
        return reference

    def session(self, email: str, realm: Realm) -> str:
        """Return the token of a session of somebody."""
        return self.goodword.database.run(
            lambda unit: start_session(unit, ensure_login(unit, email_key(email)).id, realm=realm)
        )

    def link(self, email: str) -> str:
        """Return the token of a sign-in link for somebody."""
        return self.goodword.database.run(
            lambda unit: issue_sign_in_link(unit, ensure_login(unit, email), lifetime=timedelta(hours=1))
        )


def installation(database: Database, home: Path, *, host: PluginHost | None = None) -> Goodword:
    """Return an installation over a migrated database."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = Settings(home=home, database_url=url, secret_key=SecretStr("t" * 40), smtp_url="")
    host = host or load_plugins(PLUGINS)
    return Goodword(settings, database, host, Pipeline.of(database, host, keyring=settings.keyring))


def open_shop(
    goodword: Goodword, clock: VirtualClock, *, slug: str = "bean", name: str = "Bean & Leaf", program: str = "Friends"
) -> Shop:
    """Make a brand with one 10 % program and a member of staff of each role (`owner@bean.example`, …)."""

    def work(unit: UnitOfWork) -> Shop:
        brand = create_brand(unit, slug=slug, name=name)
        for role in Role:
            add_staff(unit, brand.id, email=f"{role}@{slug}.example", name=f"{role.title()} of {name}", role=role)
        draft = ProgramDraft(slug="friends", name=program, currency="EUR", time_zone="Europe/Berlin", priority=1)
        made = create_program(unit, brand.id, draft=draft, by="owner")
        publish_terms(unit, brand.id, program_id=made.id, document=TEN_PERCENT, host=goodword.plugins, by="owner")
        ensure_minimum(unit, brand.id, currency="EUR")
        return Shop(goodword, clock, brand.id, slug, made.id, "friends")

    return goodword.database.run(work)


def fill(shop: Shop) -> None:
    """Give a shop a past: four months of orders, one refund, a paid payout, and people who wait."""
    anna = shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")
    shop.ambassador("Maximilian-Alexander von Habsburg-Lothringen zu Sonnenberg", "max@example.com", code="MAXIMILIAN")
    shop.ambassador("李小龍", "li@example.com", code="DRAGON")
    ben = shop.ambassador("Ben Okafor", "ben@example.com", code="BENBREWS")
    number = 1000
    for month in range(4):
        for index in range(6 + 3 * month):
            number += 1
            code = ("ANNA10", "ANNA10", "MAXIMILIAN", "DRAGON", None)[index % 5]
            shop.order(str(number), 9_450 + 2_375 * (index % 7) + 310 * month, code=code)
            shop.clock.advance(timedelta(days=2))
        shop.mature(days=1)
        if month == 1:
            shop.refund("r1", order="1001", minor=1_000)
            shop.pay(confirmed=True)
    shop.mature(days=1)
    shop.order("2001", 12_400, code="ANNA10")
    shop.order("2002", 900, code="BENBREWS")
    shop.mature(days=16)
    shop.order("2003", 12_400, code="ANNA10")
    shop.order("2004", 4_400, code="MAXIMILIAN")
    shop.refund("r2", order="2001", minor=3_100)
    shop.publish(CAPPED_IN_EUROS)
    shop.clock.advance(timedelta(minutes=5))
    shop.order("2005", 81_000, code="ANNA10")
    shop.order("US-1", 7_000, code="DRAGON", currency="USD")
    shop.ambassador("Nora Neu", "nora@example.com", code="NORA5")
    shop.applicant(
        "Carla Nuñez",
        "carla@example.com",
        **{
            "Why would you like to join?": "I run a small café blog; my readers ask for beans.\nI already order yours.",
            "Where can people see you?": "https://example.org/carla\nhttps://photos.example.org/carla",
        },
    )
    shop.applicant("Dmitri", "dmitri@example.com")
    _fill_inbox(shop)
    shop.site()
    shop.share(anna, "anna", title="Profile")
    shop.share(anna, destination="https://shop.example.com/products/morning-blend?size=1kg")
    shop.share(ben, "ben-brews-every-single-morning-of-the-week-in-the-old-harbour", title="Beans " * 18)
    beans = shop.product("Morning blend", price="€14.90")
    said: dict[str, Any] = {"headline": "Good mornings.", "story": "I **drink** it.", "product_ids": (beans,)}
    shop.page(anna, "anna-berg", name="Anna Berg", photo_id=shop.picture(), **said)
    shop.page(ben, "ben-brews", name="Ben Okafor", links=("https://instagram.com/benbrews",), approved=False)


def _fill_inbox(shop: Shop) -> None:
    """Connect a shop that sent two webhooks which nobody can read, and then fell silent."""
    goodword = shop.goodword
    draft = ConnectionDraft(
        connector="generic_webhook",
        account="roastery",
        title="Roastery online shop",
        settings={
            "signing_secrets": ["whsec_b2xkLXNlY3JldC1vZi10aGUtc2hvcA=="],
            "currency": "EUR",
            "order": {"id": "id", "updated_at": "at", "placed_at": "at", "paid_at": "at", "net": "total"},
        },
    )

    def connect(unit: UnitOfWork) -> None:
        saved = save_connection(unit, shop.brand_id, draft, host=goodword.plugins, keyring=goodword.keyring, by="owner")
        bodies = (b'{"id": 7, "at": "2026-03-02T09:00:00Z", "total": "twelve"}', b"\x1b[31m not what you expect")
        arrivals = [
            Arrival(shop.brand_id, saved.id, f"msg_{number}", "order.paid", body, unit.now)
            for number, body in enumerate(bodies)
        ]
        asks = Arrival(shop.brand_id, saved.id, "msg_9", "customers/redact", b"{}", unit.now, ignored=True,
                       matters="The customer 191167 asks to be forgotten. Do so within 30 days.")  # fmt: skip
        arrive(unit, [*arrivals, asks])
        _work_in(unit, shop, saved)

    goodword.database.run(connect)
    goodword.webhook_reader().poll()


def _work_in(unit: UnitOfWork, shop: Shop, view: ConnectionView) -> None:
    """Leave a code that failed in a shop, one that was changed there, and comparisons of all ends."""
    drift: dict[str, Any] = {"percent_bps": {"ours": 1_500, "theirs": 9_000}, "active": {"ours": True, "theirs": False}}
    failed: dict[str, Any] = {
        "state": PushState.FAILED.value,
        "drift": null(),
        "problem": "This shop cannot give a fixed amount in EUR.",
    }
    changed: dict[str, Any] = {"state": PushState.PUSHED.value, "pushed_hash": "h", "reference": "7", "drift": drift}
    common: dict[str, Any] = {"brand_id": shop.brand_id, "connection_id": view.id, "wanted_hash": "h"}
    codes = codes_by_key(unit, shop.brand_id, keys=["DRAGON", "MAXIMILIAN"])
    for code, said in zip(codes, (failed, changed), strict=True):
        times: dict[str, Any] = {"run_at": unit.now, "updated_at": unit.now}
        unit.session.add(PushedCode(promo_code_id=code.id, **common, **times, **said))
    lost = Findings(seen=41, missing=["order 1044", "order 1045"], different=["refund 7"], extra=["order 9"])
    lost.refused = ["order:1046:3: There is no total."]
    for findings, problem in ((Findings(seen=12), None), (lost, None), (Findings(), "The shop answers 503.")):
        named: dict[str, Any] = {
            "connection_id": view.id,
            "connected_at": view.created_at,
            "kind": ReconciliationKind.SLIDING,
        }
        row = begin(unit, shop.brand_id, **named)
        end(unit, shop.brand_id, row_id=row.id, findings=findings, until=unit.now, problem=problem)


@dataclass(frozen=True, slots=True)
class Past:
    """A brand with a past, to copy: the file of its database, and the instant at which its clock stands."""

    file: Path
    now: datetime
    shop: Shop

    @classmethod
    def make(cls, backend: SqliteBackend, home: Path, *, start: datetime) -> "Past":
        """Fill a brand and keep its database's file in `home`."""
        clock = VirtualClock(start)
        database = backend.open(clock)
        shop = open_shop(installation(database, home), clock)
        fill(shop)
        path = Path(str(database.engine.url.database))
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copyfile(path, home / "past.sqlite3")
        backend.discard(database)
        return cls(home / "past.sqlite3", clock.now(), shop)

    def open(self, home: Path, clock: VirtualClock) -> Database:
        """Return a copy of the database, and put `clock` where its story ends."""
        clock.set(self.now)
        shutil.copyfile(self.file, home / "copy.sqlite3")
        return open_database(f"sqlite:///{home / 'copy.sqlite3'}", clock=clock)

    def shop_in(self, goodword: Goodword, clock: VirtualClock) -> Shop:
        """Return the brand as it is in a copy."""
        return replace(self.shop, goodword=goodword, clock=clock)
