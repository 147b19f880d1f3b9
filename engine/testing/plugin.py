"""The pytest plugin: says which checks of the kit were left out, and why, so that none passes unseen.

It is loaded wherever Goodword is installed, so it imports nothing and does nothing until a run is over.
"""

from typing import Any, Final

import pytest

_KINDS: Final = pytest.StashKey[list[Any]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember the conformance classes of the run."""
    kinds = {id(kind): kind for item in items if hasattr(kind := getattr(item, "cls", None), "left_out")}
    if kinds:
        config.stash[_KINDS] = list(kinds.values())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write a line for each conformance class that leaves checks out; with -v, which checks these are."""
    for kind in config.stash.get(_KINDS, []):
        left_out: dict[str, str] = kind.left_out
        if left_out:
            reasons = ", ".join(sorted(set(left_out.values())))
            checks = "1 check" if len(left_out) == 1 else f"{len(left_out)} checks"
            terminalreporter.write_line(f"goodword: {kind.__name__} leaves out {checks} ({reasons}).")
        if config.get_verbosity() > 0:
            for check, reason in left_out.items():
                terminalreporter.write_line(f"  {check}: {reason}")
