"""The language of a page: which texts, which way of writing amounts and dates.

Texts are written in English in the templates; a catalogue `translations/<language>.po` makes another language, read as
it stands when the app starts. Those in `translations/pages` are for pages that are the same for everybody, which speak
the language that they were written in.
"""

import gettext as gettext_module
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, current_app, g, has_request_context, request

CATALOGUES: Final = Path(__file__).resolve().parent / "translations"
_ENGLISH: Final = {"en-gb": "en_GB", "en-us": "en_US", "en": "en_GB"}


def speak(app: Flask) -> None:
    """Load the catalogues and make `_()` and `{% trans %}` work in templates."""
    app.extensions["goodword_texts"] = _all_in(CATALOGUES)
    app.extensions["goodword_page_texts"] = _all_in(CATALOGUES / "pages")
    app.jinja_env.add_extension("jinja2.ext.i18n")
    cast(Any, app.jinja_env).install_gettext_callables(_gettext, _ngettext, newstyle=True)
    app.jinja_env.globals["language"] = lambda: locale().language


def locale() -> Locale:
    """Return the locale of this request; British English outside one: jobs and mails name theirs."""
    if not has_request_context():
        return Locale.parse("en_GB")
    if "locale" not in g:
        known = _ENGLISH | {language: language for language in _texts()}
        wanted = request.accept_languages.best_match(list(known))
        g.locale = Locale.parse(known.get(wanted or "en", "en_GB"))
    return cast(Locale, g.locale)


def speak_as(language: str) -> str:
    """Answer this request in `language` whatever the visitor asked for, English where nobody taught it; return which.

    For pages that are the same for everybody.
    """
    g.texts = current_app.extensions["goodword_page_texts"].get(language)
    g.locale = Locale.parse(language if g.texts else "en_GB")
    return locale().language


def text(message: str, **values: object) -> str:
    """Return `message` in the request's language with `%(name)s` filled in; for words said by a view."""
    translated = _gettext(message)
    return translated % values if values else translated


def _texts() -> dict[str, gettext_module.GNUTranslations]:
    return cast("dict[str, gettext_module.GNUTranslations]", current_app.extensions["goodword_texts"])


def _spoken() -> gettext_module.GNUTranslations | None:
    """Return the texts of this request, None where they are English."""
    if has_request_context() and "texts" in g:
        return cast("gettext_module.GNUTranslations | None", g.texts)
    return _texts().get(locale().language)


def _gettext(message: str) -> str:
    found = _spoken()
    return found.gettext(message) if found else message


def _ngettext(singular: str, plural: str, number: int) -> str:
    found = _spoken()
    if found:
        return found.ngettext(singular, plural, number)
    return singular if number == 1 else plural


def _all_in(folder: Path) -> dict[str, gettext_module.GNUTranslations]:
    return {path.stem: _read(path) for path in sorted(folder.glob("*.po"))}


def _read(path: Path) -> gettext_module.GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext_module.GNUTranslations(compiled)
