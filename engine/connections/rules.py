"""What an account may be called, which secrets are too weak to sign with, when a shop counts as silent.

Pure: no session, no clock.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, SecretBytes, SecretStr

ACCOUNT: Final = re.compile(r"[a-z0-9-]{3,80}")
SHORTEST_SECRET: Final = 16
"""Characters of a secret that signs webhooks: what is shorter can be guessed offline from one delivery."""

FOR_STAFF: Final = "for_staff"
"""The kind of alarm of what a shop sent for staff to see to; nobody but them can say that it is done."""

GONE: Final = "gone"
"""The kind of alarm of a shop that let us go."""

SILENT: Final = "silent"
"""The kind of alarm of a shop that did send webhooks and no longer does."""

SWITCHED_OFF: Final = "switched_off"
"""The kind of alarm of a shop that had switched off webhooks of ours."""

ACCESS: Final = "access"
"""The kind of alarm of a shop that does not let us look."""

READING: Final = "reading"
"""The kind of alarm of a shop whose webhooks wait because of its connector, its settings, or the shop itself."""

UNREAD: Final = "unread"
"""The kind of alarm of a shop whose webhooks are due and nobody reads."""

UNASKED: Final = "unasked"
"""The kind of alarm of a shop that could not be asked what changed, again and again."""

DRIFT: Final = "code_drift"
"""The kind of alarm of a shop in which somebody changed promo codes of ours."""

CODES_REFUSED: Final = "shop_refuses_us"
"""The kind of alarm of a shop that takes no promo codes from us."""

_SAID: Final[Mapping[str, str]] = {
    FOR_STAFF: "{shop} sent something that somebody must see to, such as a customer's privacy request.",
    GONE: "{shop} has let Goodword go. No orders come in from it until it is connected again.",
    SILENT: "{shop} has sent no webhook for longer than it should. What it sold since may not be here yet.",
    SWITCHED_OFF: "{shop} had switched off its webhooks. They are switched on again.",
    ACCESS: "{shop} does not let Goodword in. Its access may have expired or been taken back.",
    READING: "Webhooks of {shop} wait to be read. Orders among them are not counted yet.",
    UNREAD: "Nobody reads the webhooks of {shop}, though they are due. The worker may hang: whoever runs it must look.",
    UNASKED: "{shop} cannot be asked what changed. An order of which no webhook tells is not seen until it can.",
    DRIFT: "Promo codes in {shop} are no longer as they were put there.",
    CODES_REFUSED: "{shop} takes no promo codes. New codes of ambassadors do not work there yet.",
}

_PREFIX: Final = re.compile(r"[a-z]{1,10}_")


def hook_path(connector: str, account: str) -> str:
    """Return the path to which a shop sends its webhooks."""
    return f"/hooks/{connector}/{account}"


def weak_secrets(settings: BaseModel) -> list[str]:
    """Return a sentence for each secret of `settings` that is too weak to sign with; never the secret.

    A signing secret is a secret field whose name says `secret` (`webhook_secret`, `signing_secrets`); passwords and
    tokens are the shop's to judge. A prefix such as `whsec_` does not make a short one longer.
    """
    return [
        f"{place}: use at least {SHORTEST_SECRET} characters that nobody can guess, as the shop makes them"
        for place, secret in _signing_secrets(settings.model_dump(), "")
        if not _strong(secret)
    ]


def said_of(kind: str, *, shop: str) -> str:
    """Return what an alarm of a kind means, for people who did not see it; `shop` is what they call the shop."""
    return _SAID.get(kind, "Something is wrong with {shop}.").format(shop=shop)


def is_silent(last: datetime | None, *, now: datetime, quiet_after_h: int) -> bool:
    """Tell whether a shop that did send webhooks has not for so long. One that never did is only being set up."""
    return last is not None and now - last > timedelta(hours=quiet_after_h)


def _strong(secret: str) -> bool:
    plain = _PREFIX.sub("", secret.strip(), count=1)
    return len(plain) >= SHORTEST_SECRET and len(set(plain)) > 3


def _signing_secrets(value: Any, place: str, *, signs: bool = False) -> Iterator[tuple[str, str]]:
    match value:
        case SecretStr() if signs:
            yield place, value.get_secret_value()
        case SecretBytes() if signs:
            yield place, value.get_secret_value().decode("utf-8", "replace")
        case Mapping():
            for key, inner in value.items():
                name = str(key)
                where = f"{place}.{name}" if place else name
                yield from _signing_secrets(inner, where, signs=signs or "secret" in name.lower())
        case list() | tuple() | set() | frozenset():
            for inner in value:
                yield from _signing_secrets(inner, place, signs=signs)
        case _:
            return
