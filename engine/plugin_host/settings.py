"""A plugin's settings as a document: checked on the way in, whole for the store, masked for screens."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import SecretBytes, SecretStr, ValidationError
from pydantic_core import to_jsonable_python

from engine.kernel.errors import InputError
from engine.plugin_api import PluginSettings

MASK: Final = "**********"
"""What stands for a secret on a screen. Handed in again, it means: keep the secret as it is."""


_NUMBERED: Final = re.compile(rf"{re.escape(MASK)} (\d{{1,3}})", re.ASCII)


class PluginSettingsError(InputError):
    """Settings do not fit the plugin's model; every problem at once, and never a value that was given."""

    def __init__(self, plugin: str, problems: Sequence[str]) -> None:
        self.plugin, self.problems = plugin, tuple(problems)
        super().__init__(
            f"The settings of plugin {plugin} do not fit: {'; '.join(problems)}.", remedy="Correct them and save again."
        )


def validated(model: type[PluginSettings], document: Mapping[str, Any], *, plugin: str) -> PluginSettings:
    """Return `document` as the plugin's settings.

    Raises:
        PluginSettingsError: it does not fit.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        # `error` holds what was given, secrets included: only places and sentences leave this function.
        found = error.errors(include_input=False, include_context=False, include_url=False)
        raise PluginSettingsError(plugin, [_sentence(one["loc"], one["msg"]) for one in found]) from None


def whole(settings: PluginSettings) -> dict[str, Any]:
    """Return `settings` as a document for the encrypted store, secrets in clear."""
    document: dict[str, Any] = to_jsonable_python(_reveal(settings.model_dump()))
    return document


def masked(settings: PluginSettings) -> dict[str, Any]:
    """Return `settings` as a document for a screen: `MASK` in place of each secret.

    Those in a list are numbered (`********** 2`), so that one can be added or taken out while the others stay.
    """
    document: dict[str, Any] = _numbered(settings.model_dump(mode="json"))
    return document


def keep_masked(document: Any, stored: Any) -> Any:
    """Return `document` with what `stored` has wherever `MASK` was handed in again."""
    if document == MASK:
        return document if stored is None else stored
    if isinstance(document, list) and isinstance(stored, list):
        document = [_numbered_of(value, stored) for value in document]
    if isinstance(document, Mapping):
        known = stored if isinstance(stored, Mapping) else {}
        return {key: keep_masked(value, known.get(key)) for key, value in document.items()}
    if isinstance(document, list) and isinstance(stored, list) and len(document) == len(stored):
        return [keep_masked(value, old) for value, old in zip(document, stored, strict=True)]
    return document


def _numbered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [
            f"{MASK} {number}" if inner == MASK else _numbered(inner) for number, inner in enumerate(value, start=1)
        ]
    return value


def _numbered_of(value: Any, stored: list[Any]) -> Any:
    match = _NUMBERED.fullmatch(value) if isinstance(value, str) else None
    number = int(match[1]) if match else 0
    return stored[number - 1] if 0 < number <= len(stored) else value


def _reveal(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case SecretBytes():
            return value.get_secret_value().decode()
        case Mapping():
            return {key: _reveal(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_reveal(inner) for inner in value]
        case _:
            return value


def _sentence(place: Sequence[int | str], message: str) -> str:
    said = message.removeprefix("Value error, ")
    where = ".".join(str(step) for step in place if step != "[key]")
    return f"{where}: {said}" if where else said
