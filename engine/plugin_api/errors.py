"""Errors that a plugin raises, by what the host does next."""

from engine.kernel.errors import GoodwordError


class PluginError(GoodwordError):
    """Base of what a plugin raises on purpose."""


class MissingCurrencyError(PluginError):
    """An amount is not given for this currency: the order is blocked with this reason until the terms name one."""

    def __init__(self, what: str, currency: str) -> None:
        self.what, self.currency = what, currency
        super().__init__(f"The terms give no {what} for {currency}. Publish terms that do, then retry the order.")
