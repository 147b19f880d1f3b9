"""What the pages of the declared connectors say can be copied: their settings are taken, and no field goes unsaid."""

import json
import re
from pathlib import Path

import pytest

import plugins
from engine.plugin_api import OrderEvent, RefundEvent
from plugins.csv_orders.settings import FIELDS, CsvOrdersSettings
from plugins.generic_webhook.connector import GenericWebhook
from plugins.generic_webhook.settings import (
    ChargebackTemplate,
    GenericWebhookSettings,
    LineTemplate,
    OrderTemplate,
    RefundLineTemplate,
    RefundTemplate,
)

BODY = {
    "type": "order.updated",
    "data": {
        "id": "1001",
        "created_at": "2026-03-02T08:00:00Z",
        "updated_at": "2026-03-03T08:00:00Z",
        "paid_at": "2026-03-02T08:00:30Z",
        "currency": "EUR",
        "lines": [{"id": "a", "total": "80.00", "quantity": 2, "sku": "MUG"}],
        "total": "95.20",
        "discounts": [{"code": "ANNA10"}],
        "landing_address": "https://shop.example/mug?gw_click=abc",
        "customer": {"email": "kim@example.org", "id": 7},
        "refunds": [{"id": "r1", "updated_at": "2026-03-03T08:00:00Z", "amount": "9.52", "status": "done"}],
    },
}
TEMPLATES = [
    GenericWebhookSettings, OrderTemplate, LineTemplate, RefundTemplate, RefundLineTemplate, ChargebackTemplate,
]  # fmt: skip


def page_of(plugin):
    return (Path(plugins.__path__[0]) / plugin / "README.md").read_text(encoding="utf-8")


def settings_in(plugin):
    (block,) = re.findall(r"^```json\n(.*?)^```", page_of(plugin), re.DOTALL | re.MULTILINE)
    return json.loads(block.replace("whsec_…", "whsec_bmV3LXNlY3JldC1vZi10aGUtc2hvcA=="))


def test_the_template_of_the_page_reads_a_body_of_its_shape():
    declared = GenericWebhookSettings.model_validate(settings_in("generic_webhook"))
    order, refund = GenericWebhook().parse(json.dumps(BODY).encode(), topic="", settings=declared)
    assert isinstance(order, OrderEvent)
    assert isinstance(refund, RefundEvent)
    assert (order.codes, order.clicks, order.lines[0].net_minor, order.charged_minor) == (
        ("ANNA10",),
        ("abc",),
        8_000,
        9_520,
    )
    assert (refund.order_external_id, refund.amount_minor, refund.state) == ("1001", 952, "succeeded")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.__name__)
def test_every_field_of_a_template_is_on_the_page(template):
    page = page_of("generic_webhook")
    assert [name for name in template.model_fields if f"`{name}`" not in page and f'"{name}"' not in page] == []


def test_the_mapping_of_the_page_is_taken_and_every_column_is_on_it():
    page = page_of("csv_orders")
    CsvOrdersSettings.model_validate(settings_in("csv_orders"))
    assert [field for field in FIELDS if f"`{field}`" not in page] == []
