"""A form for any settings: what it shows comes back as it was, whatever a plugin's model looks like."""

from importlib.metadata import entry_points
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from engine.plugin_api import PluginSettings
from engine.plugin_host.discover import GROUP
from engine.plugin_host.registry import load_plugins
from engine.plugin_host.settings import keep_masked, masked, validated, whole
from web.settings_form import FieldKind, errors_of, fields_of, read_settings

IN_TREE = sorted(point.name for point in entry_points(group=GROUP) if point.value.startswith("plugins."))


class Inner(PluginSettings):
    token: SecretStr
    label: str = "a"


class Every(PluginSettings):
    """One of each kind."""

    name: str
    secret: SecretStr
    secrets: tuple[SecretStr, ...] = ()
    number: int = 3
    maybe: int | None = None
    flag: bool = True
    choice: Literal["a", "b"] = "b"
    words: tuple[str, ...] = ()
    inner: Inner | None = None
    table: dict[str, int] = Field(default_factory=dict)


SCHEMA = Every.model_json_schema()


def posted(settings):
    """Return what a browser posts of a form that shows `settings` and was not touched."""
    fields = fields_of(SCHEMA, masked(settings))
    return {field.key: field.shown for field in fields if field.kind is not FieldKind.FLAG or field.shown}


def test_each_setting_gets_the_field_of_its_kind():
    kinds = {field.name: field.kind.value for field in fields_of(SCHEMA, {})}
    assert kinds == {
        "name": "text",
        "secret": "secret",
        "secrets": "lines",
        "number": "number",
        "maybe": "number",
        "flag": "flag",
        "choice": "choice",
        "words": "lines",
        "inner": "json",
        "table": "json",
    }
    required = [field.name for field in fields_of(SCHEMA, {}) if field.required]
    assert required == ["name", "secret"]


line = st.text(st.characters(categories=["L", "N", "P"]), min_size=1).filter(lambda text: "*" not in text)


@given(
    st.builds(
        Every,
        name=line,
        secret=line.map(SecretStr),
        secrets=st.lists(line.map(SecretStr), max_size=3).map(tuple),
        number=st.integers(),
        maybe=st.none() | st.integers(),
        flag=st.booleans(),
        choice=st.sampled_from(["a", "b"]),
        words=st.lists(line, max_size=3).map(tuple),
        inner=st.none() | st.builds(Inner, token=line.map(SecretStr), label=line),
        table=st.dictionaries(line, st.integers(), max_size=3),
    )
)
def test_a_form_that_is_saved_untouched_changes_nothing(settings):
    document, errors = read_settings(SCHEMA, posted(settings))
    assert errors == {}
    assert validated(Every, keep_masked(document, whole(settings)), plugin="x") == settings


def test_no_secret_is_shown():
    shown = posted(Every(name="n", secret=SecretStr("s3cret"), secrets=(SecretStr("s3cret"),)))
    assert "s3cret" not in str(shown)


def test_what_is_not_even_of_its_kind_is_said_beside_its_field(app):
    with app.test_request_context():
        _, errors = read_settings(SCHEMA, {"settings.number": "many", "settings.inner": "{"})
    assert set(errors) == {"settings.number", "settings.inner"}


def test_what_the_plugin_says_stands_beside_its_field_or_above_all():
    fields = fields_of(SCHEMA, {})
    problems = ["number: too small", "inner.token: missing", "declare one: or the other", "number: odd"]
    assert errors_of(problems, fields) == {
        "settings.number": "too small odd",
        "settings.inner": "inner.token: missing",
        "form": "declare one: or the other",
    }


@pytest.mark.parametrize("plugin", IN_TREE)
def test_every_plugin_of_ours_has_settings_that_make_a_form(plugin):
    model = load_plugins([plugin]).settings_model(plugin)
    fields = fields_of(model.model_json_schema(), {})
    assert [field.name for field in fields] == list(model.model_fields)
