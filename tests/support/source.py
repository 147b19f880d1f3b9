"""The house as text: which files are ours, and what their syntax trees say."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = ("engine", "plugins", "web", "migrations")


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file of the project, as git sees it: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return tuple(sorted({path for path in paths if path.is_file()}))


def modules(*places: str) -> list[Path]:
    """Return the Python files under `places`: folders, files, or patterns relative to the project."""
    wanted = {path for place in places for path in ROOT.glob(place)}
    return [path for path in tracked() if path.suffix == ".py" and any(path.is_relative_to(one) for one in wanted)]


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file, inner ones too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def place(path: Path, node: ast.AST) -> str:
    """Return `file:line` of `node`, for a message."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
