"""Writes engine/HOOKS.md from the hook specifications: `python -m engine.plugin_host.hooks_page`."""

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import engine
from engine.plugin_api import API_VERSION, attribution, connectors, hookspecs, landing, payouts, rewards

PAGE: Final = Path(engine.__file__).parent / "HOOKS.md"

_HEAD: Final = f"""# Hooks

Written by `python -m engine.plugin_host.hooks_page` from `engine/plugin_api`, API {API_VERSION}. Tests compare them.

A plugin is a module found by an entry point of the group `goodword.plugins`. It holds functions marked `@hookimpl`,
named as below. They register nouns; behaviour is on the objects that they return. Everything is imported from
`engine.plugin_api`.
"""
_OBJECTS: Final = (connectors, rewards, attribution, payouts, landing)


def page() -> str:
    """Return the page as it should read."""
    hooks = "\n".join(_hook(function) for function in hook_functions())
    objects = "\n".join(_protocol(one) for module in _OBJECTS for one in _protocols(module))
    return f"{_HEAD}\n{hooks}\n## What the objects answer to\n\n{objects}".rstrip() + "\n"


def hook_functions() -> Iterator[ast.FunctionDef]:
    """Yield the hook specifications in their order."""
    for node in _tree(hookspecs).body:
        if isinstance(node, ast.FunctionDef) and any("hookspec" in ast.unparse(one) for one in node.decorator_list):
            yield node


def _hook(function: ast.FunctionDef) -> str:
    return f"## {function.name}\n\n```python\n{_signature(function)}\n```\n\n{_text(function)}\n"


def _protocols(module: ModuleType) -> Iterator[ast.ClassDef]:
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases):
            yield node


def _protocol(node: ast.ClassDef) -> str:
    others = [ast.unparse(base) for base in node.bases if ast.unparse(base) != "Protocol"]
    title = f"### {node.name}" + (f" ({_article(others[0])} {others[0]})" if others else "")
    fields = [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)]
    parts = [title, _text(node)]
    if fields:
        parts.append("```python\n" + "\n".join(fields) + "\n```")
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            parts += [f"```python\n{_signature(item)}\n```", _text(item)]
    return "\n\n".join(parts) + "\n"


def _article(noun: str) -> str:
    return "an" if noun[0] in "AEIOU" else "a"


def _signature(function: ast.FunctionDef) -> str:
    answer = f" -> {ast.unparse(function.returns).strip(chr(39))}" if function.returns else ""
    return f"def {function.name}({ast.unparse(function.args)}){answer}"


def _text(node: ast.FunctionDef | ast.ClassDef) -> str:
    text = ast.get_docstring(node) or ""
    return text.replace("Raises:\n    ", "Raises ").replace("\n    ", "\n")


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"Wrote {PAGE.name}.\n")
