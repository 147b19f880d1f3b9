"""Payout rails: how money leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

from engine.plugin_api.settings import PluginSettings


@dataclass(frozen=True, slots=True)
class PayoutView:
    """One payout to carry out. `reference` is unique for ever and must reach the recipient's bank or wallet."""

    reference: str
    recipient_name: str
    recipient_email: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file that somebody takes to a bank."""

    name: str
    media_type: str
    content: bytes


@runtime_checkable
class PayoutRail(Protocol):
    """A rail that hands a file to people. Writing it pays nobody: a person confirms each payout afterwards."""

    name: str
    title: str

    def payment_file(
        self, payouts: Sequence[PayoutView], *, batch_reference: str, day: date, settings: PluginSettings
    ) -> PaymentFile:
        """Return the file for a batch. Pure: the same batch gives the same bytes."""
        ...
