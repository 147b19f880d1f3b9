"""From what a browser posts to a checked value, or to sentences beside the fields. Nothing typed is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from web.i18n import text

Model = TypeVar("Model", bound=BaseModel)

_SENTENCES = {
    "missing": "Fill this in.",
    "string_too_short": "Fill this in.",
    "string_too_long": "This is too long. Shorten it to %(max_length)s characters.",
    "extra_forbidden": "This form has no such field.",
    "date_from_datetime_parsing": "Write a date like 2026-05-31.",
    "date_parsing": "Write a date like 2026-05-31.",
    "enum": "Choose one of those shown.",
}


@dataclass(slots=True)
class Form(Generic[Model]):
    """What was typed, the checked value where it is right, and one sentence per field where it is not."""

    values: Mapping[str, str]
    value: Model | None = None
    errors: dict[str, str] = field(default_factory=dict)


def blank(**values: str) -> Form[BaseModel]:
    """Return a form as first shown."""
    return Form(values)


def read_form(model: type[Model], posted: Mapping[str, str], *, lists: Sequence[str] = ()) -> Form[Model]:
    """Check what was posted. Empty fields count as not given; `lists` name fields with one item a line."""
    values = {key: value for key, value in posted.items() if key != "csrf_token"}
    given: dict[str, object] = {key: value for key, value in values.items() if value.strip()}
    for name in lists:
        given[name] = tuple(line.strip() for line in values.get(name, "").splitlines() if line.strip())
    try:
        return Form(values, model.model_validate(given))
    except ValidationError as error:
        return Form(values, None, _sentences(error))


def _sentences(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for problem in error.errors():
        place = str(problem["loc"][0]) if problem["loc"] else "form"
        sentence = _SENTENCES.get(problem["type"])
        limits = problem.get("ctx", {})
        said = text(sentence, **limits) if sentence else text(problem["msg"].removeprefix("Value error, "))
        found.setdefault(place, said)
    return found
