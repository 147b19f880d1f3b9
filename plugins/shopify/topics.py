"""The topics of Shopify's webhooks that concern us, and their names in the Admin API."""

from collections.abc import Mapping
from typing import Final

ORDER: Final = frozenset({"orders/create", "orders/paid", "orders/updated", "orders/cancelled", "orders/edited"})
REFUND: Final = frozenset({"refunds/create"})
DISPUTE: Final = frozenset({"disputes/create", "disputes/update"})
READ: Final = ORDER | REFUND | DISPUTE
"""Topics that become events. `orders/edited` only names an order, which is then fetched."""

PULLED: Final = "orders/updated"
"""The topic under which a pulled order is kept."""

WANTED: Final[Mapping[str, str]] = {
    "orders/create": "ORDERS_CREATE",
    "orders/paid": "ORDERS_PAID",
    "orders/updated": "ORDERS_UPDATED",
    "orders/cancelled": "ORDERS_CANCELLED",
    "orders/edited": "ORDERS_EDITED",
    "refunds/create": "REFUNDS_CREATE",
    "app/uninstalled": "APP_UNINSTALLED",
}
"""What is asked for: by the webhook's name, the API's. Privacy topics are set where the app is made, not here."""

WANTED_DISPUTES: Final[Mapping[str, str]] = {"disputes/create": "DISPUTES_CREATE", "disputes/update": "DISPUTES_UPDATE"}
"""Asked for only where the app may see the disputes of Shopify Payments."""

DISPUTES_SCOPE: Final = "read_shopify_payments_disputes"
