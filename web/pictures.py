"""Pictures that come with a form: drawn anew before anything is written, counted, and refused in a sentence."""

from flask import request

from engine.identity.rules import PICTURES_PER_LOGIN
from engine.tracking.site.assets import PictureRef, keep_picture
from engine.tracking.site.pictures import LARGEST_FILE, encoded
from engine.tracking.site.tables import AssetKind
from web.context import ambassador, database, visitor
from web.public.signing_in import count


def sent_picture(field: str, *, kind: AssetKind) -> PictureRef | None:
    """Return the picture that was sent in a field, kept; None where none was sent.

    Raises:
        InputError: it is no picture that can be kept.
        TooManyAttemptsError: this login sends more pictures than a person would.
    """
    file = request.files.get(field)
    if file is None or not file.filename:
        return None
    who = visitor().staff or ambassador()
    count(f"picture:{who.brand.id}:{who.email}", PICTURES_PER_LOGIN)
    drawn = encoded(file.stream.read(LARGEST_FILE + 1), kind=kind)
    return database().run(lambda unit: keep_picture(unit, who.brand.id, drawn=drawn, kind=kind, by=who.email))
