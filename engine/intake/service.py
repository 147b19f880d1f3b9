"""Records what arrived: keyed deliveries, versioned facts, and a head for each thing.

The same delivery k times has the effect of one, and any order of arrival ends in the same heads: a version replaces the
head only when it is newer, by (`version_at`, `content_hash`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Table, bindparam, null, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.intake.queries import OrderRecord
from engine.intake.rules import FactDraft, Source, instant, is_last_word_on
from engine.intake.tables import (
    Chargeback,
    CommerceFact,
    Delivery,
    DeliveryBody,
    FactKind,
    Notice,
    Refund,
    ShopOrder,
)
from engine.kernel.bulk import insert_rows
from engine.kernel.canonical import content_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.outbox.service import Event, append

_HEADS: dict[FactKind, Table] = {
    FactKind.ORDER: table_of(ShopOrder),
    FactKind.REFUND: table_of(Refund),
    FactKind.CHARGEBACK: table_of(Chargeback),
}


@dataclass(frozen=True, slots=True)
class CheckedDelivery:
    """A delivery whose events were checked and written as facts. `line` is where it began in a file."""

    key: str
    body: bytes
    facts: tuple[FactDraft, ...]
    line: int | None = None


@dataclass(slots=True)
class Recorded:
    """What recording a batch did.

    `touched` are external ids of the orders whose facts changed, `left_customers` keys of customers to whom an order no
    longer belongs, `refused` deliveries whose key was used before with other content: the shop contradicts itself,
    `fresh` the orders that were not known before, without what was taken back from them.
    """

    new: int = 0
    repeated: int = 0
    older: int = 0
    touched: set[str] = field(default_factory=set)
    left_customers: set[str] = field(default_factory=set)
    refused: list[CheckedDelivery] = field(default_factory=list)
    fresh: dict[UUID, OrderRecord] = field(default_factory=dict)


@dataclass(slots=True)
class _Head:
    """A head as read or as it will be written."""

    id: UUID
    version: tuple[Any, str]
    stored: bool
    customer_key: str | None = None
    draft: FactDraft | None = None
    fact_id: UUID | None = None


def record(unit: UnitOfWork, brand_id: UUID, source: Source, *, deliveries: Sequence[CheckedDelivery]) -> Recorded:
    """Store `deliveries` and their facts; return what changed.

    Two keyed reads for the keys and one for each kind of head, then one bulk write for each table.
    """
    result = Recorded()
    fresh = _unknown_deliveries(unit, brand_id, source, deliveries, result)
    if not fresh:
        return result
    place = {"brand_id": brand_id, "connector": source.connector, "account": source.account}
    heads = _read_heads(unit, brand_id, source, fresh)
    facts: list[dict[str, Any]] = []
    for delivery_id, delivery in fresh:
        for draft in delivery.facts:
            row = _advance(unit, place, heads, draft, delivery_id=delivery_id)
            if row is None:
                result.older += 1
                continue
            facts.append(row)
            result.touched.add(draft.order_external_id)
    result.left_customers = {
        head.customer_key
        for head in heads.values()
        if head.customer_key and head.draft and head.draft.payload.get("customer") != head.customer_key
    }
    _write(unit, place, fresh, facts, heads=heads)
    result.fresh = {
        head.id: _record_of(head.id, head.draft, source)
        for (kind, _), head in heads.items()
        if kind is FactKind.ORDER and not head.stored and head.draft
    }
    return result


def notice(unit: UnitOfWork, brand_id: UUID, notices: Sequence[tuple[str, str, UUID | None, str]]) -> None:
    """Note things that somebody should know, as (key, kind, order id, text); a key that is there stays as it is."""
    if not notices:
        return
    rows = [
        {
            "id": new_id(),
            "brand_id": brand_id,
            "notice_key": key,
            "kind": kind,
            "order_id": order_id,
            "text": text,
            "noticed_at": unit.now,
        }
        for key, kind, order_id, text in notices
    ]
    dialect = sqlite if unit.dialect == "sqlite" else postgresql
    unit.execute(dialect.insert(table_of(Notice)).on_conflict_do_nothing(), rows)


def _unknown_deliveries(
    unit: UnitOfWork, brand_id: UUID, source: Source, deliveries: Sequence[CheckedDelivery], result: Recorded
) -> list[tuple[UUID, CheckedDelivery]]:
    columns = table_of(Delivery).c
    known: dict[str, str] = dict(
        unit.execute(
            select(columns.delivery_key, columns.content_hash).where(
                columns.brand_id == brand_id,
                columns.connector == source.connector,
                columns.account == source.account,
                among(unit, columns.delivery_key, [delivery.key for delivery in deliveries]),
            )
        ).all()
    )
    fresh: list[tuple[UUID, CheckedDelivery]] = []
    for delivery in deliveries:
        said = _said(delivery)
        if delivery.key not in known:
            known[delivery.key] = said
            fresh.append((new_id(), delivery))
            result.new += 1
        elif known[delivery.key] == said:
            result.repeated += 1
        else:
            result.refused.append(delivery)
    return fresh


def _said(delivery: CheckedDelivery) -> str:
    """What a delivery says, whatever its bytes look like."""
    hashes = [fact.content_hash for fact in delivery.facts]
    return hashes[0] if len(hashes) == 1 else content_hash(hashes)


def _read_heads(
    unit: UnitOfWork, brand_id: UUID, source: Source, fresh: Sequence[tuple[UUID, CheckedDelivery]]
) -> dict[tuple[FactKind, str], _Head]:
    wanted: dict[FactKind, set[str]] = {}
    for _, delivery in fresh:
        for draft in delivery.facts:
            wanted.setdefault(draft.kind, set()).add(draft.external_id)
    heads: dict[tuple[FactKind, str], _Head] = {}
    for kind, external_ids in wanted.items():
        columns = _HEADS[kind].c
        customer = columns.customer_key if kind is FactKind.ORDER else null()
        wanted_columns = (columns.id, columns.version_at, columns.content_hash, columns.external_id, customer)
        statement = select(*wanted_columns).where(
            columns.brand_id == brand_id,
            columns.connector == source.connector,
            columns.account == source.account,
            among(unit, columns.external_id, sorted(external_ids)),
        )
        if unit.dialect == "postgresql":
            statement = statement.order_by(columns.id).with_for_update()
        for head_id, version_at, digest, external_id, customer_key in unit.execute(statement):
            heads[kind, external_id] = _Head(head_id, (version_at, digest), stored=True, customer_key=customer_key)
    return heads


def _advance(
    unit: UnitOfWork,
    place: Mapping[str, Any],
    heads: dict[tuple[FactKind, str], _Head],
    draft: FactDraft,
    *,
    delivery_id: UUID,
) -> dict[str, Any] | None:
    """Move the thing's head to `draft` if that is newer; return the fact's row, or None."""
    head = heads.get((draft.kind, draft.external_id))
    if head is None:
        head = heads[draft.kind, draft.external_id] = _Head(new_id(), draft.version, stored=False)
    else:
        if _is_tied(head, draft):
            _note_tie(unit, place, draft)
        if head.version >= draft.version:
            return None
    head.version, head.draft, head.fact_id = draft.version, draft, new_id()
    return {
        **place,
        "id": head.fact_id,
        "delivery_id": delivery_id,
        "kind": draft.kind.value,
        "external_id": draft.external_id,
        "version_at": draft.version_at,
        "content_hash": draft.content_hash,
        "payload": draft.payload,
        "recorded_at": unit.now,
    }


def _is_tied(head: _Head, draft: FactDraft) -> bool:
    """Tell whether two contents have one time of change, be it that the shop was asked about it before."""
    changed_at, content = head.version
    same_time = changed_at == draft.version_at or is_last_word_on(changed_at, draft.version_at)
    return same_time and content != draft.content_hash


def _note_tie(unit: UnitOfWork, place: Mapping[str, Any], draft: FactDraft) -> None:
    what = f"{place['connector']}:{place['account']}:{draft.kind}:{draft.external_id}"
    key = f"tie:{content_hash([what, draft.version_at.isoformat()])}"
    text = (
        f"{place['connector']} sent two contents of {draft.kind} {draft.external_id} with one time of change; the same "
        "one of them holds whatever order they come in, until the shop is asked, if it can be."
    )
    notice(unit, place["brand_id"], [(key, "tie", None, text)])
    source = {name: place[name] for name in ("connector", "account")}
    told = Event("versions_tied", source | {"version_at": draft.version_at.isoformat()})
    append(unit, place["brand_id"], [told])


def _write(
    unit: UnitOfWork,
    place: Mapping[str, Any],
    fresh: Sequence[tuple[UUID, CheckedDelivery]],
    facts: Sequence[dict[str, Any]],
    *,
    heads: dict[tuple[FactKind, str], _Head],
) -> None:
    insert_rows(
        unit,
        table_of(Delivery),
        [
            {
                **place,
                "id": delivery_id,
                "delivery_key": delivery.key,
                "content_hash": _said(delivery),
                "received_at": unit.now,
            }
            for delivery_id, delivery in fresh
        ],
    )
    insert_rows(
        unit,
        table_of(DeliveryBody),
        [{"id": delivery_id, "brand_id": place["brand_id"], "body": delivery.body} for delivery_id, delivery in fresh],
    )
    if facts:
        insert_rows(unit, table_of(CommerceFact), facts)
    for kind in FactKind:
        moved = [(head, head.draft) for (of, _), head in heads.items() if of is kind and head.draft]
        if moved:
            _write_heads(unit, kind, place, moved)


def _write_heads(
    unit: UnitOfWork, kind: FactKind, place: Mapping[str, Any], moved: Sequence[tuple[_Head, FactDraft]]
) -> None:
    table = _HEADS[kind]
    looked_up_by = _order_columns if kind is FactKind.ORDER else _claim_columns
    changes = [
        {
            "fact_id": head.fact_id,
            "version_at": draft.version_at,
            "content_hash": draft.content_hash,
            **looked_up_by(draft),
        }
        for head, draft in moved
    ]
    new = [
        {**place, "id": head.id, "external_id": draft.external_id, **change}
        for (head, draft), change in zip(moved, changes, strict=True)
        if not head.stored
    ]
    changed = [change | {"head_id": head.id} for (head, _), change in zip(moved, changes, strict=True) if head.stored]
    if new:
        insert_rows(unit, table, new)
    if changed:
        names = [name for name in changed[0] if name != "head_id"]
        statement = update(table).where(table.c.id == bindparam("head_id"))
        unit.execute(statement.values({name: bindparam(name) for name in names}), changed)


def _order_columns(draft: FactDraft) -> dict[str, Any]:
    return {
        "placed_at": instant(draft.payload, "placed_at"),
        "paid_at": instant(draft.payload, "paid_at"),
        "currency": draft.payload["currency"],
        "charged_minor": draft.payload["charged"],
        "customer_key": draft.payload.get("customer"),
    }


def _record_of(order_id: UUID, draft: FactDraft, source: Source) -> OrderRecord:
    columns = _order_columns(draft)
    return OrderRecord(
        id=order_id,
        connector=source.connector,
        account=source.account,
        external_id=draft.external_id,
        version_at=draft.version_at,
        placed_at=columns["placed_at"],
        paid_at=columns["paid_at"],
        currency=columns["currency"],
        customer_key=columns["customer_key"],
        blocked_reason=None,
        payload=draft.payload,
        refunds=(),
        chargebacks=(),
    )


def _claim_columns(draft: FactDraft) -> dict[str, Any]:
    return {"order_external_id": draft.order_external_id}
