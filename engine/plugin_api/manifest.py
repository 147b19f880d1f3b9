"""Who a plugin is."""

import re
from dataclasses import dataclass

from engine.plugin_api.errors import PluginError

API_VERSION = "1.0"
"""What this Goodword offers: the second number grows with what is added, the first with what is taken away."""
_FIRST = "1.0"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


@dataclass(frozen=True, slots=True)
class PluginManifest:
    """A plugin's name (also its entry point and settings key), version, and the API it was written for.

    A plugin that names no API was written for the first one, and so is not taken for one of a later Goodword's.

    Raises:
        PluginError: the name is not lower-case letters, digits and underscores.
    """

    name: str
    version: str
    title: str
    summary: str
    api: str = _FIRST

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PluginError(f"{self.name!r} is no plugin name: use 2 to 40 of a-z, 0-9 and _, a letter first.")
