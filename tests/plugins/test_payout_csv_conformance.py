"""The CSV rail is what the host expects of a rail."""

import csv
import io
from decimal import Decimal

from engine.testing.rails import PayoutRailConformance
from plugins import payout_csv

PLACES = {"EUR": 2, "JPY": 0, "KWD": 3, "XPF": 0}


class TestCsvRail(PayoutRailConformance):
    plugin = payout_csv
    currencies = ("EUR", "JPY", "KWD", "XPF")

    def read(self, content):
        _, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
        return [(row[0], row[3], int(Decimal(row[4]).scaleb(PLACES[row[3]]))) for row in rows]
