"""The models agree with an independent package: ChannelAttribution, on 10,000 random ways to an order.

The package sums what each channel gets over many ways, in floats, and counts every touch. Ours counts a run of touches
of one ambassador once, so it is told each run as one touch.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

import pytest

from engine.plugin_api import WHOLE_PPM, AttributionCase, Candidate, Signal
from plugins.attribution_basic.model import BasicModel, FirstModel
from plugins.attribution_multi_touch import attribution_models

ORDER = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PATHS, AT_ONCE = 10_000, 500
NAMES = "abcdefgh"
OURS: dict[str, Any] = {
    "first_touch": FirstModel(),
    "last_touch": BasicModel(),
    "linear_touch": next(model for model in attribution_models() if model.name == "linear"),
}


def paths():
    """Seeded: 1 to 12 touches by up to eight ambassadors, many of them in a row."""
    random = Random(20_260_302)
    return ["".join(random.choices(NAMES[: random.randint(1, 8)], k=random.randint(1, 12))) for _ in range(PATHS)]


def case_of(path):
    touches = [
        Candidate(ref, name, Signal.CLICK, ORDER - timedelta(hours=len(path) - ref)) for ref, name in enumerate(path)
    ]
    return AttributionCase(ORDER, (Signal.CODE, Signal.CLICK), tuple(touches))


def test_first_last_and_linear_agree_with_an_independent_package_on_10_000_paths():
    """Way by way: names are told apart by the number of their way, so that no two mistakes can cancel out."""
    package = pytest.importorskip("ChannelAttribution", reason="the package ChannelAttribution is not installed")
    pandas = pytest.importorskip("pandas")
    drawn, compared = paths(), 0
    for start in range(0, PATHS, AT_ONCE):
        some = drawn[start : start + AT_ONCE]
        written = [
            " > ".join(f"{name}{number}" for name, _ in groupby(path)) for number, path in enumerate(some, start)
        ]
        frame = pandas.DataFrame({"path": written, "conversions": [1] * len(some)})
        answer = package.heuristic_models(frame, "path", "conversions", flg_pro=False)
        theirs = answer.set_index("channel_name").to_dict()
        for column, model in OURS.items():
            verdicts = model.choose([case_of(path) for path in some])
            for number, (path, verdict) in enumerate(zip(some, verdicts, strict=True), start):
                got: Counter[str] = Counter()
                for share in verdict.shares:
                    got[path[share.ref]] += share.ppm
                assert got.total() == WHOLE_PPM
                for name in set(path):
                    # A touch is less than a millionth off where its way does not divide, and has at most six of one.
                    assert abs(got[name] - theirs[column][f"{name}{number}"] * WHOLE_PPM) < 6, (column, path)
                compared += 1
    assert compared == PATHS * len(OURS)
