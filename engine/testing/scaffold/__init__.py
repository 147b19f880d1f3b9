"""Writes a package for a new plugin, whose tests pass before anything was changed.

The connector's sources are those of the fake shop's own connector, renamed: what authors start from is what the kit is
held to.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.kernel.errors import InputError
from engine.plugin_api import API_VERSION
from engine.plugin_host.discover import installed_plugins

_NAME: Final = re.compile(r"(?=.{2,40}$)[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""A plugin's name from which the name of a distribution can be made."""
_ACME: Final = re.compile(r"KIND|API_NOW|HOW_TO_USE|goodword-acme|acme|(?P<class>(?<=Test)Acme|Acme(?=[A-Z]))|Acme")
_PACKAGE: Final = "package"
_FROM_THE_FAKE: Final = ("connector", "asking", "reading", "settings")


_WORDS: Final = MappingProxyType(
    {
        "connector": "connector",
        "reward": "reward type",
        "rail": "payout rail",
        "attribution": "attribution model",
        "landing": "landing block",
    }
)

_HOW_TO_USE: Final = MappingProxyType(
    {
        "connector": 'goodword connections add {name} main-shop --title "Main shop" --settings shop.json',
        "reward": '# and in the terms of a program: [[rewards]] with type = "{name}"',
        "rail": "goodword payouts run --rail {name}",
        "attribution": '# and in the terms of a program: [attribution] with model = "{name}"',
        "landing": "goodword plugins settings {name} --set settings.json",
    }
)


class Kind(StrEnum):
    """What the plugin brings."""

    CONNECTOR = "connector"
    REWARD = "reward"
    RAIL = "rail"
    ATTRIBUTION = "attribution"
    LANDING = "landing"

    @property
    def word(self) -> str:
        """What people call it."""
        return _WORDS[self]

    @property
    def hook(self) -> str:
        """The hook that registers it."""
        return f"{self.word.replace(' ', '_')}s"


def new_package(kind: Kind, name: str, *, into: Path) -> Path:
    """Write the package of plugin `name` into a new folder in `into`; return that folder.

    Raises:
        InputError: the name is none for a plugin, one of ours, or the folder is there already or cannot be written.
    """
    _check_name(name)
    folder = into / f"goodword-{name.replace('_', '-')}"
    if folder.exists():
        raise InputError(f"{folder} is there already.", field="--into", remedy="Choose another name or place.")
    try:
        for path, text in _files(kind):
            target = folder / path.replace(_PACKAGE, f"goodword_{name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_named(text, kind, name), encoding="utf-8")
    except OSError as error:
        problem = f"{folder} cannot be written: {error.strerror}."
        raise InputError(problem, field="--into", remedy="Choose a folder in which you may write.") from None
    return folder


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        remedy = "Use 2 to 40 of a-z, 0-9 and _, a letter first, no _ at the end or beside another, such as acme."
        raise InputError(f"{name!r:.60} is no name for a new plugin.", field="NAME", remedy=remedy)
    for known in installed_plugins():
        if known.name == name:
            problem = f"{known.distribution} brings a plugin {name} already; of two of one name neither is loaded."
            raise InputError(problem, field="NAME", remedy="Choose another name.")


def _files(kind: Kind) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file, the text still about `acme`."""
    here = resources.files(__name__)
    yield from _texts(here / "common")
    yield from _texts(here / kind.value)
    if kind is Kind.CONNECTOR:
        fakes = resources.files("engine.testing.fakes")
        for module in _FROM_THE_FAKE:
            yield f"{_PACKAGE}/{module}.py", _about_acme((fakes / f"shop_{module}.py").read_text(encoding="utf-8"))


def _texts(folder: Traversable, inside: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _texts(entry, f"{inside}{entry.name}/")
        elif entry.name.endswith(".txt"):
            yield inside + entry.name.removesuffix(".txt"), entry.read_text(encoding="utf-8")


def _about_acme(text: str) -> str:
    text = text.replace("engine.testing.fakes.shop_", "goodword_acme.")
    text = text.replace("FakeShop", "Acme").replace("Fake shop", "Acme").replace("fake_shop", "acme")
    return text.replace("fake shop's", "shop's").replace("the fake shop", "the shop")


def _named(text: str, kind: Kind, name: str) -> str:
    """Put the new name in place of Acme's, all in one pass: the new one may hold the old."""
    words = {
        "KIND": kind.word,
        "API_NOW": API_VERSION,
        "HOW_TO_USE": _HOW_TO_USE[kind].format(name=name),
        "goodword-acme": f"goodword-{name.replace('_', '-')}",
        "acme": name,
        "Acme": name.replace("_", " ").capitalize(),
    }
    of_classes = name.title().replace("_", "")
    return _ACME.sub(lambda found: of_classes if found["class"] else words[found[0]], text)
