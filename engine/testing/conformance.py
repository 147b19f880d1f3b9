"""The ground of every check: what a check is, when it is left out, and how a plugin is asked so that it cannot hang.

A check is a method `test_…` whose name is the sentence that it proves. A failed one raises `AssertionError` with what
was seen and what to do. Checks that belong to a capability which a plugin does not declare are left out by name, in
`left_out`, and never pass silently.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, ClassVar, TypeVar, cast

from engine.plugin_api import PluginManifest

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., None])

_NEEDS = "goodword_needs"


def needs(*capabilities: str) -> Callable[[F], F]:
    """Mark a check as one for plugins that can do any of `capabilities`; for others it is left out."""

    def mark(check: F) -> F:
        setattr(check, _NEEDS, frozenset(map(str, capabilities)))
        return check

    return mark


def require(holds: object, problem: str, *, remedy: str) -> None:
    """Fail the check unless `holds`.

    Raises:
        AssertionError: says `problem` and `remedy`.
    """
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(f"{problem}\n    {remedy}")


class Conformance:
    """Base of the checks for one kind of plugin. Subclass it as `class TestMine(…Conformance)` in a test.

    `plugin` is the module that the entry point leads to. `patience_s` is how many seconds one question may take.
    """

    plugin: ModuleType
    patience_s: float = 5.0
    left_out: ClassVar[dict[str, str]] = {}
    """The checks that do not apply, each with the reason."""

    def __init_subclass__(cls) -> None:
        """Leave out the checks of what the plugin does not declare."""
        super().__init_subclass__()
        can = cls.abilities()
        cls.left_out = {}
        if can is None:
            return
        for name, check in _every_check(cls).items():
            wanted: frozenset[str] = getattr(check, _NEEDS, frozenset())
            applies = not wanted or not wanted.isdisjoint(can)
            if not applies:
                cls.left_out[name] = f"no {' or '.join(sorted(wanted))}"
            if applies != callable(getattr(cls, name)):
                setattr(cls, name, check if applies else None)  # pytest collects what is callable

    @classmethod
    def abilities(cls) -> frozenset[str] | None:
        """Return what the plugin says that it can do; None where there is no plugin to ask yet."""
        return None

    def ask(self, question: Callable[[], T]) -> T:
        """Return the plugin's answer, or what it raises, within `patience_s`.

        Raises:
            AssertionError: there was no answer in time.
        """
        answers: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

        def put_answer() -> None:
            try:
                answers.put((question(), None))
            except BaseException as error:  # noqa: BLE001 - also SystemExit: judged by who asked
                answers.put((None, error))

        asked = threading.Thread(target=put_answer, name="goodword question", daemon=True)
        asked.start()
        try:
            answer, error = answers.get(timeout=self.patience_s)
        except Empty:
            problem = f"There was no answer within {self.patience_s:g} seconds."
            remedy = "Answer at once, or raise an error of engine.plugin_api; never wait, nor loop for ever."
            raise AssertionError(f"{problem}\n    {remedy}") from None
        asked.join()
        if isinstance(error, Exception):
            raise error
        if error is not None:
            problem = f"The plugin raised {type(error).__name__}, which ends a process."
            raise AssertionError(f"{problem}\n    Raise an error of engine.plugin_api.") from error
        return cast("T", answer)

    @classmethod
    def manifest(cls) -> PluginManifest:
        """Return what the plugin says of itself.

        Raises:
            AssertionError: it says nothing.
        """
        hook = getattr(cls.plugin, "manifest", None)
        remedy = "Let the plugin's module have a @hookimpl named manifest that returns a PluginManifest."
        require(callable(hook), f"{cls.plugin.__name__} has no manifest.", remedy=remedy)
        found = cast("Callable[[], object]", hook)()
        require(isinstance(found, PluginManifest), f"manifest gives {found!r}.", remedy=remedy)
        return cast("PluginManifest", found)


def check_names(kind: type) -> tuple[str, ...]:
    """Return the names of the checks of `kind` that apply, in the order in which they are written."""
    return tuple(name for name in _every_check(kind) if callable(getattr(kind, name)))


def _every_check(kind: type) -> dict[str, Callable[..., None]]:
    found: dict[str, Callable[..., None]] = {}
    for base in reversed(kind.__mro__):
        found |= {name: one for name, one in vars(base).items() if name.startswith("test_") and callable(one)}
    return found


def failures_of(kind: type[Conformance]) -> dict[str, str]:
    """Run the checks of `kind` without pytest; return the message of each that failed, by its name."""
    failed = {}
    for name in check_names(kind):
        check: Any = getattr(kind(), name)
        try:
            check()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check is its failure
            failed[name] = f"{type(error).__name__}: {error}"
    return failed


def only_noun(plugin: ModuleType, hook: str, *, word: str, attribute: str) -> Any:
    """Return what `plugin` registers by `hook`; people call it `word`, and the author's class `attribute`.

    Raises:
        TypeError: there is none, or there are several to choose from.
    """
    register = getattr(plugin, hook, None)
    if register is None:
        remedy = f"Give it a @hookimpl of exactly that name which returns the {word}s."
        raise TypeError(f"{plugin.__name__} has no hook {hook}. {remedy}")
    every = list(register())
    if not every:
        raise TypeError(f"The hook {hook} of {plugin.__name__} gives no {word}. Return a tuple with it.")
    if len(every) > 1:
        remedy = f"Say which one is checked: {attribute} = {type(every[0]).__name__}() in your test class."
        raise TypeError(f"{plugin.__name__} registers {len(every)} {word}s. {remedy}")
    return every[0]
