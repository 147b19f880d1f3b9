"""Mail that pages send, after the answer: how long a sign-in link takes tells nobody who has a login."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import structlog
from flask import Flask, current_app, render_template

from engine.bootstrap import Goodword
from engine.enrollment.tables import EnrollmentState
from engine.identity.mail import Mail, mailer_of
from engine.identity.queries import login_by_email
from engine.identity.sessions import issue_sign_in_link
from engine.insights.applications import ApplicantFile
from engine.kernel.database import UnitOfWork
from engine.tracking.pages.queries import PageFile
from engine.tracking.pages.tables import VersionState

_log = structlog.get_logger(__name__)


class MailRoom:
    """Sends what pages ask for, one after the other, outside the request (or at once, in tests)."""

    def __init__(self, installation: Goodword, *, background: bool) -> None:
        self._installation = installation
        self._mailer = mailer_of(installation.settings, clock=installation.database.clock)
        self._worker = ThreadPoolExecutor(1, "goodword-mail") if background else None

    def send_sign_in_link(self, app: Flask, *, email: str, came_from: str | None) -> None:
        """Send a link to whoever has this address; to an unknown one, nothing. Returns before either is known."""
        if self._worker is None:
            self._send(app, email, came_from)
        else:
            self._worker.submit(self._send, app, email, came_from)

    def send_decision(self, app: Flask, *, file: ApplicantFile, brand: str) -> None:
        """Tell an applicant what was decided. Returns before it is sent."""
        if self._worker is None:
            self._tell(app, file, brand)
        else:
            self._worker.submit(self._tell, app, file, brand)

    def send_page_decision(self, app: Flask, *, file: PageFile, brand: str) -> None:
        """Tell an ambassador what was decided about their page. Returns before it is sent."""
        if self._worker is None:
            self._tell_page(app, file, brand)
        else:
            self._worker.submit(self._tell_page, app, file, brand)

    def _tell_page(self, app: Flask, file: PageFile, brand: str) -> None:
        try:
            with app.app_context():
                self._mailer.send(page_decision_mail(file, brand=brand, home=self._installation.settings.base_url))
        except Exception as error:  # noqa: BLE001 - the decision stands; the operator finds it in the log
            _log.error("page_mail_failed", page=str(file.page.id), exc_info=error)

    def _tell(self, app: Flask, file: ApplicantFile, brand: str) -> None:
        try:
            with app.app_context():
                self._mailer.send(decision_mail(file, brand=brand, home=self._installation.settings.base_url))
        except Exception as error:  # noqa: BLE001 - the decision stands; the operator finds it in the log
            _log.error("decision_mail_failed", enrollment=str(file.row.id), exc_info=error)

    def _send(self, app: Flask, email: str, came_from: str | None) -> None:
        try:
            issued = self._installation.database.run(lambda unit: _issue(unit, email))
            if issued is None:
                _log.info("sign_in_unknown")
                return
            address, token = issued
            query = f"?{urlencode({'next': came_from})}" if came_from else ""
            link = f"{self._installation.settings.base_url}/sign-in/{token}{query}"
            with app.app_context():
                self._mailer.send(sign_in_mail(to=address, link=link))
        except Exception as error:  # noqa: BLE001 - nobody waits for this; the person asks again
            _log.error("sign_in_mail_failed", exc_info=error)


def sign_in_mail(*, to: str, link: str) -> Mail:
    """Return the mail that holds a sign-in link."""
    return Mail(
        to=to,
        subject="Your sign-in link for Goodword",
        text=render_template("mail/sign_in.txt", link=link),
        html=render_template("mail/sign_in.html", link=link),
    )


def decision_mail(file: ApplicantFile, *, brand: str, home: str) -> Mail:
    """Return the mail that tells an applicant that they are in, or are not and why."""
    row, said = file.row, file.changes[-1]
    approved = row.state is EnrollmentState.ACTIVE
    values = {"row": row, "brand": brand, "reason": said.reason, "approved": approved, "link": f"{home}/sign-in"}
    program = " ".join(row.program_name.split())
    return Mail(
        to=row.email,
        subject=f"You are in: {program}" if approved else f"Your application to {program}",
        text=render_template("mail/decision.txt", **values),
        html=render_template("mail/decision.html", **values),
    )


def page_decision_mail(file: PageFile, *, brand: str, home: str) -> Mail:
    """Return the mail that tells an ambassador that their page is live, or what to change."""
    approved = file.newest.state is VersionState.APPROVED
    values = {
        "row": file.page,
        "brand": brand,
        "approved": approved,
        "reason": file.newest.reason,
        "address": f"{home}/a/{file.page.handle}",
        "link": f"{home}/sign-in",
    }
    name = " ".join(brand.split())
    return Mail(
        to=file.page.email,
        subject=f"Your page for {name} is live" if approved else f"Your page for {name}: one thing to change",
        text=render_template("mail/page_decision.txt", **values),
        html=render_template("mail/page_decision.html", **values),
    )


def mail_room() -> MailRoom:
    """Return the app's mail room."""
    room = current_app.extensions["goodword_mail"]
    assert isinstance(room, MailRoom)  # noqa: S101 - create_app put it there
    return room


def _issue(unit: UnitOfWork, email: str) -> tuple[str, str] | None:
    login = login_by_email(unit, email)
    return (login.email, issue_sign_in_link(unit, login)) if login else None
