"""The checks of a connector. Which of them apply follows from the capabilities that it declares."""

from engine.testing.checks.connector import EveryConnector, Sample
from engine.testing.checks.shopping import ShoppingChecks

__all__ = ["ConnectorConformance", "Sample"]


class ConnectorConformance(EveryConnector, ShoppingChecks):
    """Everything that the host expects of a connector.

    A connector that reads webhooks needs `plugin`, `settings`, `samples`, `stale_after` and `signed`; one that talks to
    its shop, `shop` as well; one that reads files, `file`. A check that lacks something says what::

        class TestAcme(ConnectorConformance):
            plugin = acme
            settings = AcmeSettings(signing_secret="made-up-secret")
            samples = (Sample(ORDER, "order.paid"), Sample(REFUND, "refund.created"))
            stale_after = None

            def signed(self, body, *, topic, at):
                return WebhookRequest({"x-acme-signature": sign(body), "x-acme-topic": topic}, body, at)
    """
