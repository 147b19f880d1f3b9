"""Asks a connector about promo codes in its shop and holds the answers to the contract.

Called with no transaction open.
"""

from collections.abc import Mapping
from typing import Final

from engine.kernel.errors import InputError
from engine.kernel.money import BPS
from engine.plugin_api import (
    CodeConnector,
    CodeView,
    Connector,
    HttpClient,
    PluginSettings,
    ShopCode,
)
from engine.plugin_host.guard import ContractBreachError, Registered

_LONGEST_REFERENCE: Final = 200
_LONGEST_CURRENCY: Final = 10


def ask_find_code(
    connector: Registered[Connector], code: str, *, settings: PluginSettings, http: HttpClient
) -> ShopCode | None:
    """Return what the shop has under `code`, or None.

    Raises:
        PluginFailedError: the plugin broke, or gave what is no code.
        InputError: the connector cannot put codes into its shop.
        ConfigError, RetriableError, FatalError: the shop did not let us in, or not now, or will never do it.
    """
    codes = _codes(connector)

    def question(_: Connector) -> ShopCode | None:
        found: object = codes.find_code(code, settings=settings, http=http)
        if found is None:
            return None
        if not isinstance(found, ShopCode) or not _is_reference(found.reference):
            raise ContractBreachError("find_code gives no ShopCode with a reference")
        if found.percent_bps is not None and not (type(found.percent_bps) is int and 0 <= found.percent_bps <= BPS):
            raise ContractBreachError(f"find_code gives {found.percent_bps!r} as basis points")
        if found.amount_minor is not None and not _are_amounts(found.amount_minor):
            raise ContractBreachError(f"find_code gives {found.amount_minor!r:.60} as amounts")
        return found

    return connector.ask(question)


def ask_push_code(
    connector: Registered[Connector], code: CodeView, *, settings: PluginSettings, http: HttpClient
) -> str:
    """Put `code` into the shop and return the shop's reference.

    Raises:
        InputError, PluginFailedError, RetriableError, ConfigError, FatalError: as `ask_find_code`.
    """
    codes = _codes(connector)

    def question(_: Connector) -> str:
        reference: object = codes.push_code(code, settings=settings, http=http)
        if not _is_reference(reference):
            raise ContractBreachError("push_code gives no reference of 1 to 200 printable characters")
        return str(reference)

    return connector.ask(question)


def ask_revoke_code(
    connector: Registered[Connector], reference: str, *, settings: PluginSettings, http: HttpClient
) -> None:
    """Make the shop no longer take the code behind `reference`.

    Raises:
        InputError, PluginFailedError, RetriableError, ConfigError, FatalError: as `ask_find_code`.
    """
    codes = _codes(connector)
    connector.ask(lambda _: codes.revoke_code(reference, settings=settings, http=http))


def _codes(connector: Registered[Connector]) -> CodeConnector:
    if not isinstance(connector.value, CodeConnector):
        raise InputError(f"The {connector.what} cannot put codes into its shop.")
    return connector.value


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_REFERENCE and value.isprintable()


def _are_amounts(value: object) -> bool:
    """Tell whether they are minor units by currency; a shop may know currencies that we do not."""
    return isinstance(value, Mapping) and all(
        isinstance(currency, str)
        and currency.isprintable()
        and len(currency) <= _LONGEST_CURRENCY
        and type(minor) is int
        for currency, minor in value.items()
    )
