"""A shop in this process: orders, refunds and codes, webhooks that behave like real ones, and an HTTP API.

Everything that a test wants to go wrong goes wrong on request, and the same way every time: chance comes from `seed`,
time from the clock.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from engine.kernel.canonical import dump_json
from engine.kernel.clock import VirtualClock
from engine.plugin_api import HttpClient
from engine.testing.fakes import host_client
from engine.testing.fakes.orders import FakeOrder, FakeRefund, Item
from engine.testing.fakes.shop_api import Code, ShopApi
from engine.testing.fakes.webhooks import RELIABLE, Faults, PostOffice, Receiver, Sending

TOPICS = ("order.placed", "order.paid", "order.updated", "order.refunded", "order.cancelled")


class FakeShop:
    """A shop at `https://fake.example`, whose connector is `engine.testing.fakes.shop_connector`.

    `thin` webhooks carry ids only. `page_size` is how many orders a page of the API holds; `rate_limit` how many
    requests it answers in a minute. The API takes `token`; webhooks are signed with `secret`.
    """

    origin = "https://fake.example"

    def __init__(
        self,
        *,
        clock: VirtualClock,
        seed: int = 0,
        token: str = "fake-token-1",  # noqa: S107 - opens nothing
        secret: str = "fake-secret-1",  # noqa: S107
        sending: Sending = RELIABLE,
        faults: Faults | None = None,
        thin: bool = False,
        page_size: int = 50,
        rate_limit: int | None = None,
    ) -> None:
        self.clock, self.thin = clock, thin
        self.orders: dict[str, FakeOrder] = {}
        dice = random.Random(seed)  # noqa: S311 - chance that must come again
        self.post_office = PostOffice(clock, secret, sending, faults or Faults(), dice)
        self.api = ShopApi(self.orders, self.post_office, topics=TOPICS, token=token, clock=clock)
        self.api.page_size, self.api.rate_limit = page_size, rate_limit
        self._last_change = clock.now()

    # What happens in the shop. Each change sends a webhook to whoever subscribed.

    def place(
        self,
        *items: Item,
        codes: Sequence[str] = (),
        currency: str = "EUR",
        email: str | None = "ann@example.org",
        shipping_minor: int = 0,
        landing_page: str = "https://fake.example/",
        paid: bool = True,
    ) -> str:
        """Take an order and return its id; it is paid at once unless told otherwise."""
        now, order_id = self._stamp(), str(1001 + len(self.orders))
        bought = items or (Item("mug", 2_500),)
        order = FakeOrder(order_id, now, now, currency, bought, tuple(codes), email, landing_page, shipping_minor)
        self.orders[order_id] = order
        self._tell("order.placed", order)
        if paid:
            self.pay(order_id)
        return order_id

    def pay(self, order_id: str) -> None:
        """Let the customer pay."""
        order = self.orders[order_id]
        order.paid_at = order.updated_at = self._stamp()
        self._tell("order.paid", order)

    def update(self, order_id: str) -> None:
        """Change something that no amount depends on, such as a note."""
        order = self.orders[order_id]
        order.updated_at = self._stamp()
        self._tell("order.updated", order)

    def refund(self, order_id: str, *, amount_minor: int | None = None, lines: Mapping[str, int] | None = None) -> str:
        """Give money back, of `lines` or of the order as a whole (all that is left by default); return the refund's id.

        Raises:
            ValueError: it is more than was paid.
        """
        order, given = self.orders[order_id], dict(lines or {})
        left = order.total_minor - order.refunded_minor
        minor = amount_minor if amount_minor is not None else (sum(given.values()) or left)
        if not 0 < minor <= left:
            raise ValueError(f"{minor} cannot be given back: {left} is left.")
        order.updated_at = self._stamp()
        refund = FakeRefund(f"{order_id}-r{len(order.refunds) + 1}", order.updated_at, minor, given)
        order.refunds.append(refund)
        self._tell("order.refunded", order)
        return refund.refund_id

    def cancel(self, order_id: str) -> None:
        """Call the order off; what was paid is not given back by that."""
        order = self.orders[order_id]
        order.cancelled_at = order.updated_at = self._stamp()
        self._tell("order.cancelled", order)

    # How it is reached.

    def client(self) -> HttpClient:
        """Return the host's own client, pinned to this shop."""
        return host_client(self.origin, answer=self.api.handle, clock=self.clock)

    @property
    def codes(self) -> Mapping[str, Code]:
        """The discount codes by the shop's id."""
        return self.api.codes

    def deliver(self, receiver: Receiver) -> int:
        """Send the webhooks that are due now; return how many tries that took."""
        return self.post_office.deliver(receiver)

    def run(self, receiver: Receiver, *, lasting: timedelta) -> int:
        """Let time pass, and send every webhook and every retry when it is due; return how many tries that took."""
        ends, tries = self.clock.now() + lasting, 0
        while (due := self.post_office.next_due()) is not None and due <= ends:
            self.clock.set(max(due, self.clock.now()))
            tries += self.deliver(receiver)
        self.clock.set(ends)
        return tries

    def _tell(self, topic: str, order: FakeOrder) -> None:
        document = order.document()
        sent = {"id": document["id"], "updated_at": document["updated_at"]} if self.thin else document
        self.post_office.enqueue(topic, dump_json(sent).encode())

    def _stamp(self) -> datetime:
        """Return now, and later than every change before: two changes have two times, though the clock stands."""
        self._last_change = max(self.clock.now(), self._last_change + timedelta(milliseconds=1))
        return self._last_change
