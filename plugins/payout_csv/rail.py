"""Writes payouts as CSV: UTF-8, LF, plain amounts, and no cell that a spreadsheet would run as a formula."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Final

from engine.plugin_api import Money, PaymentFile, PayoutView, PluginSettings, parse_currency

HEADER: Final = ("reference", "recipient_name", "recipient_email", "currency", "amount")
_FORMULA: Final = frozenset("=+-@\t\r\n")
_SEPARATORS: Final = re.compile(r"[;,|\t\r\n]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SKIPPED: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_UNSAFE_IN_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


class CsvRail:
    """One line per payout, in the order given."""

    name = "payout_csv"
    title = "CSV payment file"

    def payment_file(
        self, payouts: Sequence[PayoutView], *, batch_reference: str, day: date, settings: PluginSettings
    ) -> PaymentFile:
        """Return the file; amounts in major units with the currency's decimals, the same bytes for the same batch."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(_row(payout) for payout in payouts)
        batch = _UNSAFE_IN_NAME.sub("-", batch_reference).strip(".-")[:100] or "batch"
        name = f"payouts-{day.isoformat()}-{batch}.csv"
        return PaymentFile(name, "text/csv; charset=utf-8", text.getvalue().encode("utf-8", "replace"))


def _row(payout: PayoutView) -> tuple[str, ...]:
    amount = Money(payout.amount_minor, parse_currency(payout.currency)).decimal()
    texts = (payout.reference, payout.recipient_name, payout.recipient_email, payout.currency)
    return (*(safe_cell(text) for text in texts), f"{amount:f}")


def safe_cell(text: str) -> str:
    """Return `text` on one line, with a leading apostrophe where a spreadsheet could take it for a formula.

    Source: OWASP, CSV injection. Some spreadsheets skip blanks and invisible characters, fold full-width signs, or
    split at `;` and tab whatever the file's delimiter is; so each piece between separators is looked at.
    """
    line = _CONTROL.sub(" ", text).strip()
    dangerous = text[:1] in _FORMULA or any(_starts_formula(piece) for piece in _SEPARATORS.split(text))
    return f"'{line}" if dangerous else line


def _starts_formula(text: str) -> bool:
    visible = (char for char in text if unicodedata.category(char) not in _SKIPPED)
    return unicodedata.normalize("NFKC", next(visible, " ")) in _FORMULA
