"""Finds installed plugins by their entry points. Nothing of a plugin is imported here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Final

import structlog

from engine.plugin_host.guard import reason_of

GROUP: Final = "goodword.plugins"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Installed:
    """An entry point, with the distribution that declares it."""

    name: str
    distribution: str
    version: str | None
    entry_point: EntryPoint


def installed_plugins(entry_points: Iterable[EntryPoint] | None = None) -> tuple[Installed, ...]:
    """Return the plugins of this Python by name, then distribution; or those among `entry_points`."""
    found = _walk() if entry_points is None else (point for point in entry_points if point.group == GROUP)
    return tuple(sorted(map(_installed, found), key=lambda one: (one.name, one.distribution)))


def _walk() -> Iterator[EntryPoint]:
    """Yield entry points of every distribution; one whose metadata cannot be read costs nobody else."""
    seen = set()
    for distribution in distributions():
        try:
            name = _canonical(distribution.name)
            if name in seen:
                continue  # shadowed by one earlier on the path, as for imports
            points = list(distribution.entry_points.select(group=GROUP))
        except Exception as error:  # noqa: BLE001 - metadata of strangers
            _log.warning("distribution_unreadable", reason=reason_of(error))
            continue
        seen.add(name)
        yield from points


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _installed(point: EntryPoint) -> Installed:
    distribution: Distribution | None = point.dist
    if distribution is None:
        return Installed(point.name, "an unknown distribution", None, point)
    return Installed(point.name, distribution.name, distribution.version, point)
