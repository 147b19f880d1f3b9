"""The CSV connector is what the host expects of a connector."""

from engine.testing.connectors import ConnectorConformance
from plugins import csv_orders
from plugins.csv_orders.settings import CsvOrdersSettings

FILE = b"""\
type,order,line,placed,amount,email,refund,refunded
order,1001,1,2026-03-01 10:00,25.00,ann@example.org,,
order,1001,2,2026-03-01 10:00,9.50,ann@example.org,,
order,1002,1,2026-03-01 11:30,100.00,bo@example.org,,
refund,1001,1,2026-03-01 10:00,5.00,,r-1,2026-03-04 09:00
"""


class TestCsvOrders(ConnectorConformance):
    plugin = csv_orders
    file = FILE
    settings = CsvOrdersSettings(
        columns={
            "record": "type",
            "order_id": "order",
            "line_id": "line",
            "placed_at": "placed",
            "amount": "amount",
            "customer_email": "email",
            "refund_id": "refund",
            "refunded_at": "refunded",
        },
        time_zone="Europe/Berlin",
        currency="EUR",
    )
