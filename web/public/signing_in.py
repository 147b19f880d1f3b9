"""The start page, and signing in by a link: ask for one, open it, choose a room, leave."""

from flask import current_app, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict

from engine.identity.queries import rooms_of
from engine.identity.rules import SIGN_IN_PER_EMAIL, SIGN_IN_PER_SOURCE, RateLimit, email_key
from engine.identity.schemas import Email
from engine.identity.sessions import (
    LinkSpentError,
    TooManyAttemptsError,
    count_attempt,
    end_all_sessions,
    end_session,
    login_of_link,
    use_sign_in_link,
)
from engine.identity.tables import Realm
from engine.kernel.database import UnitOfWork
from web import cookies
from web.context import database, reading, visitor
from web.errors import page
from web.forms import Form, blank, read_form
from web.mailing import mail_room
from web.public import blueprint
from web.security import safe_next


class SignInRequest(BaseModel):
    """Who wants a link, and where they were going."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    next: str | None = None


@blueprint.get("/")
def start() -> ResponseReturnValue:
    """Say what this is; whoever is signed in goes straight to their room."""
    who = visitor().session
    if who is not None:
        return redirect(_lobby(who.realm), 303)
    return render_template("public/start.html")


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Ask for an address."""
    return _sign_in_page(blank(next=safe_next(request.args.get("next")) or ""))


@blueprint.post("/sign-in")
def ask_for_link() -> ResponseReturnValue:
    """Promise a link. The answer, and the work before it, are the same for an address that nobody has."""
    form = read_form(SignInRequest, request.form.to_dict())
    if form.value is None:
        return _sign_in_page(form), 422
    for subject, limit in (
        (f"sign-in:email:{email_key(form.value.email)}", SIGN_IN_PER_EMAIL),
        (f"sign-in:source:{request.remote_addr}", SIGN_IN_PER_SOURCE),
    ):
        count(subject, limit)
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy ends with the request
    mail_room().send_sign_in_link(app, email=form.value.email, came_from=safe_next(form.value.next))
    return redirect(url_for("public.link_sent"), 303)


@blueprint.get("/sign-in/sent")
def link_sent() -> ResponseReturnValue:
    """Say where to look."""
    return render_template("public/link_sent.html")


@blueprint.get("/sign-in/<token>")
def link(token: str) -> ResponseReturnValue:
    """Show whom a link signs in, and a button: a mail scanner that opens the address spends nothing."""
    with reading() as unit:
        login = login_of_link(unit, token)
        if login is None:
            return _spent()
        rooms = rooms_of(unit, login.id)
    return render_template("public/link.html", email=login.email, rooms=rooms, token=token, next=_next())


@blueprint.post("/sign-in/<token>")
def use_link(token: str) -> ResponseReturnValue:
    """Spend a link: a fresh session, whatever the browser had before is ended."""
    wanted = request.form.get("realm", "")
    if wanted not in {realm.value for realm in Realm}:
        return page(400)
    realm = Realm(wanted)
    before = cookies.session_token()

    def spend(unit: UnitOfWork) -> str:
        if before is not None:
            end_session(unit, before)
        return use_sign_in_link(unit, token, realm=realm)

    try:
        fresh = database().run(spend)
    except LinkSpentError:
        return _spent()
    session.clear()
    response = make_response(redirect(safe_next(request.form.get("next")) or _lobby(realm), 303))
    cookies.give(response, fresh, realm=realm)
    return response


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End this session."""
    token = cookies.session_token()
    if token is not None:
        database().run(lambda unit: end_session(unit, token))
    return _goodbye()


@blueprint.post("/sign-out-everywhere")
def sign_out_everywhere() -> ResponseReturnValue:
    """End every session of whoever is asking."""
    who = visitor().session
    if who is not None:
        database().run(lambda unit: end_all_sessions(unit, who.login_id))
    return _goodbye()


def count(subject: str, limit: RateLimit) -> None:
    """Count an attempt in a unit that commits, whether or not it was one too many.

    Raises:
        TooManyAttemptsError: it was.
    """

    def attempt(unit: UnitOfWork) -> TooManyAttemptsError | None:
        try:
            count_attempt(unit, subject, limit=limit)
        except TooManyAttemptsError as refused:
            return refused
        return None

    refused = database().run(attempt)
    if refused is not None:
        raise refused


def _sign_in_page(form: Form[SignInRequest] | Form[BaseModel]) -> str:
    return render_template("public/sign_in.html", form=form)


def _spent() -> ResponseReturnValue:
    return render_template("public/link_spent.html"), 410


def _goodbye() -> ResponseReturnValue:
    session.clear()
    response = make_response(redirect(url_for("public.start"), 303))
    cookies.take_back(response)
    return response


def _lobby(realm: Realm) -> str:
    return url_for("admin.rooms" if realm is Realm.STAFF else "portal.rooms")


def _next() -> str:
    return safe_next(request.args.get("next")) or ""
