"""The language in which a template says where in a JSON body something is: `order.lines[].total`.

Names are separated by points; `[]` behind one means every element of its list, `[0]` the first. A path starts at the
thing that is being read (the whole body, or the element that `each` names); `$.` starts at the body whatever is read.
`$` alone is the body, `@` alone the thing itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from engine.plugin_api import InputError

_STEP: Final = re.compile(r"(?P<name>[\w:@/ -]{1,100})(?P<within>(?:\[\d{0,4}\]){0,3})", re.ASCII)
_WITHIN: Final = re.compile(r"\[(\d*)\]", re.ASCII)
MAX_FOUND: Final = 20_000
"""How many places one path may find in one body."""


class Every:
    """The step into every element of a list."""


EVERY: Final = Every()
Step = str | int | Every


@dataclass(frozen=True, slots=True)
class Path:
    """A path that was read. `from_body`: it starts at the body and not at the thing that is being read."""

    text: str
    from_body: bool
    steps: tuple[Step, ...]

    @property
    def is_one(self) -> bool:
        """Whether it names one place at most."""
        return EVERY not in self.steps


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a body, and where it is, as a person would look for it."""

    value: Any
    where: str


@lru_cache(maxsize=1024)
def read_path(text: str) -> Path:
    """Return the path that `text` writes out.

    Raises:
        ValueError: it writes none.
    """
    if text in {"$", "@"}:
        return Path(text, text == "$", ())
    from_body = text.startswith("$.")
    steps: list[Step] = []
    for part in text.removeprefix("$.").split("."):
        match = _STEP.fullmatch(part)
        if not match or len(text) > 300:
            raise ValueError(f"{text[:60]!r} is no path such as order.lines[].total")
        steps.append(match["name"])
        steps += [int(number) if number else EVERY for number in _WITHIN.findall(match["within"])]
    return Path(text, from_body, tuple(steps))


def find(path: Path, here: Place, *, body: Place) -> Iterator[Place]:
    """Yield every place that `path` names, in the body's order; nothing where something on the way is not there.

    A null is nothing.

    Raises:
        InputError: there is something else on the way than the path says, or more than `MAX_FOUND` places.
    """
    places = [body if path.from_body else here]
    for step in path.steps:
        places = [reached for place in places for reached in _reach(place, step)]
        if len(places) > MAX_FOUND:
            raise InputError(f"{path.text} names more than {MAX_FOUND:,} places.")
    return (place for place in places if place.value is not None)


def _reach(place: Place, step: Step) -> list[Place]:
    value = place.value
    if value is None:
        return []
    match step:
        case str():
            if not isinstance(value, dict):
                raise InputError(f"There is no object at {place.where} in which to look for {step}.")
            return [Place(value[step], _within(place, step))] if step in value else []
        case int():
            items = _listed(place)
            return [Place(items[step], f"{place.where}[{step}]")] if step < len(items) else []
        case _:
            return [Place(item, f"{place.where}[{number}]") for number, item in enumerate(_listed(place))]


def _listed(place: Place) -> list[Any]:
    if not isinstance(place.value, list):
        raise InputError(f"There is no list at {place.where}.")
    return place.value


def _within(place: Place, name: str) -> str:
    return name if place.where == "the body" else f"{place.where}.{name}"


def _check(text: str) -> str:
    return read_path(text.strip()).text


def _check_one(text: str) -> str:
    path = read_path(text.strip())
    if not path.is_one:
        raise ValueError(f"{path.text} names many places where one is wanted: leave the [] out, or give a number in it")
    return path.text


OnePath = Annotated[str, AfterValidator(_check_one)]
"""A path to one value."""

ManyPath = Annotated[str, AfterValidator(_check)]
"""A path to one value or to many."""
