"""The checks of a payout rail that writes a file.

Of what rails promise, these wait for rails that talk to a bank: one key never pays twice, a timeout is unknown until
the rail was asked, signed notices, states that only move forward, a quote before submission, checked destinations.
"""

import csv
import io
import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from engine.plugin_api import GoodwordError, PaymentFile, PayoutRail, PayoutView, PluginSettings
from engine.plugin_host.answers import ask_payment_file
from engine.testing.checks.noun import NounCase
from engine.testing.conformance import needs, require
from engine.testing.watch import listening, secrets_in

DAY: Final = date(2026, 3, 2)
_TABLE: Final = "table"
_NAMES: Final = (
    "Ann Lee", "José 山田", "O'Brien, Jr", 'Bo "B" Berg', "A\nB", "A\r\nGW-9,Eve,eve@example.org,EUR,1.00", "x;y\tz",
    "A\x00B", "\u202eevil", "</Nm><Amt>9</Amt>", "&amp;", "]]>", "", "\ud800", "n" * 300,
)  # fmt: skip
_FORMULAS: Final = ("=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "=cmd|' /C calc'!A0")
_SIGNS: Final = ("=", "+", "-", "@", "\uff1d")
_BATCHES: Final = ("B-7", "2026/03", "../../etc/passwd", "a\r\nb", "", "ü", "con", "x" * 300, 'a"b', "a\x00b")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

Entry = tuple[str, str, int]
"""What a file says of a payout: its reference, its currency, its amount in minor units."""


class PayoutRailConformance(NounCase):
    """Everything that the host expects of a rail that hands a file to people.

    `read` gives back what a file says, by other means than the rail wrote it: it is what proves the amounts.
    `currencies` are those that the rail takes::

        class TestMine(PayoutRailConformance):
            plugin = mine
            currencies = ("EUR",)

            def read(self, content):
                return [(row[0], row[3], minor(row[4], row[3])) for row in csv.reader(…)]
    """

    hook = "payout_rails"
    word = "payout rail"
    attribute = "rail"
    rail: PayoutRail
    settings: PluginSettings = PluginSettings()
    currencies: Sequence[str] = ("EUR", "JPY", "KWD")

    @classmethod
    def abilities(cls) -> frozenset[str] | None:
        """Return whether the rail writes what a spreadsheet opens; None where it writes nothing, which checks tell."""
        if not hasattr(cls, "rail"):
            return None
        payouts = [PayoutView("GW-1", "Ann", "ann@example.org", cls.currencies[0], 100)]
        try:
            kind = cls().written(payouts).media_type
        except (AssertionError, GoodwordError):
            return None
        return frozenset({_TABLE} if "csv" in kind or "tab-separated" in kind else ())

    def read(self, content: bytes) -> Sequence[Entry]:
        """Return the reference, currency and minor units of each payout in a file, in its order."""
        remedy = "Write read(self, content), by a reader that the rail does not share."
        raise AssertionError(f"Nobody can say what is in a file.\n    {remedy}")

    def ask_everything(self) -> object:
        """Write a batch of payouts with plain names."""
        return self.written(self.batch())

    def test_every_payout_is_there_once_with_its_exact_amount(self) -> None:
        """Same references, same currencies, same amounts, same order: nothing added, dropped, rounded or netted."""
        for payouts in (self.batch(), [*self.batch()][::-1], self.batch()[:1]):
            self._says_the_same(payouts)

    def test_no_name_writes_a_row_of_its_own(self) -> None:
        """Names and addresses come from strangers: none changes what the file pays, or breaks it."""
        for hostile in _NAMES:
            for name, email in ((hostile, "ann@example.org"), ("Ann", hostile)):
                self._says_the_same(
                    [PayoutView(f"GW-{n}", name, email, self.currencies[0], n * 101) for n in range(1, 4)]
                )

    @needs(_TABLE)
    def test_no_cell_starts_a_formula(self) -> None:
        """A spreadsheet that opens the file runs nothing (OWASP: CSV injection)."""
        for formula in _FORMULAS:
            for name, email in ((formula, "ann@example.org"), ("Ann", formula)):
                file = self.written([PayoutView("GW-1", name, email, self.currencies[0], 101)])
                text = file.content.decode("utf-8", "replace")
                cells = (cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row)
                starts = [cell for cell in cells if cell.lstrip(" \t\r\n\ufeff")[:1] in _SIGNS and cell]
                remedy = "Put an apostrophe before it, as plugins/payout_csv does."
                require(not starts, f"{formula!r} starts a cell: {starts}.", remedy=remedy)

    def test_a_currency_that_it_does_not_take_is_refused(self) -> None:
        """Refused by an error that names it, or written with its own decimals; never paid as another currency."""
        for currency in ("XPF", "KWD", "JPY", "EUR"):
            payouts = [PayoutView("GW-1", "Ann", "ann@example.org", currency, 12_345)]
            try:
                file = self.written(payouts)
            except GoodwordError as error:
                told = currency in str(error) and currency not in self.currencies
                require(
                    told,
                    f"{currency} is refused with: {error}",
                    remedy="Name the currency, and only refuse foreign ones.",
                )
                continue
            entry = ("GW-1", currency, 12_345)
            remedy = "Raise PluginError naming the currency, or write it with its own decimals."
            require(
                list(self.read(file.content)) == [entry], f"{currency} became {self.read(file.content)}.", remedy=remedy
            )

    def test_the_file_s_name_leads_nowhere_else(self) -> None:
        """Whatever the batch is called, the name is one plain name."""
        for batch in _BATCHES:
            name = self.written(self.batch(), batch=batch).name
            fits = _FILE_NAME.fullmatch(name) and ".." not in name
            require(
                fits, f"Batch {batch!r} is written to {name!r}.", remedy="Keep letters, digits, points, _ and - only."
            )

    def test_different_batches_have_different_names(self) -> None:
        """Two files in one folder: the second must not replace the first."""
        names = {self.written(self.batch(), batch=batch).name for batch in ("B-7", "B-8")}
        require(len(names) == 2, f"Two batches are both called {names}.", remedy="Take batch_reference into the name.")

    def test_no_secret_is_in_the_file_or_told(self) -> None:
        """What the settings hold in confidence goes into no file, no log line and no error."""
        with listening() as said:
            file = self.written(self.batch())
            said.more.append(f"{file.name} {file.content.decode('utf-8', 'replace')}")
        told = [f"{secret[:2]}…" for secret in secrets_in(self.settings) if secret in said]
        require(not told, f"A secret is in the file or was told: {told}.", remedy="Leave secrets out.")

    def batch(self) -> list[PayoutView]:
        """Return payouts of every size in every currency that the rail takes."""
        return [
            PayoutView(f"GW-{number}-{currency}", "Ann Lee", "ann@example.org", currency, minor)
            for number, minor in enumerate((1, 99, 2_500, 123_456_789), 1)
            for currency in self.currencies
        ]

    def written(self, payouts: Sequence[PayoutView], *, batch: str = "B-7") -> PaymentFile:
        """Return the file that the host takes from the rail.

        Raises:
            AssertionError: the answer breaks the contract.
        """
        __tracebackhide__ = True
        otherwise = "Return a PaymentFile that holds: the host would give nobody this one."
        return self.ask_host(
            lambda: ask_payment_file(
                self.registered(), payouts, batch_reference=batch, day=DAY, settings=self.settings
            ),
            otherwise=otherwise,
        )

    def _says_the_same(self, payouts: Sequence[PayoutView]) -> None:
        expected = [(one.reference, one.currency, one.amount_minor) for one in payouts]
        found = list(self.read(self.written(payouts).content))
        remedy = "Write each payout once, in the order given, exact to the minor unit; escape what people typed."
        require(found == expected, f"Of {expected} the file says {found}.", remedy=remedy)
