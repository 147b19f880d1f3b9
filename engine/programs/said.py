"""What terms give, in the words of the plugins whose rewards they name."""

from functools import partial

from engine.kernel.errors import GoodwordError
from engine.plugin_api import RewardParams, RewardType
from engine.plugin_host.registry import PluginHost
from engine.programs.schemas import RateRowLevel, RewardTerm, TermsDocument


def reward_sentences(document: TermsDocument, *, host: PluginHost) -> dict[str, str]:
    """Return a sentence for each reward, by its key, told with the rate of the whole program.

    A reward has none where its plugin is not active, no longer takes its parameters, or fails.
    """
    told = {reward.key: _sentence(reward, document, host) for reward in document.rewards}
    return {key: sentence for key, sentence in told.items() if sentence}


def _sentence(reward: RewardTerm, document: TermsDocument, host: PluginHost) -> str:
    rates = {
        row.level.value: row.rate_bps
        for row in document.rates
        if row.reward == reward.key and row.level is RateRowLevel.PROGRAM
    }
    try:
        kind = host.reward_type(reward.type)
        params = kind.value.params_model.model_validate(reward.params)
    except (GoodwordError, ValueError):
        return ""
    return kind.offer(partial(_described, params=params, rates=rates), "")


def _described(kind: RewardType, *, params: RewardParams, rates: dict[str, int]) -> str:
    return kind.describe(params, rates_bps=rates)
