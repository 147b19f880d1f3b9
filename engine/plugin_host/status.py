"""How a plugin stands, as lists and pages show it."""

from dataclasses import dataclass
from enum import StrEnum


class PluginState(StrEnum):
    """`off` is installed and not enabled; `needs-settings` is a matter of one brand; `failed` comes with a reason."""

    ACTIVE = "active"
    OFF = "off"
    NEEDS_SETTINGS = "needs-settings"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One plugin, with the distribution it came in and the hooks by which it registered something."""

    name: str
    state: PluginState
    reason: str | None
    version: str | None
    distribution: str | None
    kinds: tuple[str, ...]
