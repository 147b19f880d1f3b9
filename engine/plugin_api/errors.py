"""Errors that a plugin raises, by what the host does next."""

from engine.kernel.errors import GoodwordError


class PluginError(GoodwordError):
    """Base of what a plugin raises on purpose."""


class MissingCurrencyError(PluginError):
    """An amount is not given for this currency: the order is blocked with this reason until the terms name one."""

    def __init__(self, what: str, currency: str) -> None:
        self.what, self.currency = what, currency
        super().__init__(f"The terms give no {what} for {currency}. Publish terms that do, then retry the order.")


class SignatureError(PluginError):
    """Nothing shows that a webhook came from the shop: it is answered 401, and only counted."""


class RetriableError(PluginError):
    """It did not work now and may work later: the host tries again, not before `retry_after_s` seconds have passed."""

    def __init__(self, message: str, *, retry_after_s: int | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class ConfigError(PluginError):
    """The shop does not let us in: nothing is tried again until somebody has looked at the settings."""


class FatalError(PluginError):
    """It will never work as it was asked: it is laid aside with this reason."""
