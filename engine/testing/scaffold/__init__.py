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
from typing import Final

from engine.kernel.errors import InputError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
_PACKAGE: Final = "package"
_FROM_THE_FAKE: Final = ("connector", "asking", "reading", "settings")


class Kind(StrEnum):
    """What the plugin brings."""

    CONNECTOR = "connector"
    REWARD = "reward"
    RAIL = "rail"
    ATTRIBUTION = "attribution"

    @property
    def word(self) -> str:
        """What people call it."""
        return {"reward": "reward type", "rail": "payout rail", "attribution": "attribution model"}.get(self, self)


def new_package(kind: Kind, name: str, *, into: Path) -> Path:
    """Write the package of plugin `name` into a new folder in `into`; return that folder.

    Raises:
        InputError: the name is none for a plugin, or the folder is there already.
    """
    if not _NAME.fullmatch(name):
        remedy = "Use 2 to 40 of a-z, 0-9 and _, a letter first, such as acme."
        raise InputError(f"{name!r:.60} is no plugin name.", field="NAME", remedy=remedy)
    folder = into / f"goodword-{name.replace('_', '-')}"
    if folder.exists():
        raise InputError(f"{folder} is there already.", field="--into", remedy="Choose another name or place.")
    for path, text in _files(kind):
        target = folder / path.replace(_PACKAGE, f"goodword_{name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_named(text, kind, name), encoding="utf-8")
    return folder


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
    title = name.replace("_", " ").capitalize()
    text = text.replace("KIND", kind.word).replace('"Acme', f'"{title}').replace("# Acme", f"# {title}")
    text = text.replace("Acme", name.title().replace("_", ""))
    return text.replace("goodword-acme", f"goodword-{name.replace('_', '-')}").replace("acme", name)
