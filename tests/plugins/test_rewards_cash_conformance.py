"""The cash rewards are what the host expects of reward types."""

from engine.testing.rewards import RewardTypeConformance
from plugins import rewards_cash
from plugins.rewards_cash.flat import FirstOrderBonus, FlatPerItem, FlatPerOrder
from plugins.rewards_cash.percentage import Percentage
from plugins.rewards_cash.tiers import VolumeTiers

AMOUNTS = {"EUR": 500, "JPY": 800, "BHD": 2_500}
CAPS = {"EUR": 10_000, "JPY": 1_000, "BHD": 0}
TIERS = [
    {"from_minor": 0, "rate_bps": 500},
    {"from_minor": 100, "rate_bps": 1_000},
    {"from_minor": 9_999, "rate_bps": 10_000},
]


def of(reward, *documents):
    return tuple(reward.params_model.model_validate(document) for document in documents)


class TestPercentage(RewardTypeConformance):
    plugin = rewards_cash
    reward = Percentage()
    params = of(reward, {}, {"cap_minor": CAPS})


class TestFlatPerOrder(RewardTypeConformance):
    plugin = rewards_cash
    reward = FlatPerOrder()
    params = of(reward, {"amount_minor": AMOUNTS}, {"amount_minor": AMOUNTS, "cap_minor": CAPS})


class TestFlatPerItem(RewardTypeConformance):
    plugin = rewards_cash
    reward = FlatPerItem()
    params = of(reward, {"amount_minor": AMOUNTS}, {"amount_minor": AMOUNTS, "cap_minor": CAPS})


class TestFirstOrderBonus(RewardTypeConformance):
    plugin = rewards_cash
    reward = FirstOrderBonus()
    params = of(reward, {"amount_minor": AMOUNTS})


class TestVolumeTiers(RewardTypeConformance):
    plugin = rewards_cash
    reward = VolumeTiers()
    params = of(reward, *({"mode": mode, "tiers": dict.fromkeys(AMOUNTS, TIERS)} for mode in ("marginal", "whole")))
