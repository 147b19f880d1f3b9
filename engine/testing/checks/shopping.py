"""Checks of what a connector does with its shop: pulls, codes, links that carry a code, subscriptions, completion."""

from dataclasses import replace
from functools import partial
from typing import Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from engine.plugin_api import Capability, Delivery, GoodwordError, HttpClient, PulledPage, ShopCode, Subscription
from engine.testing.checks.online import ADDRESS, OnlineChecks
from engine.testing.checks.reading import ReadingChecks
from engine.testing.conformance import needs, require

_MOST_PAGES: Final = 1_000


class ShoppingChecks(OnlineChecks, ReadingChecks):
    """What pull, codes, code links, subscriptions and completion promise.

    `destination` is a page of the shop, for connectors whose links carry a code.
    """

    destination: str = "https://shop.example/pages/new?colour=red#top"

    @needs(Capability.PULL)
    def test_a_pull_ends_and_gives_deliveries_that_can_be_read_again(self) -> None:
        """Page by page, to an end; each delivery's events are those of its body, and no key stands twice."""
        pages = self._pages(self.shop(), None)
        deliveries = [delivery for page in pages for delivery in page.deliveries]
        require(deliveries, "The pull found nothing.", remedy="Let shop() have an order that changed in `window`.")
        self.can_be_read_again(deliveries)

    @needs(Capability.PULL)
    def test_a_pull_goes_on_from_any_page_and_the_same_page_comes_again(self) -> None:
        """After a crash the host asks with the cursor that it kept, and must get what it would have got."""
        http = self.shop()
        pages = self._pages(http, None)
        cursors = [None, *(page.cursor for page in pages[:-1])]
        remedy = "Put everything into the cursor that the next page depends on, and keep nothing in the connector."
        for number, cursor in enumerate(cursors):
            rest = self._pages(http, cursor)
            require(rest == pages[number:], f"From cursor {cursor!r} on, other pages came than before.", remedy=remedy)

    @needs(Capability.CODES)
    def test_a_code_that_is_pushed_twice_is_there_once(self) -> None:
        """Pushed again after a timeout, it is found and brought to what was asked, never made anew."""
        http = self.shop()
        require(
            self._find(http, self.code.code) is None, "The shop has `code` already.", remedy="Let shop() be without it."
        )
        first, again = self._push(http), self._push(http)
        remedy = "Look for the code first, or send its key where the shop takes an idempotency key."
        require(first == again, f"Pushed twice, the code has two references: {first!r} and {again!r}.", remedy=remedy)
        found = self._find(http, self.code.code)
        require(
            found is not None,
            "The code that was pushed cannot be found.",
            remedy="Let find_code ask as push_code wrote.",
        )
        if found is not None:
            require(found.reference == first, f"find_code calls {found.reference!r} what push_code called {first!r}.",
                    remedy="Return the same reference from both: revoke_code is called with it.")  # fmt: skip
            require(found.active, "The code that was pushed is not active.", remedy="Switch it on when it is pushed.")
            wanted = self.code.percent_bps
            right = wanted is None or found.percent_bps in (None, wanted)
            require(right, f"Asked for {wanted} basis points, the shop gives {found.percent_bps}.",
                    remedy="Mind the unit: 1,000 basis points are 10 %.")  # fmt: skip
        in_lower_case = self._find(http, self.code.code.lower())
        require(
            in_lower_case == found,
            "The code is not found in lower case.",
            remedy="Compare codes without regard to case.",
        )

    @needs(Capability.CODES)
    def test_a_code_that_is_revoked_is_no_longer_given_and_a_missing_one_is_quiet(self) -> None:
        """Revoking twice, or what was never there, is no error: what was wanted is so."""
        http = self.shop()
        reference = self._push(http)
        for _ in range(2):
            self._revoke(http, reference)
        found = self._find(http, self.code.code)
        gone = found is None or not found.active
        require(gone, "A code that was revoked is still active.", remedy="Delete it, or switch it off.")
        self._revoke(http, self.missing_reference)

    @needs(Capability.CODE_LINKS)
    def test_a_link_that_carries_a_code_stays_with_the_shop(self) -> None:
        """The same host, the code inside, the destination kept; and a code with odd characters breaks out nowhere."""
        connector: Any = self.connector
        shapes = set()
        for code in (self.code.code, "A B&c=d", "ÄÖ-1", "a/../b", "x#y?z"):
            address = self.ask(partial(connector.code_address, self.destination, code=code, settings=self.settings))
            if address is None and code != self.code.code:
                continue
            require(
                isinstance(address, str),
                f"code_address gives {address!r} for {code!r}.",
                remedy="Set settings and destination with which the shop applies a code, or declare no CODE_LINKS.",
            )
            at, to = urlsplit(address), urlsplit(self.destination)
            same = (at.scheme, at.netloc) == (to.scheme, to.netloc)
            require(
                same, f"{address!r} leads to another host than {self.destination!r}.", remedy="Keep scheme and host."
            )
            plain = address.isascii() and address.isprintable() and " " not in address
            require(plain, f"{address!r} is no address.", remedy="Quote the code by urllib.parse.quote(code, safe='').")
            require(code != self.code.code or code in address, f"{address!r} lacks the code.", remedy="Put it in.")
            said = all(part in unquote(address) for part in to.query.split("&"))
            require(said, f"{address!r} lost a part of {to.query!r}.", remedy="Keep what the destination carries.")
            shapes.add((tuple(name for name, _ in parse_qsl(at.query, keep_blank_values=True)), at.fragment))
            inside = "/../" not in at.path and len(shapes) == 1
            require(inside, f"A code breaks out of its place: {address!r}.", remedy="Quote it with safe=''.")

    @needs(Capability.SUBSCRIPTIONS)
    def test_subscribing_makes_the_shop_send_every_topic_once(self) -> None:
        """Before, topics are named and not sent; after, all are; and again changes nothing."""
        http = self.shop()
        before = self._subscriptions(http)
        require(
            before, "No topics are named.", remedy="Return every wanted topic, also those that the shop does not send."
        )
        for _ in range(2):
            self._subscribe(http)
            now = self._subscriptions(http)
            off = [one.topic for one in now if not one.enabled]
            require(not off, f"After subscribe, these are not sent: {', '.join(off)}.", remedy="Switch every topic on.")
            topics = sorted(one.topic for one in now)
            require(topics == sorted(one.topic for one in before), "Subscribing changed which topics are named.",
                    remedy="Name the wanted topics, each once, whatever the shop has.")  # fmt: skip

    @needs(Capability.COMPLETION)
    def test_a_completed_webhook_can_be_read_alone(self) -> None:
        """Completed twice it is the same, and parse reads it without asking anybody."""
        require(self.pointers, "There are no webhooks to complete.", remedy="Set pointers = (Sample(body, topic), …).")
        for pointer in self.pointers:
            http, ask = self.shop(), self._completing(pointer)
            body: Any = self.ask(partial(ask, http))
            again = self.ask(partial(ask, http))
            require(isinstance(body, bytes), f"complete gives {type(body).__name__}.", remedy="Return bytes.")
            require(
                body == again, "Completed twice, it is another body.", remedy="Write what the shop answered, as it is."
            )
            events = self.parsed(replace(pointer, body=body))
            require(events, "A completed webhook holds no event.", remedy="Let shop() know what the pointer points at.")

    def _pages(self, http: HttpClient, cursor: str | None) -> list[PulledPage]:
        connector: Any = self.connector
        (since, until), pages = self.window, list[PulledPage]()
        while not pages or cursor is not None:
            page: object = self.ask(
                partial(connector.pull, since=since, until=until, cursor=cursor, settings=self.settings, http=http)
            )
            remedy = "Return PulledPage(deliveries, cursor), with cursor None on the last page."
            require(isinstance(page, PulledPage), f"pull gives {page!r:.80}.", remedy=remedy)
            pages.append(page)  # type: ignore[arg-type]
            given = pages[-1].deliveries
            plain = all(isinstance(one, Delivery) for one in given)
            require(plain, "A page holds what is no Delivery.", remedy=remedy)
            require(len(pages) < _MOST_PAGES, f"After {_MOST_PAGES:,} pages there is still a cursor.", remedy=remedy)
            cursor = pages[-1].cursor
            known: object = cursor
            require(known is None or (isinstance(known, str) and known), f"A cursor is {known!r}.", remedy=remedy)
        return pages

    def _find(self, http: HttpClient, code: str) -> ShopCode | None:
        connector: Any = self.connector
        found: Any = self.ask(lambda: connector.find_code(code, settings=self.settings, http=http))
        right = found is None or isinstance(found, ShopCode)
        require(right, f"find_code gives {found!r}.", remedy="Return a ShopCode, or None.")
        return cast("ShopCode | None", found)

    def _push(self, http: HttpClient) -> str:
        connector: Any = self.connector
        reference: object = self.ask(lambda: connector.push_code(self.code, settings=self.settings, http=http))
        fits = isinstance(reference, str) and reference
        require(fits, f"push_code gives {reference!r}.", remedy="Return the shop's id of the code as text.")
        return str(reference)

    def _revoke(self, http: HttpClient, reference: str) -> None:
        connector: Any = self.connector
        try:
            self.ask(lambda: connector.revoke_code(reference, settings=self.settings, http=http))
        except GoodwordError as error:
            told = f"Revoking {reference!r} where it is gone or to go raised {type(error).__name__}: {error}"
            raise AssertionError(f"{told}\n    Give accept=(404,) to the request, or ask first.") from None

    def _subscriptions(self, http: HttpClient) -> tuple[Subscription, ...]:
        connector: Any = self.connector
        return tuple(self.ask(lambda: connector.subscriptions(address=ADDRESS, settings=self.settings, http=http)))

    def _subscribe(self, http: HttpClient) -> None:
        connector: Any = self.connector
        self.ask(lambda: connector.subscribe(address=ADDRESS, settings=self.settings, http=http))
