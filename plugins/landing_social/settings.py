"""What a brand may say about profiles and press on its pages."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.plugin_api import PluginSettings


class Mention(BaseModel):
    """Somebody who wrote about the brand: a name, the address of the article, perhaps a few words of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    address: str = Field(max_length=500)
    quote: str = Field(default="", max_length=120)

    @field_validator("address")
    @classmethod
    def _over_https(cls, value: str) -> str:
        if not (value.isprintable() and value.startswith("https://") and urlsplit(value).hostname):
            raise ValueError("write an address that begins with https://")
        return value


class LandingSocialSettings(PluginSettings):
    """Whether an ambassador's profiles are shown, and which press mentions stand on every page of the brand."""

    show_profiles: bool = True
    seen_on: tuple[Mention, ...] = Field(default=(), max_length=8)
