"""Takes one imported plugin and holds it to the hook specifications: what it is and which nouns it brings.

Each plugin gets a `PluginManager` of its own, so that a misspelt hook or a failing one concerns its author alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pluggy

from engine.plugin_api import (
    API_VERSION,
    AttributionModel,
    Capability,
    CodeConnector,
    CodeLinkConnector,
    CompletingConnector,
    Connector,
    FileConnector,
    LandingBlock,
    PayoutRail,
    PluginManifest,
    PluginSettings,
    PullConnector,
    RewardParams,
    RewardType,
    SubscribingConnector,
    WebhookConnector,
    hookspecs,
)
from engine.plugin_host.guard import ContractBreachError, Registered

_API = re.compile(r"\d{1,4}\.\d{1,4}", re.ASCII)
_NOUN = re.compile(r"[a-z][a-z0-9_]{1,39}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of noun: the hook that registers it, what it must be, and its word for people."""

    hook: str
    protocol: type
    word: str


KINDS: Final = (
    Kind("connectors", Connector, "connector"),
    Kind("reward_types", RewardType, "reward type"),
    Kind("attribution_models", AttributionModel, "attribution model"),
    Kind("payout_rails", PayoutRail, "payout rail"),
    Kind("landing_blocks", LandingBlock, "landing block"),
)

PROTOCOLS: Final[Mapping[Capability, type]] = {
    Capability.FILES: FileConnector,
    Capability.WEBHOOKS: WebhookConnector,
    Capability.COMPLETION: CompletingConnector,
    Capability.PULL: PullConnector,
    Capability.CODES: CodeConnector,
    Capability.CODE_LINKS: CodeLinkConnector,
    Capability.SUBSCRIPTIONS: SubscribingConnector,
}
"""What a connector must be to declare a capability."""

Nouns = Mapping[str, Registered[Any]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a plugin turned out to hold: its nouns by hook, then by name."""

    manifest: PluginManifest
    settings_model: type[PluginSettings]
    nouns: Mapping[str, Nouns]


def register(module: object, *, name: str) -> Contents:
    """Return what the plugin `name`, imported as `module`, holds.

    Raises:
        ContractBreachError: it is not what the hook specifications ask for.
        Exception: whatever its hooks raise; the caller guards.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        if manager.register(module, name) is None:
            raise ContractBreachError("its entry point leads to nothing")
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise ContractBreachError(str(error)) from error
    manifest = _manifest(manager.hook.manifest(), name)
    settings_model = _settings_model(manager.hook.settings_model())
    nouns = {kind.hook: _nouns(kind, getattr(manager.hook, kind.hook)(), manifest) for kind in KINDS}
    return Contents(manifest, settings_model, nouns)


def _manifest(answer: object, name: str) -> PluginManifest:
    if not isinstance(answer, PluginManifest):
        raise ContractBreachError("its hook manifest is missing or gives no PluginManifest")
    said: tuple[object, ...] = (answer.version, answer.title, answer.summary, answer.api)
    if not all(isinstance(text, str) and text for text in said):
        raise ContractBreachError("its manifest gives a version, title, summary or API that is no text")
    if answer.name != name:
        raise ContractBreachError(f"its manifest calls it {answer.name!r}, its entry point {name!r}")
    if not _API.fullmatch(answer.api):
        raise ContractBreachError(f"its manifest gives {answer.api!r:.40} as its API: write two numbers, such as 1.0")
    (major, minor), (ours, offered) = _numbers(answer.api), _numbers(API_VERSION)
    if major != ours or minor > offered:
        raise ContractBreachError(f"it was written for API {answer.api}; this Goodword offers {API_VERSION}")
    return answer


def _numbers(api: str) -> tuple[int, int]:
    major, _, minor = api.partition(".")
    return int(major), int(minor)


def _settings_model(answer: object) -> type[PluginSettings]:
    if answer is None:
        return PluginSettings
    if not (isinstance(answer, type) and issubclass(answer, PluginSettings)):
        raise ContractBreachError(f"its hook settings_model gives {answer!r}, no subclass of PluginSettings")
    if answer.model_config.get("extra") != "forbid" or not answer.model_config.get("frozen"):
        raise ContractBreachError("its settings must stay frozen and refuse unknown keys")
    return answer


def _nouns(kind: Kind, answers: Iterable[object], manifest: PluginManifest) -> Nouns:
    nouns: dict[str, Registered[Any]] = {}
    for value in (value for answer in answers for value in _listed(kind, answer)):
        noun = _check(kind, value)
        if noun in nouns:
            raise ContractBreachError(f"it registers the {kind.word} {noun} twice")
        nouns[noun] = Registered(manifest.name, manifest.version, value, f"{kind.word} {noun}")
    return nouns


def _listed(kind: Kind, answer: object) -> list[object]:
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise ContractBreachError(f"its hook {kind.hook} gives {type(answer).__name__}, not a series of objects")
    return list(answer)


def _check(kind: Kind, answer: object) -> str:
    """Return the name of a noun that is what its kind asks for."""
    if isinstance(answer, type) or not isinstance(answer, kind.protocol):
        raise ContractBreachError(f"its hook {kind.hook} gives {answer!r}, which is no {kind.word}")
    value: Any = answer
    if not (isinstance(value.name, str) and _NOUN.fullmatch(value.name)):
        raise ContractBreachError(f"it names a {kind.word} {value.name!r}: use a-z, 0-9 and _, a letter first")
    if not (isinstance(value.title, str) and value.title):
        raise ContractBreachError(f"its {kind.word} {value.name} has no title")
    if kind.protocol is RewardType:
        _check_reward_type(value)
    if kind.protocol is Connector:
        check_capabilities(value)
    return str(value.name)


def check_capabilities(value: Connector) -> None:
    """Hold what a connector declares against the protocols that it answers to.

    Raises:
        ContractBreachError: a capability is declared and missing, or there and not declared.
    """
    declared: object = value.capabilities
    if not isinstance(declared, frozenset) or not all(isinstance(one, Capability) for one in declared):
        raise ContractBreachError(f"its connector {value.name} gives no frozenset of Capability as capabilities")
    for capability, protocol in PROTOCOLS.items():
        implemented = isinstance(value, protocol)
        if capability in declared and not implemented:
            raise ContractBreachError(f"its connector {value.name} declares {capability} but is no {protocol.__name__}")
        if implemented and capability not in declared:
            raise ContractBreachError(
                f"its connector {value.name} is a {protocol.__name__} without saying {capability}"
            )


def _check_reward_type(value: RewardType) -> None:
    model: object = value.params_model
    settles_periods: object = value.settles_periods
    if not (isinstance(model, type) and issubclass(model, RewardParams)):
        raise ContractBreachError(f"its reward type {value.name} has no params_model of RewardParams")
    if not isinstance(settles_periods, bool):
        raise ContractBreachError(f"its reward type {value.name} does not say whether it settles periods")
