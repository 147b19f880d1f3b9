"""What ambassadors share: addresses of links and pages as people see them, and where they lead now."""

from collections.abc import Collection
from dataclasses import dataclass

from engine.kernel.database import UnitOfWork
from engine.tracking.links.queries import LinkRow, counts_at
from engine.tracking.links.rules import destination_now
from web.context import installation


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link as a screen shows it. `leads_to` is empty where it leads nowhere now."""

    row: LinkRow
    address: str
    leads_to: str
    counts: bool


def shown_link(unit: UnitOfWork, row: LinkRow, *, home_url: str, domains: Collection[str]) -> ShownLink:
    """Return a link as a screen shows it, by the program's home address and the brand's domains."""
    leads_to = destination_now(row.destination, home_url=home_url, domains=domains)
    return ShownLink(row, link_address(row.slug), leads_to, counts_at(row, unit.now))


def link_address(slug: str) -> str:
    """Return the address of a link as it is shared."""
    return f"{installation().settings.base_url}/r/{slug}"


def page_address(handle: str) -> str:
    """Return the address of a landing page as it is shared."""
    return f"{installation().settings.base_url}/a/{handle}"
