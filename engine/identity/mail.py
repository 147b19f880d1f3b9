"""How a mail leaves: over SMTP, or, where no server is set, into a folder where the operator finds it."""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import structlog

from engine.kernel.clock import Clock
from engine.kernel.errors import SettingsError
from engine.kernel.ids import new_id
from engine.kernel.settings import Settings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one address, in plain text and as a page."""

    to: str
    subject: str
    text: str
    html: str


class Mailer(Protocol):
    """Something that sends mail."""

    def send(self, mail: Mail) -> None:
        """Hand over one message. Raises what the carrier raises; the caller decides whether to try again."""
        ...


class SmtpMailer:
    """Sends over `smtp://user:password@host:port`, with STARTTLS where offered, or over `smtps://…`.

    A password is sent over TLS only.
    """

    def __init__(self, url: str, *, sender: str, clock: Clock) -> None:
        self._address, self._sender, self._clock = urlsplit(url), sender, clock
        if self._address.scheme not in {"smtp", "smtps"} or not self._address.hostname:
            raise SettingsError(("GOODWORD_SMTP_URL: write it like smtp://user:password@host:587.",))

    def send(self, mail: Mail) -> None:
        """Hand one message to the server."""
        host, port = str(self._address.hostname), self._address.port
        if self._address.scheme == "smtps":
            with smtplib.SMTP_SSL(host, port or 465, timeout=20, context=ssl.create_default_context()) as server:
                self._hand_over(server, mail)
            return
        with smtplib.SMTP(host, port or 587, timeout=20) as server:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            elif self._address.username:
                raise smtplib.SMTPNotSupportedError(f"{host} offers no STARTTLS: the password stays here.")
            self._hand_over(server, mail)

    def _hand_over(self, server: smtplib.SMTP, mail: Mail) -> None:
        if self._address.username:
            server.login(unquote(self._address.username), unquote(self._address.password or ""))
        server.send_message(written(mail, sender=self._sender, at=self._clock.now()))


class FolderMailer:
    """Writes each message as an .eml file, and its text into the log: somebody who hosts without SMTP can sign in."""

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self._folder, self._sender, self._clock = folder, sender, clock

    def send(self, mail: Mail) -> None:
        """Write one message into the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{new_id()}.eml"
        path.write_bytes(bytes(written(mail, sender=self._sender, at=self._clock.now())))
        path.chmod(0o600)
        _log.info("mail_written", to=mail.to, subject=mail.subject, file=str(path), text=mail.text)


def mailer_of(settings: Settings, *, clock: Clock) -> Mailer:
    """Return the mailer that the settings ask for.

    Raises:
        SettingsError: `GOODWORD_SMTP_URL` is not such an address.
    """
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, sender=settings.mail_from, clock=clock)
    return FolderMailer(settings.home / "outbox", sender=settings.mail_from, clock=clock)


def written(mail: Mail, *, sender: str, at: datetime) -> EmailMessage:
    """Return the message as it travels. A line break in an address or subject is refused by the library."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, mail.to, mail.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip("> ") or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
