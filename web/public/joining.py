"""Apply to a program: a short form for everybody, and a thank-you that is the same for everybody."""

from contextlib import suppress
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlsplit

from flask import redirect as go
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.service import apply as apply_to_program
from engine.identity.queries import BrandView, brand_by_slug
from engine.identity.rules import APPLY_PER_SOURCE
from engine.identity.schemas import Email, PersonName
from engine.identity.service import ensure_ambassador
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, NotFoundError
from engine.plugin_api import GoodwordError, RewardParams, RewardType
from engine.programs.queries import ProgramRow, TermsVersion, programs_of, terms_as_of, terms_history
from engine.programs.schemas import RateRowLevel
from engine.programs.tables import ProgramState
from web.context import database, installation, reading
from web.forms import Form, blank, read_form
from web.public import blueprint
from web.public.signing_in import count

LINKS: Final = "Where can people see you?"
WHY: Final = "Why would you like to join?"


def _link(value: str) -> str:
    parts = urlsplit(value if "://" in value else f"https://{value}")
    if parts.scheme not in {"http", "https"} or "." not in parts.netloc or not value.isprintable() or " " in value:
        raise ValueError("Write one link a line, like https://instagram.com/anna.")
    return value


def _readable(value: str) -> str:
    if "\0" in value or not value.strip():
        raise ValueError("Write a few words.")
    return value.strip()


Link = Annotated[str, Field(max_length=300), AfterValidator(_link)]


class Joining(BaseModel):
    """What somebody writes who wants to become an ambassador."""

    model_config = ConfigDict(extra="forbid")

    name: PersonName
    email: Email
    links: tuple[Link, ...] = Field(default=(), max_length=10)
    why: Annotated[str, Field(max_length=2000), AfterValidator(_readable)]


@blueprint.get("/join/<brand>/<program>")
def join(brand: str, program: str) -> ResponseReturnValue:
    """Show what the program gives, and the form."""
    return _join_page(brand, program, blank())


@blueprint.post("/join/<brand>/<program>")
def apply(brand: str, program: str) -> ResponseReturnValue:
    """Take an application in. Whether somebody is known here already is told to nobody."""
    form = read_form(Joining, request.form.to_dict(), lists=("links",))
    if form.value is None:
        return _join_page(brand, program, form), 422
    count(f"apply:source:{request.remote_addr}", APPLY_PER_SOURCE)
    said = form.value

    def take_in(unit: UnitOfWork) -> None:
        found, chosen = _open_program(unit, brand, program)
        person = ensure_ambassador(unit, found.id, name=said.name, email=said.email, keyring=installation().keyring)
        answers = {WHY: said.why} | ({LINKS: "\n".join(said.links)} if said.links else {})
        draft = ApplicationDraft(answers=answers)
        apply_to_program(unit, found.id, program_id=chosen.id, ambassador_id=person.id, draft=draft, by=said.email)

    with suppress(ConflictError):  # known already, or too early: a stranger learns nothing of it
        database().run(take_in)
    return go(url_for("public.applied", brand=brand, program=program), 303)


@blueprint.get("/join/<brand>/<program>/thanks")
def applied(brand: str, program: str) -> ResponseReturnValue:
    """Say thank you, and what happens next."""
    with reading() as unit:
        found, chosen = _open_program(unit, brand, program)
    return render_template("public/applied.html", brand=found, program=chosen)


def _join_page(brand: str, program: str, form: Form[Joining] | Form[BaseModel]) -> str:
    with reading() as unit:
        found, chosen = _open_program(unit, brand, program)
        terms = terms_as_of(terms_history(unit, found.id, program_id=chosen.id), chosen.id, at=unit.now)
    return render_template("public/join.html", brand=found, program=chosen, form=form, gives=_gives(terms), terms=terms)


def _open_program(unit: UnitOfWork, brand_slug: str, program_slug: str) -> tuple[BrandView, ProgramRow]:
    brand = brand_by_slug(unit, brand_slug)
    if brand is None:
        raise NotFoundError("brand", brand_slug)
    for program in programs_of(unit, brand.id):
        if program.slug == program_slug and program.state is ProgramState.OPEN:
            return brand, program
    raise NotFoundError("open program", program_slug)


def _gives(terms: TermsVersion | None) -> tuple[str, ...]:
    """Return a sentence for each reward, in the plugin's words; a plugin that fails has none."""
    if terms is None:
        return ()
    sentences = []
    for reward in terms.document.rewards:
        rates = {
            row.level.value: row.rate_bps
            for row in terms.document.rates
            if row.reward == reward.key and row.level is RateRowLevel.PROGRAM
        }
        try:
            kind = installation().plugins.reward_type(reward.type)
            params = kind.value.params_model.model_validate(reward.params)
        except (GoodwordError, ValueError):
            continue
        sentences.append(kind.offer(partial(_described, params=params, rates_bps=rates), ""))
    return tuple(sentence for sentence in sentences if sentence)


def _described(kind: RewardType, *, params: RewardParams, rates_bps: dict[str, int]) -> str:
    return kind.describe(params, rates_bps=rates_bps)
