"""What an author says about a connector, and the checks that every connector is held to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from engine.plugin_api import Capability, CommerceEvent, Connector, Delivery, PluginSettings
from engine.plugin_host.guard import ContractBreachError
from engine.plugin_host.register import check_capabilities, register
from engine.plugin_host.settings import whole
from engine.testing.conformance import Conformance, only_noun, require
from engine.testing.watch import secrets_in


@dataclass(frozen=True, slots=True)
class Sample:
    """A body as the shop sends it, or as `complete` returns it, with the topic under which it comes."""

    body: bytes
    topic: str = ""


class ConnectorCase(Conformance):
    """The connector that is checked, and what the author says about it.

    `settings` are those of one connection, with made-up secrets; `samples` are bodies of at least one order and, where
    the shop tells of refunds, one refund of that order. `connector` is only needed where the plugin registers several.
    """

    connector: Connector
    settings: PluginSettings = PluginSettings()
    samples: Sequence[Sample] = ()
    as_given: Mapping[str, Any] = MappingProxyType({})
    """The settings before anybody was asked."""

    def __init_subclass__(cls) -> None:
        """Take the plugin's only connector where none is named."""
        if hasattr(cls, "plugin") and not hasattr(cls, "connector"):
            cls.connector = only_noun(cls.plugin, "connectors", word="connector", attribute="connector")
        cls.as_given = whole(cls.settings)
        super().__init_subclass__()

    @classmethod
    def abilities(cls) -> frozenset[str] | None:
        """Return the capabilities that the connector declares."""
        return frozenset(map(str, cls.connector.capabilities)) if hasattr(cls, "connector") else None

    def can(self, capability: Capability) -> bool:
        """Say whether the connector declares `capability`."""
        return capability in self.connector.capabilities

    def parsed(self, sample: Sample | Delivery) -> tuple[CommerceEvent, ...]:
        """Return what the connector reads in a sample or a delivery."""
        body, topic, settings = sample.body, sample.topic, self.settings
        return tuple(self.ask(lambda: self.connector.parse(body, topic=topic, settings=settings)))

    def given_samples(self) -> Sequence[Sample]:
        """Return the author's samples.

        Raises:
            AssertionError: there are none.
        """
        require(
            self.samples,
            "There are no samples.",
            remedy="Set samples = (Sample(body, topic=…), …) to bodies of the shop.",
        )
        return self.samples

    def events(self) -> tuple[CommerceEvent, ...]:
        """Return the events of all samples."""
        found = tuple(event for sample in self.given_samples() for event in self.parsed(sample))
        require(found, "The samples hold no event.", remedy="Add the body of an order that the connector reads.")
        return found


class EveryConnector(ConnectorCase):
    """Checks that need nothing but the plugin and its settings."""

    def test_the_host_takes_the_plugin_with_its_manifest_and_connector(self) -> None:
        """The manifest is whole, its hooks are spelt right, and the connector is among what it registers."""
        name = self.manifest().name
        try:
            contents = register(self.plugin, name=name)
        except ContractBreachError as error:
            if breach_of_capabilities(self.connector):
                return  # told by the check of capabilities
            raise AssertionError(f"The host quarantines the plugin: {error}.\n    Correct that first.") from None
        known = contents.nouns["connectors"]
        remedy = "Return it from the plugin's hook connectors()."
        require(self.connector.name in known, f"The plugin does not register {self.connector.name!r}.", remedy=remedy)

    def test_declared_capabilities_are_those_that_it_has(self) -> None:
        """Each declared capability has its methods, and no capability is there without being declared."""
        breach = breach_of_capabilities(self.connector)
        remedy = "Make `capabilities` and the methods say the same; engine/plugin_api/connectors.py lists both."
        require(breach is None, f"The host refuses the connector: {breach}.", remedy=remedy)

    def test_settings_are_of_the_declared_model_and_refuse_unknown_keys(self) -> None:
        """A misspelt setting is told to whoever typed it, and the form of the settings can be drawn."""
        hook = getattr(self.plugin, "settings_model", None)
        model = PluginSettings if hook is None else hook()
        remedy = "Let settings_model return the subclass of PluginSettings that the connector takes."
        require(isinstance(self.settings, model), f"The settings are no {model.__name__}.", remedy=remedy)
        model.model_json_schema()
        document = whole(self.settings)
        require(
            model.model_validate(document) == self.settings, "Settings change when stored.", remedy="Let them be plain."
        )
        remedy = "Leave extra='forbid' as PluginSettings has it, and give it to models inside the settings as well."
        for inner in _models_in(self.settings):
            closed = inner.model_config.get("extra") == "forbid"
            require(closed, f"{type(inner).__name__} takes unknown keys.", remedy=remedy)

    def test_secrets_are_secret_strings_and_masked(self) -> None:
        """What is named like a secret is a `SecretStr`, and no secret shows in a text made of the settings."""
        secrets = secrets_in(self.settings)
        shown = f"{self.settings!r} {self.settings} {self.settings.model_dump_json()}"
        for secret in secrets:
            require(len(secret) >= 8, "A secret in `settings` has under 8 characters.", remedy="Make up a longer one.")
            require(
                secret not in shown, "A secret shows in the settings' text.", remedy="Leave __repr__ and __str__ alone."
            )
        for model in _models_in(self.settings):
            for name, value in model:
                bare = isinstance(value, str) and value and _sounds_secret(name)
                require(not bare, f"The setting {name!r} is plain text.", remedy="Make it a SecretStr, or rename it.")


def breach_of_capabilities(connector: Connector) -> str | None:
    """Return what is wrong between a connector's capabilities and its methods."""
    try:
        check_capabilities(connector)
    except ContractBreachError as error:
        return str(error)
    return None


def _models_in(value: object) -> Iterator[BaseModel]:
    match value:
        case BaseModel():
            yield value
            for _, inner in value:
                yield from _models_in(inner)
        case Mapping():
            for inner in value.values():
                yield from _models_in(inner)
        case list() | tuple():
            for inner in value:
                yield from _models_in(inner)


def _sounds_secret(name: str) -> bool:
    return any(name == word or name.endswith(f"_{word}") for word in ("secret", "token", "password", "api_key"))
