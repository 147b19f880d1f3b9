"""Nothing in the tree names the machine or the registry that it came from, and the locks answer to their tables."""

import json
import re
import subprocess
import sys

import pytest

from requirements import lock
from tests.support.source import ROOT, tracked

# Written in two halves, so that this file does not name what it looks for.
REGISTRIES = [
    f"{name}.{end}"
    for name, end in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb.debian", "org"),
    ]
]
FORBIDDEN = {
    "a registry's host": re.compile("|".join(map(re.escape, REGISTRIES)), re.IGNORECASE),
    "a path of one machine": re.compile(r"(?<![\w.}-])/(work|farm|root|home/\w+|Users/\w+|opt/pypi)/"),
    "an index option": re.compile(r"^\s*(-i|--(extra-)?index-url|--find-links|--trusted-host)\b", re.MULTILINE),
    # In small letters only behind a mark of comments: "todo" is a word of Spanish.
    "an unfinished end": re.compile(
        r"\b(TODO|FIXME|NotImplementedError)\b|(#|//|/\*|--) *(?i:todo|fixme|xxx)\b|(?i:lorem ipsum)"
    ),
}


def texts():
    for path in tracked():
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or an archive


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_the_tree_names_no_such_thing(kind):
    here = ROOT / "tests/architecture/test_clean_tree.py"
    found = [
        f"{path}: {hit.group()!r}"
        for path, text in texts()
        if ROOT / path != here
        for hit in FORBIDDEN[kind].finditer(text)
    ]
    assert found == []


def test_the_npm_lock_names_hashes_and_no_place():
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    fetched = {name: package for name, package in packages.items() if name}
    assert fetched
    assert [name for name, package in fetched.items() if "resolved" in package] == []
    assert [name for name, package in fetched.items() if not package["integrity"].startswith("sha512-")] == []


def test_every_locked_requirement_has_a_hash():
    for path in (ROOT / "requirements").glob("*.txt"):
        pins = re.findall(r"^[a-z0-9-]+==.*?(?=^\S|\Z)", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        assert pins
        assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_locks_answer_to_pyproject():
    check = [sys.executable, str(ROOT / "requirements/lock.py"), "--check"]
    assert subprocess.run(check, capture_output=True, text=True, check=False).stderr == ""


def test_a_changed_table_makes_its_locks_stale(tmp_path, monkeypatch):
    changed = tmp_path / "pyproject.toml"
    text = lock.PYPROJECT.read_text(encoding="utf-8")
    monkeypatch.setattr(lock, "PYPROJECT", changed)

    changed.write_text(text.replace('"pytest>=', '"pytest>=0'), encoding="utf-8")
    assert lock.stale() == ["dev"]
    changed.write_text(text.replace('"flask>=', '"flask>=0'), encoding="utf-8")
    assert lock.stale() == ["base", "dev"]
    changed.write_text(text.replace("line-length = 120", "line-length = 100"), encoding="utf-8")
    assert lock.stale() == []


def test_the_top_level_is_the_house_and_the_usual_files():
    house = {"engine", "plugins", "web", "migrations", "tests", "requirements", ".ci"}
    usual = {
        *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile"),
        *("package.json", "package-lock.json", ".npmrc", ".gitignore", ".editorconfig"),
    }
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} - house - usual == set()
