"""Checks of webhooks: who is believed, over which bytes, and under which key."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.plugin_api import Capability, SignatureError, Webhook, WebhookKind, WebhookRequest
from engine.testing.checks.connector import ConnectorCase, Sample
from engine.testing.conformance import needs, require

NOW: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LONGEST_KEY: Final = 300
_SIGNATURES: Final = ("sign", "hmac", "authorization")
_FROM_THE_FUTURE: Final = timedelta(days=1)


class WebhookChecks(ConnectorCase):
    """What `verify` promises.

    The author signs: `signed` returns the request that the shop would make. `stale_after` is how long a signature
    holds, None where the shop signs no time. `sent` are the bodies that webhooks carry, where those are not `samples`.
    """

    stale_after: timedelta | None
    sent: Sequence[Sample] = ()

    def signed(self, body: bytes, *, topic: str, at: datetime) -> WebhookRequest:
        """Return the webhook by which the shop sends `body` under `topic` at the instant `at`, signed by `settings`.

        Two bodies get two delivery ids, as from the shop. Names of headers are lower-case.
        """
        remedy = "Write signed(self, body, *, topic, at) that returns WebhookRequest(headers, body, at)."
        raise AssertionError(f"The author does not say how this shop signs.\n    {remedy}")

    def webhook_samples(self) -> Sequence[Sample]:
        """Return the bodies that webhooks carry."""
        return self.sent or self.given_samples()

    def verified(self, request: WebhookRequest) -> Webhook:
        """Return what the connector takes `request` for."""
        connector: Any = self.connector
        found: object = self.ask(lambda: connector.verify(request, settings=self.settings))
        require(
            isinstance(found, Webhook), f"verify gives {found!r}.", remedy="Return a Webhook, or raise SignatureError."
        )
        return found  # type: ignore[return-value]  # just held to it

    def believed(self, request: WebhookRequest) -> Webhook:
        """Return what the connector takes `request` for, which the author signed."""
        try:
            return self.verified(request)
        except SignatureError as error:
            remedy = "Let `signed` sign as the shop does, with the secret in `settings`; see stale_after for the time."
            raise AssertionError(f"What the author signed is refused: {error}\n    {remedy}") from None

    @needs(Capability.WEBHOOKS)
    def test_a_signed_webhook_is_taken_with_key_and_topic(self) -> None:
        """What the shop signed is taken; the key is one that can be stored, and the topic the one that parse reads."""
        for sample in self.webhook_samples():
            webhook = self.believed(self._request(sample))
            key: object = webhook.key
            fits = isinstance(key, str) and 0 < len(key) <= LONGEST_KEY and key.isprintable()
            require(fits, f"The key is {key!r:.80}.", remedy=f"Make it 1 to {LONGEST_KEY} printable characters.")
            require(
                webhook.kind is WebhookKind.EVENT, f"A sample counts as {webhook.kind}.", remedy="Let it be an EVENT."
            )
            remedy = "Return the topic under which parse reads the body; correct the sample's if that is wrong."
            require(webhook.topic == sample.topic, f"{sample.topic!r} comes back as {webhook.topic!r}.", remedy=remedy)

    @needs(Capability.WEBHOOKS)
    def test_a_missing_or_wrong_signature_is_refused(self) -> None:
        """Without the signature, with another one, or with one of another body, nobody is believed."""
        for sample in self.webhook_samples():
            request = self._request(sample)
            remedy = (
                "Compare a keyed hash by hmac.compare_digest, and raise SignatureError where it differs or is missing."
            )
            require(
                self._refused(replace(request, headers={})), "A webhook without headers is believed.", remedy=remedy
            )
            named = [name for name in request.headers if any(word in name for word in _SIGNATURES)]
            for name in named:
                guards = self._guards(request, name)
                require(guards, f"A webhook is believed without {name}, or with another value in it.", remedy=remedy)
            guarded = named or any(self._guards(request, name) for name in request.headers)
            require(guarded, "There is no header without which, or with another value, it is refused.", remedy=remedy)

    @needs(Capability.WEBHOOKS)
    def test_the_signature_is_over_the_raw_bytes_and_judged_before_they_are_read(self) -> None:
        """One byte more is another webhook, however alike it reads; and what is signed need not be readable."""
        sample = self.webhook_samples()[0]
        request = self._request(sample)
        for other in (sample.body + b" ", sample.body + b"\n", b" " + sample.body, b"", sample.body[:-1]):
            refused = self._refused(replace(request, body=other))
            remedy = "Hash request.body as it is, before any JSON is read."
            require(refused, "A body that was changed in transit is believed.", remedy=remedy)
        for junk in (b"\xff\x00\xfe", b"{", b"", b"[1,2", b"null"):
            signed = self.signed(junk, topic=sample.topic, at=NOW)
            try:
                self.verified(signed)
            except Exception as error:
                told = f"A signed body that cannot be read made verify raise {type(error).__name__}: {error!s:.200}"
                remedy = (
                    "Judge the signature alone; parse says InputError later, and the body is kept as a dead letter."
                )
                raise AssertionError(f"{told}\n    {remedy}") from error

    @needs(Capability.WEBHOOKS)
    def test_a_stale_signature_is_refused(self) -> None:
        """Where the shop signs the time, an old webhook cannot be played again, nor one from the future."""
        remedy = "Set stale_after to how long a signature holds, or to None where this shop signs no time."
        require(
            hasattr(type(self), "stale_after"), "It is not said after how long a signature is stale.", remedy=remedy
        )
        request = self._request(self.webhook_samples()[0])
        if self.stale_after is None:
            later = self.believed(replace(request, received_at=NOW + timedelta(days=2)))
            require(later == self.believed(request), "The time of arrival changes the webhook.", remedy=remedy)
            return
        for moved in (self.stale_after + timedelta(minutes=1), -self.stale_after - _FROM_THE_FUTURE):
            refused = self._refused(replace(request, received_at=NOW + moved))
            require(refused, f"A webhook signed {moved} before it arrived is believed.",
                    remedy="Compare the signed time with request.received_at, both ways.")  # fmt: skip

    @needs(Capability.WEBHOOKS)
    def test_a_webhook_that_comes_twice_has_one_key_and_another_body_another(self) -> None:
        """A retry of the shop counts once; two different things never share a key."""
        keys: dict[str, bytes] = {}
        for sample in self.webhook_samples():
            request = self._request(sample)
            first = self.believed(request)
            again = self.believed(replace(request, received_at=NOW + timedelta(minutes=1)))
            remedy = "Take the shop's delivery id, or a hash of the body, and nothing that changes from try to try."
            require(first == again, f"One webhook has two keys: {first.key!r} and {again.key!r}.", remedy=remedy)
            same = keys.setdefault(first.key, sample.body) == sample.body
            remedy = "Take a hash of the body into the key where the shop's ids may repeat."
            require(same, f"Two bodies share the key {first.key!r}: the second would never be read.", remedy=remedy)

    def _request(self, sample: Sample) -> WebhookRequest:
        return self.signed(sample.body, topic=sample.topic, at=NOW)

    def _guards(self, request: WebhookRequest, name: str) -> bool:
        rest = {key: other for key, other in request.headers.items() if key != name}
        forged = [rest, *({**rest, name: wrong} for wrong in _wrong(request.headers[name]))]
        return all(self._refused(replace(request, headers=headers)) for headers in forged)

    def _refused(self, request: WebhookRequest) -> bool:
        try:
            self.verified(request)
        except SignatureError:
            return True
        except AssertionError:
            raise
        except Exception as error:
            told = f"verify answered a forged webhook with {type(error).__name__}: {error!s:.200}"
            raise AssertionError(f"{told}\n    Raise SignatureError whatever the headers hold.") from error
        return False


def _wrong(value: str) -> tuple[str, ...]:
    middle = len(value) // 2
    other = "0" if value[middle : middle + 1] != "0" else "1"
    return ("", value[:-1], f"{value[:middle]}{other}{value[middle + 1 :]}", "\xe4\u2603", "," * 50)
