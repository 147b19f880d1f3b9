"""The one way to call into a plugin: its failure becomes an error of ours, and five in a row switch it off.

In-process plugins are guard-railed, not sandboxed: this stops exceptions, not malice and not a call that hangs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, Generic, TypeVar

import structlog

from engine.kernel.errors import GoodwordError

T = TypeVar("T")
R = TypeVar("R")

FAILURES_TO_TRIP: Final = 5
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
    """Counts failures in a row of one noun; open, with the last reason, once there were `FAILURES_TO_TRIP`."""

    failures: int = 0
    tripped: str | None = None

    def close(self) -> None:
        """Forget the failures: the noun is asked again."""
        self.failures, self.tripped = 0, None


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
        if breaker.tripped is not None:
            raise PluginFailedError(self.plugin, self.what, _switched_off(breaker.tripped))
        started = perf_counter()
        try:
            answer = question(self.value)
        except GoodwordError:
            breaker.failures = 0
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._failed(error, perf_counter() - started) from error
        breaker.failures = 0
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
        self.breaker.failures += 1
        context = {"plugin": self.plugin, "version": self.version, "what": self.what, "reason": reason}
        _log.error("plugin_failed", **context, failures=self.breaker.failures, seconds=round(seconds, 3))
        if self.breaker.failures >= FAILURES_TO_TRIP:
            self.breaker.tripped = f"{self.what}: {reason}"
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


def _switched_off(last: str) -> str:
    return f"it is switched off after {FAILURES_TO_TRIP} failures in a row, the last in {last}"
