"""What third parties build on is what plugin_api.txt says: a change there is a decision, not an accident.

After a decision: `python -m tests.contracts.test_plugin_api_surface` writes the file anew, and `API_VERSION` moves.
"""

import dataclasses
import enum
import inspect
import re
import sys
from pathlib import Path

from engine import plugin_api

SNAPSHOT = Path(__file__).with_name("plugin_api.txt")


def surface():
    """Every public name with what can be relied on: fields, members, methods or signature."""
    return "\n".join([f"API {plugin_api.API_VERSION}", *map(entry, sorted(plugin_api.__all__))]) + "\n"


def entry(name):
    value = getattr(plugin_api, name)
    match value:
        case type() if issubclass(value, enum.Enum):
            return f"{name}: " + ", ".join(f"{one.name}={one.value}" for one in value)
        case type() if dataclasses.is_dataclass(value):
            return "\n  ".join([name, *map(field, dataclasses.fields(value)), *methods(value)])
        case type():
            annotations = [f"{key}: {spell(kind)}" for key, kind in vars(value).get("__annotations__", {}).items()]
            parents = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
            return "\n  ".join([f"{name}({parents})", *annotations, *methods(value)])
        case _ if inspect.isroutine(value):
            return f"{name}{signature(value)}"
        case _:
            return f"{name} = {value!r}" if isinstance(value, int | str) else name


def field(one):
    has_default = one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
    return f"{one.name}: {spell(one.type)}{' = …' if has_default else ''}"


def methods(value):
    own = [(key, inspect.unwrap(getattr(one, "__func__", one))) for key, one in vars(value).items() if key[0] != "_"]
    return [f"{key}{signature(one)}" for key, one in own if inspect.isfunction(one)]


def signature(function):
    return without_modules(str(inspect.signature(function)))


def spell(kind):
    generic = not isinstance(kind, type) or getattr(kind, "__args__", None)
    return without_modules(str(kind)) if generic else kind.__name__


def without_modules(text):
    return re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", text)


def test_the_surface_is_as_it_was():
    assert surface() == SNAPSHOT.read_text(encoding="utf-8")


def test_the_surface_is_all_there_and_sorted():
    assert [name for name in plugin_api.__all__ if not hasattr(plugin_api, name)] == []
    assert len(set(plugin_api.__all__)) == len(plugin_api.__all__)


if __name__ == "__main__":
    SNAPSHOT.write_text(surface(), encoding="utf-8")
    sys.stdout.write(f"Wrote {SNAPSHOT.name}.\n")
