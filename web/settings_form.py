"""A form for any settings, made from their JSON Schema, and back: what was posted becomes the document to be checked.

Texts, numbers, choices, yes or no and lists of texts get a field of their own; what is deeper is edited as JSON. Pure.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from web.i18n import text

PREFIX: Final = "settings."
"""Stands before a field's name in the form, so that it meets no other."""


class FieldKind(StrEnum):
    """How a setting is typed in."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a word
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    LINES = "lines"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting of a form. `key` is its name in the form, `shown` what stands in it."""

    key: str
    name: str
    label: str
    kind: FieldKind
    required: bool
    shown: str
    options: tuple[str, ...] = ()
    help: str = ""


def fields_of(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[SettingField]:
    """Return the fields of settings, with what `document` (secrets masked) says in them."""
    return [_field(name, spec, required=need, document=document) for name, spec, need in _properties(schema)]


def read_settings(schema: Mapping[str, Any], posted: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what was posted as a document, and a sentence for each field that is not even of its kind.

    An empty field is one that was not given, so that its default holds.
    """
    document: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, spec, _ in _properties(schema):
        key, kind = PREFIX + name, _kind(spec)
        written = posted.get(key, "").replace("\r\n", "\n")
        if kind is FieldKind.FLAG:
            document[name] = key in posted
        elif written.strip():
            try:
                document[name] = _read(kind, written)
            except ValueError:
                errors[key] = _sentence(kind)
    return document, errors


def errors_of(problems: Sequence[str], fields: Sequence[SettingField]) -> dict[str, str]:
    """Return the plugin's problems (`place: sentence`) beside the fields that they are about."""
    found: dict[str, str] = {}
    for problem in problems:
        place, _, sentence = problem.partition(": ")
        field = next((one for one in fields if one.name == place.split(".")[0]), None)
        key = field.key if field else "form"
        said = sentence if field and field.name == place else problem
        found[key] = f"{found[key]} {said}" if key in found else said
    return found


def labels_of(fields: Sequence[SettingField]) -> dict[str, str]:
    """Return what each field is called, for the sum of what is wrong; `form` is the settings as a whole."""
    return {field.key: field.label for field in fields} | {"form": text("Settings")}


def _properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    required = set(schema.get("required", ()))
    for name, spec in schema.get("properties", {}).items():
        yield name, _resolved(spec, schema), name in required


def _field(name: str, spec: Mapping[str, Any], *, required: bool, document: Mapping[str, Any]) -> SettingField:
    kind, value = _kind(spec), document.get(name, spec.get("default"))
    return SettingField(
        key=PREFIX + name,
        name=name,
        label=name.replace("_", " ").capitalize(),
        kind=kind,
        required=required,
        shown=_shown(kind, value),
        options=tuple(str(one) for one in spec.get("enum", ())),
        help=str(spec.get("description", "")).replace("`", ""),
    )


def _resolved(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `spec` with its reference followed, and without the null that only says that it may be left out."""
    found = dict(spec)
    if "anyOf" in found:
        real = [one for one in found["anyOf"] if one.get("type") != "null"]
        if len(real) == 1:
            found = {**real[0], **{key: value for key, value in found.items() if key != "anyOf"}}
    if "$ref" in found:
        target = schema.get("$defs", {}).get(found["$ref"].rsplit("/", 1)[-1], {})
        found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
    return found


def _kind(spec: Mapping[str, Any]) -> FieldKind:
    items = spec.get("items", {})
    match spec.get("type"):
        case "string" if "enum" in spec:
            return FieldKind.CHOICE
        case "string":
            return FieldKind.SECRET if spec.get("writeOnly") else FieldKind.TEXT
        case "integer":
            return FieldKind.NUMBER
        case "boolean":
            return FieldKind.FLAG
        case "array" if items.get("type") == "string":
            return FieldKind.LINES
        case _:
            return FieldKind.JSON


def _shown(kind: FieldKind, value: Any) -> str:
    if value is None or value in ([], {}):
        return ""
    match kind:
        case FieldKind.FLAG:
            return "yes" if value else ""
        case FieldKind.LINES:
            return "\n".join(str(one) for one in value)
        case FieldKind.JSON:
            return json.dumps(value, ensure_ascii=False, indent=2, default=str)
        case _:
            return str(value)


def _read(kind: FieldKind, written: str) -> Any:
    match kind:
        case FieldKind.NUMBER:
            return int(written)
        case FieldKind.LINES:
            return [line.strip() for line in written.split("\n") if line.strip()]
        case FieldKind.JSON:
            return json.loads(written)
        case FieldKind.SECRET:
            return written
        case _:
            return written.strip()


def _sentence(kind: FieldKind) -> str:
    if kind is FieldKind.NUMBER:
        return text("Write a whole number.")
    return text("This is no JSON.")
