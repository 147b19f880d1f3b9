"""Tables of clicks, of what was found out about them later, and of their counts by day."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, one_of

ALIKE: Final = ("brand_id", "program_id", "enrollment_id", "target", "target_id")
"""The columns of a click that say what was clicked."""


class Target(StrEnum):
    """What was clicked."""

    LINK = "link"
    PAGE = "page"


class Click(BrandRow, table=True):
    """One visit to a link or landing page. `id` is a UUIDv7, so rows lie in the order of time.

    Counted is one that may be credited and shows in figures; any other has its `reason` (`clicks.rules.Reason`).
    `verified` says that the visitor agreed, or need not: only then are `visitor_key`, `address` and `user_agent` kept.
    `signals` are names of what was odd about it, parted by commas.
    Rows are deleted after the program's retention time; orders keep a `touch` of what they were credited by.
    """

    __tablename__ = "click"
    __table_args__ = (
        Index(
            "ix_click_visitor",
            "brand_id",
            "visitor_key",
            "id",
            sqlite_where=text("visitor_key IS NOT NULL"),
            postgresql_where=text("visitor_key IS NOT NULL"),
        ),
        one_of("target", Target),
    )

    program_id: UUID
    enrollment_id: UUID
    target: str = Field(max_length=8)
    target_id: UUID
    at: datetime
    counted: bool
    reason: str | None = Field(default=None, max_length=24)
    verified: bool
    visitor_key: str | None = Field(default=None, max_length=32)
    address: str | None = Field(default=None, max_length=64)
    user_agent: str | None = Field(default=None, max_length=300)
    referrer: str | None = Field(default=None, max_length=200)
    sub_id: str | None = Field(default=None, max_length=80)
    signals: str = Field(default="", max_length=120)


class ClickFlag(BrandRow, table=True):
    """Something odd about a click that was seen only afterwards, such as an order four seconds later."""

    __tablename__ = "click_flag"
    __table_args__ = (UniqueConstraint("brand_id", "click_id", "reason"), APPEND_ONLY)

    click_id: UUID
    reason: str = Field(max_length=24)
    detail: str = Field(max_length=300)
    flagged_at: datetime


class ClickDay(BrandRow, table=True):
    """How many clicks a link or page had on a day of its program's time zone.

    `counted` of them may be credited; `verified` are those of the counted whose visitor agreed or need not. What did
    not count was `repeated` within the program's window, of `bots`, or one of the `others`, such as of an ended link.
    """

    __tablename__ = "click_day"
    __table_args__ = (
        UniqueConstraint("brand_id", "program_id", "day", "enrollment_id", "target_id"),
        Index("ix_click_day_enrollment", "brand_id", "enrollment_id", "day"),
        Index("ix_click_day_target", "brand_id", "target_id", "day"),
        one_of("target", Target),
    )

    program_id: UUID
    enrollment_id: UUID
    target: str = Field(max_length=8)
    target_id: UUID
    day: date
    counted: int
    verified: int
    repeated: int
    bots: int
    others: int


class ClickRollup(BrandRow, table=True):
    """How far a program's clicks are counted, and which of them are kept.

    Clicks before `rolled_until` are in `click_day`, later ones are not. From `kept_from` on, the beginning of a day,
    they are all there, so that these days can be counted anew. Before `deleted_until` none is; what lies between is
    being deleted.
    """

    __tablename__ = "click_rollup"
    __table_args__ = (UniqueConstraint("brand_id", "program_id"),)

    program_id: UUID = Field(foreign_key="program.id")
    rolled_until: datetime
    kept_from: datetime
    deleted_until: datetime


class ClickLoss(BrandRow, table=True):
    """How many clicks of a brand were led on and not kept while the database took none, and why."""

    __tablename__ = "click_loss"
    __table_args__ = (Index("ix_click_loss_lost_until", "lost_until"), APPEND_ONLY)

    lost: int
    lost_from: datetime
    lost_until: datetime
    reason: str = Field(max_length=300)
