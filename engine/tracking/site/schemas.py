"""What a brand may say about its site and its tracking. Unknown keys are refused."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator

from engine.kernel.errors import InputError
from engine.programs.schemas import Input
from engine.tracking.links.rules import LONGEST_URL, checked_template
from engine.tracking.site.colours import PLUM, checked_colour
from engine.tracking.site.rules import checked_domains
from engine.tracking.site.tables import Consent, KeptAddress

DISCLOSURE: Final = "Advertisement: I earn a commission when you buy through this page or with my code."
RETENTION_DAYS: Final = 90


def _domains(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_valued(lambda: checked_domains(value)))


def _colour(value: str) -> str:
    return str(_valued(lambda: checked_colour(value)))


def _one_line(value: str) -> str:
    value = " ".join(value.split())
    if not value.isprintable():
        raise ValueError("write a sentence that can be read")
    return value


def _valued(check: Any) -> Any:
    try:
        return check()
    except InputError as error:
        raise ValueError(f"{error.problem} {error.remedy or ''}".strip()) from None


class SiteDraft(Input):
    """What all links and pages of a brand share: the only hosts that they lead to, a colour, a logo."""

    domains: Annotated[tuple[str, ...], AfterValidator(_domains)] = ()
    colour: Annotated[str, Field(max_length=20), AfterValidator(_colour)] = PLUM
    logo_id: UUID | None = None


class TrackingDraft(Input):
    """How a program tracks. `home_url` empty: its links lead nowhere yet, unless they say otherwise themselves."""

    home_url: str = Field(default="", max_length=LONGEST_URL)
    consent: Consent = Consent.REQUIRED
    kept_address: KeptAddress = KeptAddress.SHORTENED
    count_window_h: int = Field(default=24, ge=1, le=30 * 24)
    retention_days: int = Field(default=RETENTION_DAYS, ge=1, le=3_650)
    utm: dict[str, str] = Field(default_factory=dict)
    disclosure: Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_one_line)] = DISCLOSURE
    connection_id: UUID | None = None

    @field_validator("utm")
    @classmethod
    def _template(cls, value: dict[str, str]) -> dict[str, str]:
        return dict(_valued(lambda: checked_template(value)))
