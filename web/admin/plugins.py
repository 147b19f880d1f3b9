"""What the installation's plugins are and how they stand for this brand."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from engine.bootstrap import Goodword
from engine.identity.service import record
from engine.kernel.crypto import UnreadableSecretError
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.plugin_host.service import save_settings, settings_for, settled_by_shop, statuses_for
from engine.plugin_host.settings import PluginSettingsError, masked
from engine.plugin_host.status import PluginState, PluginStatus
from web.admin import blueprint
from web.context import database, installation, reading, staff
from web.forms import Form
from web.i18n import text
from web.settings_form import errors_of, fields_of, labels_of, read_settings


@blueprint.get("/<brand>/plugins")
def plugins(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List plugins with state, reason, version, what each brings, and its settings with secrets masked."""
    me = staff()
    goodword = installation()
    with reading() as unit:
        try:
            statuses = statuses_for(unit, me.brand.id, host=goodword.plugins, keyring=goodword.keyring)
        except UnreadableSecretError as error:
            return render_template("admin/plugins.html", plugins=[], problem=str(error))
        shown = [(status, _title(status), _settings(unit, status), _is_told(status)) for status in statuses]
    return render_template("admin/plugins.html", plugins=shown, problem=None)


@blueprint.get("/<brand>/plugins/<plugin>")
def plugin(brand: str, plugin: str) -> ResponseReturnValue:  # noqa: ARG001
    """Show what the brand tells one plugin, to be changed."""
    _told_once_or_404(plugin)
    return _page(plugin, Form({}), document=None)


@blueprint.post("/<brand>/plugins/<plugin>")
def save_plugin(brand: str, plugin: str) -> ResponseReturnValue:
    """Change what the brand tells one plugin. A masked secret stays as it is."""
    _told_once_or_404(plugin)
    me, goodword = staff(), installation()
    posted = request.form.to_dict()
    document, errors = read_settings(_schema(plugin), posted)
    form: Form[BaseModel] = Form(posted, errors=errors)
    if not errors:
        try:
            database().run(lambda unit: _save(unit, goodword, plugin=plugin, document=document, by=me.email))
        except PluginSettingsError as error:
            form.errors |= errors_of(error.problems, fields_of(_schema(plugin), document))
    if form.errors:
        return _page(plugin, form, document=document), 422
    flash(text("The settings are saved."), "good")
    return redirect(url_for("admin.plugins", brand=brand), 303)


def _save(unit: UnitOfWork, goodword: Goodword, *, plugin: str, document: Mapping[str, Any], by: str) -> None:
    brand_id = staff().brand.id
    save_settings(unit, brand_id, plugin=plugin, document=document, host=goodword.plugins, keyring=goodword.keyring)
    record(unit, brand_id, actor=by, action="save_settings", subject=f"plugin {plugin}")


def _page(plugin: str, form: Form[BaseModel], *, document: Mapping[str, Any] | None) -> str:
    goodword = installation()
    shown: Mapping[str, Any] = document or {}
    if document is None:
        with reading() as unit, suppress(GoodwordError):
            settings = settings_for(
                unit, staff().brand.id, plugin=plugin, host=goodword.plugins, keyring=goodword.keyring
            )
            shown = masked(settings)
    fields = fields_of(_schema(plugin), shown)
    if document is None:
        form.values = {field.key: field.shown for field in fields}
    manifest = goodword.plugins.contents(plugin).manifest
    return render_template(
        "admin/plugin.html", plugin=plugin, manifest=manifest, form=form, fields=fields, labels=labels_of(fields)
    )


def _schema(plugin: str) -> dict[str, Any]:
    return installation().plugins.settings_model(plugin).model_json_schema()


def _told_once_or_404(plugin: str) -> None:
    """Answer 404 for a plugin that is not active, takes no settings, or is told them for each shop."""
    host = installation().plugins
    if settled_by_shop(host, plugin) or not host.settings_model(plugin).model_fields:
        abort(404)


def _is_told(status: PluginStatus) -> str:
    """Return how a plugin is told what it must know: `once`, for each `shop`, or not at all (empty)."""
    host = installation().plugins
    if status.state in {PluginState.OFF, PluginState.FAILED} or not host.settings_model(status.name).model_fields:
        return ""
    return "shop" if settled_by_shop(host, status.name) else "once"


def _title(status: PluginStatus) -> tuple[str, str]:
    if status.state in {PluginState.OFF, PluginState.FAILED}:
        return status.name, ""
    manifest = installation().plugins.contents(status.name).manifest
    return manifest.title, manifest.summary


def _settings(unit: UnitOfWork, status: PluginStatus) -> dict[str, Any]:
    if status.state is not PluginState.ACTIVE or _is_told(status) == "shop":
        return {}
    goodword = installation()
    try:
        settings = settings_for(
            unit, staff().brand.id, plugin=status.name, host=goodword.plugins, keyring=goodword.keyring
        )
    except GoodwordError:
        return {}
    return {key: value for key, value in masked(settings).items() if value not in (None, "", [], {})}
