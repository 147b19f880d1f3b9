"""The errors of Goodword, by what their reader can do about them.

Every message is a sentence: what was wrong, where, and what to do. Fields are typed, so that a screen, a log line and a
JSON answer say the same thing without parsing prose.
"""

from dataclasses import dataclass


class GoodwordError(Exception):
    """Base of every error that Goodword raises on purpose."""


class InputError(GoodwordError):
    """What was given is not acceptable; giving something else helps."""

    def __init__(self, problem: str, *, field: str | None = None, remedy: str | None = None) -> None:
        self.problem, self.field, self.remedy = problem, field, remedy
        place = f"{field}: " if field else ""
        super().__init__(f"{place}{problem}" + (f" {remedy}" if remedy else ""))


class NotFoundError(GoodwordError):
    """There is no such thing, or it belongs to another brand; both are told alike."""

    def __init__(self, what: str, key: object) -> None:
        self.what, self.key = what, key
        super().__init__(f"There is no {what} {key!s} here.")


class ConflictError(GoodwordError):
    """What was asked does not fit the present state; looking again helps."""


class InvalidTransitionError(ConflictError):
    """A state machine was asked for a step that it does not have."""

    def __init__(self, what: str, *, state: str, asked: str) -> None:
        self.what, self.state, self.asked = what, state, asked
        super().__init__(f"This {what} is {state}; it cannot become {asked} from there.")


class IdempotencyConflictError(ConflictError):
    """A key came back with another input: the caller's bug, so nothing was done."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"Key {key!r} was used before with another input. Use a new key for a new command.")


class StaleReadError(ConflictError):
    """Somebody else wrote what was read; reading again and repeating helps. `Database.run` does so."""


class MoneyError(GoodwordError):
    """An amount or currency that cannot be worked with."""


class CurrencyMismatchError(MoneyError):
    """Two currencies met where only one may be; they are never added or netted."""

    def __init__(self, left: str, right: str) -> None:
        self.left, self.right = left, right
        super().__init__(f"{left} and {right} cannot be combined: amounts of different currencies never net.")


class SettingsError(GoodwordError):
    """The installation's settings are wrong; all problems at once."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("The settings have problems:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One thing wrong with one place of an imported file."""

    file: str
    line: int
    field: str | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        field = f", {self.field}" if self.field else ""
        return f"{self.file}, line {self.line}{field}: {self.problem} {self.remedy}".rstrip()
