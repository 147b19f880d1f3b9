"""A real shop: the promo code that Goodword puts into it, an order with that code, payment, pieces cancelled, refunds.

The same happens to two installations. The first is told by webhooks; the second is told nothing, and asks. In the end
their books are equal.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from werkzeug.serving import make_server

from engine.bootstrap import Goodword, start
from engine.connections.queries import ConnectionView
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.intake.tables import ShopOrder
from engine.kernel.migrate import upgrade
from engine.kernel.settings import Settings
from engine.kernel.tables import table_of
from engine.programs.schemas import TermsDocument
from engine.rewards.tables import RewardScope
from engine.tracking.clicks.rules import click_token
from engine.tracking.codes.service import issue_code
from tests.factories import make_brand, make_click, make_enrollment, make_program
from tests.support.vendure import SECRET, Api, VendureShop, install, lacking, running
from web.hooks import Hooks

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1_800)]

TERMS = TermsDocument.model_validate(
    {
        "rewards": [{"key": "commission", "type": "percentage"}],
        "rates": [{"reward": "commission", "rate_bps": 1_000}],
        "customer_discount": {"percent_bps": 1_250},
    }
)
CODE = "ANNA12"


@dataclass(frozen=True, slots=True)
class House:
    """An installation with one brand, one ambassador with a code, and the shop connected."""

    goodword: Goodword
    brand_id: UUID
    connection: ConnectionView
    click: str

    def books(self) -> list[tuple[Any, ...]]:
        """Return what is owed for each order, and for what."""
        order, scope = table_of(ShopOrder), table_of(RewardScope)
        statement = (
            select(order.c.external_id, scope.c.booked_minor, scope.c.base_minor, scope.c.state, scope.c.asset)
            .join_from(scope, order, order.c.id == scope.c.order_id)
            .where(scope.c.brand_id == self.brand_id)
            .order_by(order.c.external_id)
        )
        with self.goodword.database.reading() as unit:
            return [tuple(found) for found in unit.execute(statement)]


def house(folder: Path, shop: str) -> House:
    folder.mkdir()
    settings = Settings(home=folder, secret_key=SecretStr("v" * 40), private_origins=(shop,), smtp_url="")
    upgrade(settings.database)
    goodword = start(settings)

    def work(unit: Any) -> tuple[UUID, ConnectionView, str]:
        brand = make_brand(unit)
        program = make_program(unit, brand.id, document=TERMS, currency="USD")
        enrollment = make_enrollment(unit, program)
        issue_code(unit, brand.id, program_id=program.id, enrollment_id=enrollment.id, code=CODE, by="test")
        click = make_click(unit, enrollment)
        document = {
            "admin_api": f"{shop}/admin-api",
            "username": "superadmin",
            "password": "superadmin",
            "secrets": [SECRET],
            "click_field": "gwClick",
        }
        draft = ConnectionDraft(connector="vendure", account="main-shop", title="The shop", settings=document)
        view = save_connection(unit, brand.id, draft, host=goodword.plugins, keyring=goodword.keyring, by="test")
        return brand.id, view, click_token(goodword.keyring.key("click"), click.id)

    return House(goodword, *goodword.database.run(work))


@pytest.fixture
def hooked() -> Iterator[tuple[str, Callable[[House], None]]]:
    """An address for webhooks, and what says which installation answers there."""
    answers: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        return answers[0](environ, start_response)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield (
        f"http://127.0.0.1:{server.server_port}/hooks/vendure/main-shop",
        lambda chosen: answers.append(Hooks(chosen.goodword)),
    )
    server.shutdown()
    thread.join()
    server.server_close()
    for hooks in answers:
        hooks.close()


@pytest.fixture
def shop(tmp_path, hooked) -> Iterator[VendureShop]:
    if reason := lacking():
        pytest.skip(reason)
    install()
    folder = tmp_path / "shop"
    folder.mkdir()
    with running(folder, hook_address=hooked[0]) as found:
        yield found


def test_a_real_shop_by_webhook_and_by_asking_leaves_the_same_books(tmp_path, hooked, shop):
    told, asking = (house(tmp_path / name, shop.address) for name in ("told", "asking"))
    hooked[1](told)
    staff = shop.staff()

    for each in (told, asking):  # the second finds the code in the shop, and leaves it as it is
        each.goodword.tell_events()
        assert each.goodword.code_pusher().push_due() == 1
    promotions = staff.ask("{ promotions { items { couponCode enabled actions { args { value } } } } }")
    value = {"args": [{"value": "12.5"}]}
    assert promotions["promotions"]["items"] == [{"couponCode": CODE, "enabled": True, "actions": [value]}]

    order = buy(staff, shop.customer(), click=told.click)
    net = order["lines"][0]["proratedLinePrice"]
    paid = read_until(told, lambda: [(order["code"], tenth(net), net, "pending", "USD")] == told.books())
    assert paid, told.books()

    cancel_one(staff, order)
    left, gross = line_of(staff, order)
    assert abs(2 * left - net) <= 1
    assert read_until(told, lambda: [(order["code"], tenth(left), left, "pending", "USD")] == told.books()), (
        told.books()
    )

    refund(staff, order, amount=order["lines"][0]["proratedLinePriceWithTax"] - gross, settled=True)
    refund(staff, order, amount=1_000, settled=False)  # of the piece that stays: it takes its net part of the line
    left -= round(left * Fraction(1_000, gross))
    assert read_until(told, lambda: [(order["code"], tenth(left), left, "pending", "USD")] == told.books()), (
        told.books()
    )

    asked = asking.goodword.reconciler().reconcile(asking.connection, kind=ReconciliationKind.SLIDING)
    assert (asked.problem, len(asked.findings.missing), asked.findings.refused) == (None, 3, [])
    assert asking.books() == told.books()
    again = asking.goodword.reconciler().reconcile(asking.connection, kind=ReconciliationKind.NIGHTLY)
    assert (again.findings.missing, again.findings.different, again.findings.extra) == ([], [], [])
    checked = told.goodword.reconciler().reconcile(told.connection, kind=ReconciliationKind.SLIDING)
    assert (checked.findings.missing, checked.findings.different) == ([], [])
    for each in (told, asking):
        each.goodword.close()


def buy(staff: Api, customer: Api, *, click: str) -> dict[str, Any]:
    """Buy two laptops with the code, paid; return the order as staff see it."""
    staff.ask(
        """mutation { createPaymentMethod(input: { code: "dummy", enabled: true,
          translations: [{ languageCode: en, name: "dummy" }], handler: { code: "dummy-payment-handler",
          arguments: [{ name: "automaticSettle", value: "true" }] } }) { id } }"""
    )
    products = customer.ask("{ products(options: { take: 1 }) { items { variants { id } } } }")["products"]["items"]
    variant = products[0]["variants"][0]["id"]
    customer.ask("mutation ($v: ID!) { addItemToOrder(productVariantId: $v, quantity: 2) { __typename } }", v=variant)
    applied = customer.ask("mutation ($c: String!) { applyCouponCode(couponCode: $c) { __typename } }", c=CODE)
    assert applied["applyCouponCode"]["__typename"] == "Order"
    fields = {"customFields": {"gwClick": click}}
    customer.ask("mutation ($i: UpdateOrderInput!) { setOrderCustomFields(input: $i) { __typename } }", i=fields)
    customer.ask(
        """mutation { setCustomerForOrder(input: { firstName: "Bea", lastName: "Buyer",
          emailAddress: "bea@example.org" }) { __typename } }"""
    )
    customer.ask(
        """mutation { setOrderShippingAddress(input: { fullName: "Bea", streetLine1: "1 High Street", city: "Berlin",
          postalCode: "10115", countryCode: "DE" }) { __typename } }"""
    )
    method = customer.ask("{ eligibleShippingMethods { id } }")["eligibleShippingMethods"][0]["id"]
    customer.ask("mutation ($m: [ID!]!) { setOrderShippingMethod(shippingMethodId: $m) { __typename } }", m=[method])
    customer.ask('mutation { transitionOrderToState(state: "ArrangingPayment") { __typename } }')
    paid = customer.ask(
        """mutation { addPaymentToOrder(input: { method: "dummy", metadata: {} }) {
          __typename ... on Order { id state } } }"""
    )["addPaymentToOrder"]
    assert paid["state"] == "PaymentSettled"
    wanted = "id code lines { id proratedLinePrice proratedLinePriceWithTax } payments { id }"
    found = staff.ask(f"query ($i: ID!) {{ order(id: $i) {{ {wanted} }} }}", i=paid["id"])
    return dict(found["order"])


def cancel_one(staff: Api, order: dict[str, Any]) -> None:
    """Take one of the two out of the order. Its state stays, and nothing is given back yet."""
    wish = {
        "orderId": order["id"],
        "lines": [{"orderLineId": order["lines"][0]["id"], "quantity": 1}],
        "reason": "sold out",
        "cancelShipping": False,
    }
    done = staff.ask("mutation ($i: CancelOrderInput!) { cancelOrder(input: $i) { __typename } }", i=wish)
    assert done["cancelOrder"]["__typename"] == "Order"


def line_of(staff: Api, order: dict[str, Any]) -> tuple[int, int]:
    """Return what the order's line comes to now, without tax and with it."""
    fields = "lines { proratedLinePrice proratedLinePriceWithTax }"
    found = staff.ask(f"query ($i: ID!) {{ order(id: $i) {{ {fields} }} }}", i=order["id"])["order"]["lines"][0]
    return found["proratedLinePrice"], found["proratedLinePriceWithTax"]


def refund(staff: Api, order: dict[str, Any], *, amount: int, settled: bool) -> None:
    """Give an amount back for one piece, as the shop's own dashboard does: the piece is named, the amount typed in."""
    wish = {
        "lines": [{"orderLineId": order["lines"][0]["id"], "quantity": 1}],
        "shipping": 0,
        "adjustment": 0,
        "amount": amount,
        "paymentId": order["payments"][0]["id"],
        "reason": "one too many",
    }
    made = staff.ask(
        "mutation ($i: RefundOrderInput!) { refundOrder(input: $i) { __typename ... on Refund { id state } } }", i=wish
    )["refundOrder"]
    assert made["state"] == "Pending"
    if settled:
        done = {"id": made["id"], "transactionId": "t1"}
        staff.ask("mutation ($i: SettleRefundInput!) { settleRefund(input: $i) { __typename } }", i=done)


def read_until(told: House, done: Callable[[], bool], *, seconds: float = 60) -> bool:
    """Read webhooks as the worker does until `done`; return whether that came about."""
    end = time.monotonic() + seconds
    reader = told.goodword.webhook_reader()
    while time.monotonic() < end:
        reader.poll()
        if told.books() and done():
            return True
        time.sleep(0.2)
    return False


def tenth(minor: int) -> int:
    """Ten percent, halves to even."""
    whole, rest = divmod(minor, 10)
    return whole + (rest > 5 or (rest == 5 and whole % 2 == 1))
