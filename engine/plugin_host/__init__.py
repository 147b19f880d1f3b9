"""Finds plugins, keeps them apart, and asks them things through one guard."""

from engine.plugin_host.guard import PluginFailedError, Registered
from engine.plugin_host.registry import PluginHost, UnknownPluginNounError, load_plugins
from engine.plugin_host.status import PluginState, PluginStatus

__all__ = [
    "PluginFailedError",
    "PluginHost",
    "PluginState",
    "PluginStatus",
    "Registered",
    "UnknownPluginNounError",
    "load_plugins",
]
