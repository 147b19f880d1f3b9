"""Checks that every kind of noun shares: the host takes it, and asking it has no effect on anybody."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.plugin_host.guard import ContractBreachError, PluginFailedError, Registered
from engine.plugin_host.register import register
from engine.testing.conformance import Conformance, only_noun, require
from engine.testing.watch import nobody_outside, threads_left

T = TypeVar("T")


class NounCase(Conformance, ABC):
    """A noun that a plugin registers by `hook`, called `word` by people and `attribute` in the author's class."""

    hook: str
    word: str
    attribute: str

    def __init_subclass__(cls) -> None:
        """Take the plugin's only noun of this kind where none is named."""
        if hasattr(cls, "plugin") and not hasattr(cls, cls.attribute):
            noun = only_noun(cls.plugin, cls.hook, word=cls.word, attribute=cls.attribute)
            setattr(cls, cls.attribute, noun)
        super().__init_subclass__()

    @property
    def noun(self) -> Any:
        """What is checked."""
        return getattr(self, self.attribute)

    @classmethod
    def registered(cls) -> Registered[Any]:
        """Return what is checked, behind the host's guard."""
        noun = getattr(cls, cls.attribute)
        return Registered("checked", "1", noun, f"{cls.word} {noun.name}")

    def ask_host(self, question: Callable[[], T], *, otherwise: str) -> T:
        """Return what the host takes the answer to `question` to be.

        Raises:
            AssertionError: the host takes it for a failure; `otherwise` says what would come of that.
        """
        __tracebackhide__ = True
        try:
            return self.ask(question)
        except PluginFailedError as error:
            cause = None if isinstance(error.__cause__, ContractBreachError) else error.__cause__
            raise AssertionError(f"{error.reason}\n    {otherwise}") from cause

    @abstractmethod
    def ask_everything(self) -> object:
        """Ask the noun everything that it can be asked, and return the answers."""

    def test_the_host_takes_the_plugin_with_its_manifest_and_this_noun(self) -> None:
        """The manifest is whole, its hooks are spelt right, and what is checked is among what it registers."""
        name = self.manifest().name
        try:
            known = register(self.plugin, name=name).nouns[self.hook]
        except ContractBreachError as error:
            raise AssertionError(f"The host quarantines the plugin: {error}.\n    Correct that first.") from None
        remedy = f"Return it from the plugin's hook {self.hook}()."
        require(
            self.noun.name in known, f"The plugin does not register the {self.word} {self.noun.name!r}.", remedy=remedy
        )

    def test_the_same_question_gets_the_same_answer(self) -> None:
        """No clock, no chance, no memory: books are rebuilt years later and must come out alike."""
        first, again = self.ask_everything(), self.ask_everything()
        remedy = "Let the answer depend on the question alone."
        require(first == again and repr(first) == repr(again), "One question got two answers.", remedy=remedy)

    def test_it_asks_nobody_outside_and_leaves_no_thread_behind(self) -> None:
        """No connection, no name look-up, no program, no thread: the answer is in the question."""
        with threads_left() as left, nobody_outside() as tried:
            try:
                self.ask_everything()
            except PermissionError:
                require(tried, "It was refused something.", remedy="Do without.")
        require(not tried, f"It went outside: {', '.join(tried)}.", remedy="Work with what you are given.")
        require(not left, f"Threads are left: {', '.join(left)}.", remedy="Do the work in the call.")


def refuses_unknown_keys(model: type[BaseModel]) -> bool:
    """Say whether `model` is frozen and closed, as what is stored must be."""
    return model.model_config.get("extra") == "forbid" and bool(model.model_config.get("frozen"))
