"""What the installation's plugins are and how they stand for this brand."""

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from engine.kernel.crypto import UnreadableSecretError
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.plugin_host.service import settings_for, statuses_for
from engine.plugin_host.settings import masked
from engine.plugin_host.status import PluginState, PluginStatus
from web.admin import blueprint
from web.context import installation, reading, staff


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
        shown = [(status, _title(status), _settings(unit, status)) for status in statuses]
    return render_template("admin/plugins.html", plugins=shown, problem=None)


def _title(status: PluginStatus) -> tuple[str, str]:
    if status.state in {PluginState.OFF, PluginState.FAILED}:
        return status.name, ""
    manifest = installation().plugins.contents(status.name).manifest
    return manifest.title, manifest.summary


def _settings(unit: UnitOfWork, status: PluginStatus) -> dict[str, Any]:
    if status.state is not PluginState.ACTIVE:
        return {}
    goodword = installation()
    try:
        settings = settings_for(
            unit, staff().brand.id, plugin=status.name, host=goodword.plugins, keyring=goodword.keyring
        )
    except GoodwordError:
        return {}
    return {key: value for key, value in masked(settings).items() if value not in (None, "", [], {})}
