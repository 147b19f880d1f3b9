"""What happens in the demo while the months pass, and when."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

from engine.demo.pages import publish_pages, submit_page
from engine.demo.people import PEOPLE, REJECTED, WAITING, person
from engine.demo.programs import FRIENDS_LATER
from engine.demo.story import BY, Story
from engine.enrollment.service import move_group, reject_application, suspend
from engine.kernel.database import UnitOfWork
from engine.programs.service import publish_terms
from engine.tracking.codes.service import assign_code, expire_code

Scene = Callable[[Story, UnitOfWork], None]


def scenes(number: int, month: str) -> list[tuple[date, Scene]]:
    """Return what happens in the log's month `number` (from 0 on), which is `month`, day by day.

    Everything happens after the payouts of the month before were confirmed, on its third day.
    """
    days = {**_joining(number), **_SCENES.get(number, {})}
    return [(date(int(month[:4]), int(month[5:]), day), scene) for day, scene in sorted(days.items())]


def _joining(month: int) -> Mapping[int, Scene]:
    people = [one for one in PEOPLE if one.joins == month]
    if not people or not month:
        return {}
    return {8: lambda story, unit: story.apply_all(unit, people), 12: lambda story, unit: story.let_in(unit, people)}


def _reject(story: Story, unit: UnitOfWork) -> None:
    name, email, program, answer = REJECTED
    enrollment_id = story.apply(unit, name, email=email, program=program, answer=answer)
    reason = "We look for people who talk about music, not for lists of codes."
    again = unit.now.date() + timedelta(days=180)
    reject_application(unit, story.brand_id, enrollment_id=enrollment_id, reason=reason, by=BY, reapply_on=again)


def _promote(story: Story, unit: UnitOfWork) -> None:
    one = story.enrollments[person("Priya Raghunathan").email]
    move_group(unit, story.brand_id, enrollment_id=one, group_id=story.gold_id, by=BY)


def _expire(story: Story, unit: UnitOfWork) -> None:
    """End a code that customers go on using, although its owner has another one now."""
    one = person("Oskar Sjöberg")
    known = story.shop.codes[one.email]
    expire_code(unit, story.brand_id, promo_code_id=story.code_ids[one.email], by=BY)
    story.give_code(unit, one)
    story.shop.codes[one.email] = known


def _raise_gold(story: Story, unit: UnitOfWork) -> None:
    program_id, host = story.programs["friends"], story.goodword.plugins
    publish_terms(unit, story.brand_id, program_id=program_id, document=FRIENDS_LATER, host=host, by=BY)


def _suspend(story: Story, unit: UnitOfWork) -> None:
    one = story.enrollments[person("Noah Lindqvist").email]
    reason = "Bids on our own name in search advertisements; we asked twice."
    suspend(unit, story.brand_id, enrollment_id=one, reason=reason, by=BY)


def _hand_over(story: Story, unit: UnitOfWork) -> None:
    """Give a code to somebody else: orders placed from now on are theirs."""
    code_id = story.code_ids[person("Hana Nováková").email]
    heir = story.enrollments[person("Diego Ramírez").email]
    assign_code(unit, story.brand_id, promo_code_id=code_id, enrollment_id=heir, by=BY)


def _fetch_again_and_again(story: Story, unit: UnitOfWork) -> None:
    """Let a program fetch one ambassador's links: hundreds of clicks, none of which counts."""
    story.visits.burst(person("Liam O’Sullivan"), unit.now, clicks=180)


def _applications(story: Story, unit: UnitOfWork) -> None:
    for name, email, program, answer in WAITING:
        story.apply(unit, name, email=email, program=program, answer=answer)


_SCENES: Final[Mapping[int, Mapping[int, Scene]]] = {
    2: {16: publish_pages},
    4: {15: _reject},
    6: {10: _promote},
    7: {6: _expire},
    9: {5: _raise_gold},
    10: {18: _suspend},
    11: {9: _hand_over},
    17: {19: _fetch_again_and_again, 24: _applications, 26: submit_page},
}
