"""Checks that every kind of noun shares: the host takes it, and asking it has no effect on anybody."""

from abc import ABC, abstractmethod
from typing import Any

from pydantic import BaseModel

from engine.plugin_host.guard import ContractBreachError
from engine.plugin_host.register import register
from engine.testing.conformance import Conformance, one_of, require
from engine.testing.watch import nobody_outside, threads_left


class NounCase(Conformance, ABC):
    """A noun that a plugin registers by `hook`, called `word` by people and `attribute` in the author's class."""

    hook: str
    word: str
    attribute: str

    def __init_subclass__(cls) -> None:
        """Take the plugin's only noun of this kind where none is named."""
        if hasattr(cls, "plugin") and not hasattr(cls, cls.attribute):
            setattr(cls, cls.attribute, one_of(getattr(cls.plugin, cls.hook)(), what=cls.word))
        super().__init_subclass__()

    @property
    def noun(self) -> Any:
        """What is checked."""
        return getattr(self, self.attribute)

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
