"""Write the lock files from pyproject.toml, and check without network that they are up to date.

`python requirements/lock.py` resolves anew, `--check` only compares. Each lock names the SHA-256 of the dependency
tables that it was made from, so that a changed table and an unchanged lock are noticed offline.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYPROJECT = HERE.parent / "pyproject.toml"

# Which tables go into which lock. A later lock is held to the versions of the ones before it.
LOCKS: dict[str, tuple[str, ...]] = {
    "base": ("dependencies", "extra:postgres", "group:build"),
    "node": ("group:node",),
    "dev": ("dependencies", "extra:postgres", "group:build", "group:test", "group:lint"),
}

# Other sources than the index may hold rebuilt wheels, whose hashes nobody else could match.
OTHER_SOURCES = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "PIP_NO_INDEX")

COMPILE = [
    *("pip-compile", "--quiet", "--generate-hashes", "--strip-extras", "--allow-unsafe", "--no-header", "--newline=lf"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options"),
]


def wanted(lock: str) -> list[str]:
    """Return the requirements that belong into `lock`, as they stand in pyproject.toml, without repeats."""
    tables = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    project, groups = tables["project"], tables["dependency-groups"]
    found: list[str] = []
    for source in LOCKS[lock]:
        kind, _, name = source.partition(":")
        match kind:
            case "dependencies":
                found += project["dependencies"]
            case "extra":
                found += project["optional-dependencies"][name]
            case "group":
                found += groups[name]
    return sorted(set(found))


def fingerprint(lock: str) -> str:
    """Return the SHA-256 of what `lock` must answer to."""
    return hashlib.sha256(json.dumps(wanted(lock)).encode()).hexdigest()


def header(lock: str) -> str:
    """Return the first lines of `lock`."""
    return f"# Written by `make lock` from pyproject.toml; do not edit.\n# tables: sha256:{fingerprint(lock)}\n"


def stale() -> list[str]:
    """Return the locks that do not answer to pyproject.toml."""
    return [lock for lock in LOCKS if not _text(lock).startswith(header(lock))]


def compile_all(*, upgrade: bool) -> None:
    """Resolve every lock with pip-compile and write it. Needs the index.

    Raises:
        subprocess.CalledProcessError: pip-compile found no answer; its own words are on stderr.
    """
    environment = {key: value for key, value in os.environ.items() if key not in OTHER_SOURCES}
    environment["PIP_CONFIG_FILE"] = os.devnull
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        workplace = Path(folder)
        earlier: list[str] = []
        for lock in LOCKS:
            target = workplace / f"{lock}.txt"
            if not upgrade:
                target.write_text(_text(lock), encoding="utf-8")
            constraints = [f"-c {name}.txt" for name in earlier]
            (workplace / f"{lock}.in").write_text("\n".join(wanted(lock) + constraints) + "\n", encoding="utf-8")
            command = [*COMPILE, f"--output-file={lock}.txt", f"{lock}.in"]
            subprocess.run(command, cwd=workplace, env=environment, check=True)
            written = header(lock) + target.read_text(encoding="utf-8")
            (HERE / f"{lock}.txt").write_text(written, encoding="utf-8")
            earlier.append(lock)


def main() -> int:
    """Run as a command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare, write nothing")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the tables allow")
    arguments = parser.parse_args()
    if not arguments.check:
        compile_all(upgrade=arguments.upgrade)
        return 0
    late = stale()
    for lock in late:
        print(f"requirements/{lock}.txt is older than the tables of pyproject.toml: run `make lock`.", file=sys.stderr)
    return 1 if late else 0


def _text(lock: str) -> str:
    path = HERE / f"{lock}.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
