"""The one way to call into a plugin: its failure becomes an error of ours, and five in a row switch it off for a while.

In-process plugins are guard-railed, not sandboxed: this stops exceptions, not malice and not a call that hangs.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any, Final, Generic, TypeVar

import structlog

from engine.kernel.errors import GoodwordError

T = TypeVar("T")
R = TypeVar("R")

FAILURES_TO_TRIP: Final = 5
REST_S: Final = 300.0
"""How long what was switched off is left alone before it is tried again."""
ASKED: Final[ContextVar["Registered[Any] | None"]] = ContextVar("goodword_asked", default=None)
"""What is being asked here and now, for whoever writes a log line meanwhile."""
_SLOW_SECONDS: Final = 5.0
_LONGEST_REASON: Final = 300

_log = structlog.get_logger(__name__)


class PluginFailedError(GoodwordError):
    """A plugin broke while it was asked for something; nothing came of the question."""

    def __init__(self, plugin: str, what: str, reason: str) -> None:
        self.plugin, self.what, self.reason = plugin, what, reason
        super().__init__(
            f"Plugin {plugin} failed in {what}: {reason} Nothing was done; repair or replace it, then retry."
        )


class ContractBreachError(Exception):
    """A plugin's answer is not what its hook promises. Raised inside a question, so that it counts as a failure."""


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row of one noun; open, with the last reason, once there were `FAILURES_TO_TRIP`.

    After `REST_S` one question at a time is let through: an answer closes it, a failure opens it for as long again.
    """

    failures: int = 0
    tripped: str | None = None
    rests_until: float = 0.0

    def lets_through(self) -> bool:
        """Say whether the noun may be asked now; a trial puts off the next one."""
        if self.tripped is None:
            return True
        now = monotonic()
        if now < self.rests_until:
            return False
        self.rests_until = now + REST_S
        return True

    def answered(self) -> None:
        """Forget the failures."""
        self.failures, self.tripped = 0, None

    def failed(self, reason: str) -> bool:
        """Count a failure; say whether it was one too many."""
        self.failures += 1
        if self.failures < FAILURES_TO_TRIP:
            return False
        self.tripped, self.rests_until = reason, monotonic() + REST_S
        return True


@dataclass(frozen=True, slots=True)
class Registered(Generic[T]):
    """Something that a plugin registered. `what` says which, for people: `reward type percentage`."""

    plugin: str
    version: str
    value: T
    what: str = ""
    breaker: Breaker = field(default_factory=Breaker, compare=False, repr=False)

    def ask(self, question: Callable[[T], R]) -> R:
        """Return the answer to `question`. For what must not go wrong unseen: fails closed.

        An error that the plugin raises on purpose, a `GoodwordError`, comes through as it is and is no failure.

        Raises:
            PluginFailedError: anything else went wrong, also `SystemExit`; or the noun is switched off after failures.
        """
        breaker = self.breaker
        if not breaker.lets_through():
            raise PluginFailedError(self.plugin, self.what, _switched_off(breaker.tripped))
        started, before = perf_counter(), ASKED.set(self)
        try:
            answer = question(self.value)
        except GoodwordError:
            breaker.answered()
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._failed(error, perf_counter() - started) from error
        finally:
            ASKED.reset(before)
        breaker.answered()
        if (seconds := perf_counter() - started) > _SLOW_SECONDS:
            _log.warning("plugin_slow", plugin=self.plugin, what=self.what, seconds=round(seconds, 3))
        return answer

    def offer(self, question: Callable[[T], R], default: R) -> R:
        """Return the answer to `question`, or `default` when there is none. For what may be missing: fails open."""
        try:
            return self.ask(question)
        except GoodwordError as error:
            _log.warning("plugin_passed_over", plugin=self.plugin, what=self.what, reason=reason_of(error))
            return default

    def _failed(self, error: BaseException, seconds: float) -> PluginFailedError:
        reason = reason_of(error)
        tripped = self.breaker.failed(f"{self.what}: {reason}")
        context = {"plugin": self.plugin, "version": self.version, "what": self.what, "reason": reason}
        _log.error("plugin_failed", **context, failures=self.breaker.failures, seconds=round(seconds, 3))
        if tripped:
            _log.error("plugin_tripped", **context)
        return PluginFailedError(self.plugin, self.what, reason)


def reason_of(error: BaseException) -> str:
    """Return what `error` says, as one sentence on one line, whatever a plugin made of its `__str__`."""
    kind = type(error).__name__
    try:
        said = "".join(char if char.isprintable() else " " for char in str(error))
    except Exception:  # noqa: BLE001 - a plugin's exception is a plugin's code as well
        said = ""
    text = " ".join(said.split())[:_LONGEST_REASON]
    if not isinstance(error, GoodwordError | ContractBreachError):
        text = f"{kind}: {text}" if text else kind
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _switched_off(last: str | None) -> str:
    rest = f"{REST_S / 60:g} minutes at a time"
    return f"it is switched off for {rest} after {FAILURES_TO_TRIP} failures in a row, the last in {last}"
