"""Asks a plugin and holds the answer to its contract, so that a wrong answer counts as a failure like any other.

What comes back from here has the types and bounds that `plugin_api` promises. What is in a commerce event is checked by
intake, field by field.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import BinaryIO, Final, TypeVar

from engine.kernel.errors import InputError, RowProblem
from engine.kernel.money import BPS
from engine.plugin_api import (
    WHOLE_PPM,
    AttributionCase,
    AttributionModel,
    ChargebackEvent,
    CommerceEvent,
    Connector,
    Delivery,
    Due,
    FileConnector,
    OrderCase,
    OrderEvent,
    PaymentFile,
    PayoutRail,
    PayoutView,
    PeriodCase,
    PeriodDue,
    PluginSettings,
    RefundEvent,
    RewardType,
    Verdict,
)
from engine.plugin_host.guard import ContractBreachError, Registered

A = TypeVar("A")

_UNSAFE_IN_NAME: Final = frozenset('/\\\0\r\n"')
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,99}(; ?[a-z]+=[A-Za-z0-9._-]{1,40}){0,3}")
_A_RATE: Final = f"a rate (rate_bps, a whole number from 0 to {BPS:,})"
_A_FLAT_AMOUNT: Final = "a flat amount (flat_minor, a whole number from 0 on)"
_EVENTS: Final = (OrderEvent, RefundEvent, ChargebackEvent)


def ask_due(reward_type: Registered[RewardType], cases: Sequence[OrderCase]) -> Sequence[Due]:
    """Return what each order owes, in the order asked.

    Raises:
        PluginFailedError: the plugin broke, or an answer is none: not one `Due` per case, a rate outside 0 to 10,000
            basis points, a negative or fractional amount, a line that the order does not have.
        GoodwordError: what the plugin raised on purpose, such as `MissingCurrencyError`.
    """

    def question(value: RewardType) -> Sequence[Due]:
        dues = _one_each(value.due(cases), cases, Due)
        for case, due in zip(cases, dues, strict=True):
            _check_due(due, case, settles_periods=value.settles_periods)
        return dues

    return reward_type.ask(question)


def ask_due_for_period(reward_type: Registered[RewardType], cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
    """Return what each month owes in all, in the order asked.

    Raises:
        PluginFailedError: the plugin broke, or a step is not a whole base from 0 on at 0 to 10,000 basis points.
        GoodwordError: what the plugin raised on purpose, such as `MissingCurrencyError`.
    """

    def question(value: RewardType) -> Sequence[PeriodDue]:
        dues = _one_each(value.due_for_period(cases), cases, PeriodDue)
        for step in (step for due in dues for step in due.steps):
            if not (_whole(step.base_minor) and _rate(step.rate_bps)):
                raise _breach(f"a month's step is {step!r}")
        return dues

    return reward_type.ask(question)


def ask_verdicts(model: Registered[AttributionModel], cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
    """Return a verdict for each case, in the order asked.

    Raises:
        PluginFailedError: the plugin broke, or a verdict is none: shares that do not sum to 1,000,000, one for somebody
            who is no candidate, two for one, or no reason.
        GoodwordError: what the plugin raised on purpose.
    """

    def question(value: AttributionModel) -> Sequence[Verdict]:
        verdicts = _one_each(value.choose(cases), cases, Verdict)
        for case, verdict in zip(cases, verdicts, strict=True):
            _check_verdict(verdict, {candidate.ref for candidate in case.candidates})
        return verdicts

    return model.ask(question)


def ask_parse(
    connector: Registered[Connector], body: bytes, *, topic: str, settings: PluginSettings
) -> tuple[CommerceEvent, ...]:
    """Return the events in `body`, which came under `topic`.

    Raises:
        PluginFailedError: the plugin broke, or answered with something that is no event.
        InputError: the body cannot be read.
    """

    def question(value: Connector) -> tuple[CommerceEvent, ...]:
        events = tuple(value.parse(body, topic=topic, settings=settings))
        if not all(isinstance(event, _EVENTS) for event in events):
            raise _breach("parse gives what is no event")
        return events

    return connector.ask(question)


def ask_file(
    connector: Registered[Connector], file: BinaryIO, *, name: str, settings: PluginSettings
) -> Iterator[Delivery | RowProblem]:
    """Yield the deliveries and row problems of a file; every step of the reading is guarded, not only its start.

    Raises:
        PluginFailedError: the plugin broke, or yielded something else.
        InputError: the connector reads no files, or this one cannot be read as a whole.
    """
    if not isinstance(connector.value, FileConnector):
        remedy = "Name one that does, such as csv_orders."
        raise InputError(f"The {connector.what} reads no files.", remedy=remedy)
    reader = connector.value
    items = connector.ask(lambda _: iter(reader.read_file(file, name=name, settings=settings)))

    def question(_: Connector) -> Delivery | RowProblem | None:
        item: object = next(items, None)
        if item is not None and not isinstance(item, Delivery | RowProblem):
            raise _breach("read_file yields what is no delivery")
        return item

    while (item := connector.ask(question)) is not None:
        yield item


def ask_payment_file(
    rail: Registered[PayoutRail],
    payouts: Sequence[PayoutView],
    *,
    batch_reference: str,
    day: date,
    settings: PluginSettings,
) -> PaymentFile:
    """Return the payment file of a batch.

    Raises:
        PluginFailedError: the plugin broke, or answered with no file, an empty one, or one whose name leads elsewhere.
        GoodwordError: what the plugin raised on purpose.
    """

    def question(value: PayoutRail) -> PaymentFile:
        file: object = value.payment_file(payouts, batch_reference=batch_reference, day=day, settings=settings)
        if not isinstance(file, PaymentFile):
            raise _breach("payment_file gives no PaymentFile")
        content, media_type, name = _of_file(file)
        if not isinstance(content, bytes) or not content:
            raise _breach("the payment file is empty, or holds no bytes")
        if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
            raise _breach(f"{media_type!r:.100} is no media type such as text/csv")
        if not isinstance(name, str) or name in ("", ".", "..") or not _UNSAFE_IN_NAME.isdisjoint(name):
            raise _breach(f"{name!r:.100} is no plain file name")
        return file

    return rail.ask(question)


def _of_file(file: PaymentFile) -> tuple[object, object, object]:
    return file.content, file.media_type, file.name


def _one_each(answers: object, cases: Sequence[object], kind: type[A]) -> Sequence[A]:
    if not isinstance(answers, Sequence) or len(answers) != len(cases):
        raise _breach(f"it does not answer each of {len(cases)} cases once")
    if not all(type(answer) is kind for answer in answers):
        raise _breach(f"an answer is no {kind.__name__}")
    return answers


def _check_due(due: Due, case: OrderCase, *, settles_periods: bool) -> None:
    if due.cap_minor is not None and not _whole(due.cap_minor):
        raise _breach(f"a cap is {due.cap_minor!r}")
    known = {line.line_id for line in case.order.lines}
    for part in due.parts:
        rated = part.flat_minor is None and _rate(part.rate_bps)
        flat = part.rate_bps is None and _whole(part.flat_minor)
        if not (rated or flat):
            raise _breach(f"{part!r} is neither {_A_RATE} nor {_A_FLAT_AMOUNT}")
        if type(part.why) is not str:
            raise _breach(f"{part!r} says why in no words")
        if part.in_period and not (rated and settles_periods):
            raise _breach(f"{part!r} counts for a month that nobody settles")
        if part.line_ids is not None and not known.issuperset(part.line_ids):
            raise _breach(f"{part!r} names lines of another order")


def _check_verdict(verdict: Verdict, refs: Collection[int]) -> None:
    shares = verdict.shares
    said: tuple[object, ...] = (verdict.rule, verdict.reason)
    if not all(isinstance(text, str) and text for text in said):
        raise _breach("a verdict gives no rule or no reason")
    if not shares:
        return
    if not all(type(share.ppm) is int and share.ppm > 0 for share in shares):
        raise _breach(f"a share is no part per million: {shares!r}")
    if sum(share.ppm for share in shares) != WHOLE_PPM:
        raise _breach(f"the shares do not sum to {WHOLE_PPM:,}: {shares!r}")
    chosen = {share.ref for share in shares}
    if len(chosen) != len(shares) or not chosen.issubset(refs):
        raise _breach(f"the shares go to one candidate twice, or to none: {shares!r}")


def _whole(amount: object) -> bool:
    return type(amount) is int and amount >= 0


def _rate(rate_bps: object) -> bool:
    return type(rate_bps) is int and 0 <= rate_bps <= BPS


def _breach(what: str) -> ContractBreachError:
    return ContractBreachError(f"its answer breaks the contract: {what}")
