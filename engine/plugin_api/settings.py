"""What a plugin may be told by the brand that uses it."""

from pydantic import BaseModel, ConfigDict


class PluginSettings(BaseModel):
    """Base of a plugin's settings: typed, frozen, unknown keys refused. Secrets are `SecretStr`, kept encrypted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RewardParams(BaseModel):
    """Base of a reward's parameters in the terms of a program: typed, frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
