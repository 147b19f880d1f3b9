"""What somebody reads when a page cannot be shown: what happened, and what to do."""

import structlog
from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from engine.identity.sessions import TooManyAttemptsError
from engine.kernel.errors import InputError, NotFoundError
from engine.kernel.ids import new_id
from web.i18n import text

_log = structlog.get_logger(__name__)


def answer_errors(app: Flask) -> None:
    """Give every error a page of ours; what is wrong inside is logged and never shown."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(NotFoundError, lambda _error: page(404))
    app.register_error_handler(InputError, lambda error: page(400, sentence=str(error)))
    app.register_error_handler(TooManyAttemptsError, lambda error: page(429, sentence=str(error)))
    app.register_error_handler(Exception, _unexpected)


def page(status: int, *, sentence: str | None = None) -> ResponseReturnValue:
    """Return the error page of a status, with a sentence of its own where one is given."""
    title, usual = _words(status)
    return render_template("errors/error.html", status=status, title=title, sentence=sentence or usual), status


def _words(status: int) -> tuple[str, str]:
    match status:
        case 404:
            return text("There is nothing here"), text("The address may be mistyped, or belong to somebody else.")
        case 403:
            return text("Your role does not allow this"), text(
                "Ask the owner of the brand to do it, or to change your role."
            )
        case 405:
            return text("This page is not opened like that"), text("Go back and use the button on the page.")
        case 413:
            return text("That is too much at once"), text("Send a shorter text, or a smaller picture.")
        case 429:
            return text("That was tried too often"), text("Wait a few minutes, then try again.")
        case status if status >= 500:
            return text("This page failed"), text(
                "It is our fault, and it is written down. Nothing you sent was half done."
            )
    return text("This did not work"), text("Go back, load the page again and repeat what you did.")


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    return page(error.code)


def _csrf(_error: CSRFError) -> ResponseReturnValue:
    return page(400, sentence=text("This form was open for too long. Load the page again and repeat what you did."))


def _unexpected(error: Exception) -> ResponseReturnValue:
    reference = str(new_id())
    _log.error("page_failed", reference=reference, endpoint=request.endpoint, exc_info=error)
    return page(500, sentence=text("It is our fault, and it is written down as %(reference)s.", reference=reference))
