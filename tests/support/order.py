"""Begins with what is slow, on every worker, so that no run waits at its end for one long test."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import pytest

Thing = TypeVar("Thing")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that are marked slow at the head of each worker's share; all others keep their order."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    items[:] = dealt(slow, quick, shares=workers)


def dealt(first: Sequence[Thing], then: Sequence[Thing], *, shares: int) -> list[Thing]:
    """Return all things in equal shares one after another, each of which begins with its part of those `first`."""
    parts = zip(_cut(first, shares), _cut(then, shares), strict=True)
    return [thing for heads, others in parts for thing in (*heads, *others)]


def _cut(things: Sequence[Thing], shares: int) -> list[Sequence[Thing]]:
    places = [len(things) * share // shares for share in range(shares + 1)]
    return [things[start:end] for start, end in pairwise(places)]
