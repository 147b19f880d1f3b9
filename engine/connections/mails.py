"""An alarm is mailed to those who can see to it: owners and managers of the brand, each by a job of their own.

The mail names the shop and what kind of thing is wrong. What the alarm says in full stays in the panel: it may quote a
shop, and a shop may name its customers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final
from uuid import UUID

from engine.connections.queries import connection_by_id, is_alarm_open
from engine.connections.rules import said_of
from engine.identity.mail import Mail, Mailer
from engine.identity.queries import StaffAccess, staff_with
from engine.identity.tables import Role
from engine.jobs.service import enqueue
from engine.kernel.database import Database, UnitOfWork
from engine.outbox.dispatch import ToldEvent

MAIL_ALARM: Final = "mail_alarm"
"""The job that mails one alarm to one person."""

TOLD: Final = (Role.OWNER, Role.MANAGER)

_AT_MOST_EVERY: Final = timedelta(hours=1)
"""How often one person is told of one kind of trouble with one shop: some come and go, some come by the hundred."""


def on_alarm_raised(event: ToldEvent, unit: UnitOfWork) -> None:
    """Queue a mail to each owner and manager: at once, or in the next hour for who had one in this hour."""
    hour = int(unit.now.timestamp() // _AT_MOST_EVERY.total_seconds())
    kind, shop = event.payload["kind"], event.payload["connection_id"]
    for person in staff_with(unit, event.brand_id, roles=TOLD):
        arguments = {"brand_id": str(event.brand_id), "staff_id": str(person.staff_id), "kind": kind, "shop": shop}
        for slot in (hour, hour + 1):
            key = f"{MAIL_ALARM}:{shop}:{kind}:{person.staff_id}:{slot}"
            run_at = max(unit.now, datetime.fromtimestamp(slot * _AT_MOST_EVERY.total_seconds(), UTC))
            if enqueue(unit, MAIL_ALARM, arguments, key=key, run_at=run_at):
                break


@dataclass(frozen=True, slots=True)
class AlarmMails:
    """Does the job `MAIL_ALARM`. `mailer` is asked for only when there is something to send."""

    mailer: Callable[[], Mailer]
    base_url: str

    def send(self, database: Database, arguments: Mapping[str, Any]) -> None:
        """Mail one person, unless all is well by now or the person is no longer concerned.

        Raises what the carrier raises: the job is tried again.
        """
        brand_id, shop_id = UUID(arguments["brand_id"]), UUID(arguments["shop"])
        with database.reading() as unit:
            people = {person.staff_id: person for person in staff_with(unit, brand_id, roles=TOLD)}
            person = people.get(UUID(arguments["staff_id"]))
            if person is None or not is_alarm_open(unit, brand_id, connection_id=shop_id, kind=arguments["kind"]):
                return
            title = connection_by_id(unit, brand_id, connection_id=shop_id).title
        link = f"{self.base_url}/admin/{person.brand.slug}/shops/{shop_id}"
        self.mailer().send(alarm_mail(person, said=said_of(arguments["kind"], shop=title), link=link))


def alarm_mail(person: StaffAccess, *, said: str, link: str) -> Mail:
    """Return the mail that tells one person what is wrong, and where to see to it."""
    brand = " ".join(person.brand.name.split())
    why = f"You get this because you look after {brand}. The alarm stays on the page until it is over."
    text = f"Hello {person.name},\n\n{said}\n\nSee what it is, and what to do:\n\n{link}\n\n{why}\n"
    values = {"brand": brand, "name": person.name, "said": said, "link": link, "why": why}
    html = _PAGE.format(**{name: escape(value) for name, value in values.items()})
    first = said.split(". ", maxsplit=1)[0].rstrip(".")
    return Mail(to=person.email, subject=f"{brand}: {first}", text=text, html=html)


_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{brand}</title></head>
<body style="margin:0;background:#fbfaf8;color:#1c1a27;font:16px/1.5 Inter,system-ui,sans-serif">
  <div style="max-width:480px;margin:0 auto;padding:32px 20px">
    <p style="font-weight:700;letter-spacing:-0.03em;font-size:18px;margin:0 0 24px">{brand}</p>
    <p style="margin:0 0 16px">Hello {name},</p>
    <p style="margin:0 0 24px">{said}</p>
    <p style="margin:0 0 24px"><a href="{link}" style="background:#6b3fa0;color:#ffffff;text-decoration:none;\
padding:12px 20px;border-radius:8px;display:inline-block;font-weight:600">See what it is</a></p>
    <p style="margin:0;color:#5b5669;font-size:14px">{why}</p>
  </div>
</body>
</html>
"""
