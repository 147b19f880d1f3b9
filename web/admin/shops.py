"""Connected shops: whether they are heard, what is wrong, what their connectors must know, and a check at any time."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from engine.connections.opened import OpenConnection
from engine.connections.queries import ConnectionView, connection_by_id, connections_of, open_alarms, refused_of
from engine.connections.rules import GONE, hook_path
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import alarm_key, end_alarm, save_connection, settings_of_connection, switch
from engine.connections.tables import ConnectionState
from engine.identity.service import record
from engine.insights.overview import zone_of
from engine.intake.webhooks.queries import last_heard
from engine.kernel.errors import ConflictError, GoodwordError
from engine.plugin_api import Capability, ConnectionReport
from engine.plugin_host.settings import PluginSettingsError, masked
from web.addresses import id_or_404
from web.admin import blueprint
from web.admin.shop_work import DAYS, ShopWork, differences
from web.context import database, installation, reading, staff
from web.formats import set_zone
from web.forms import Form
from web.i18n import text
from web.settings_form import SettingField, errors_of, fields_of, labels_of, read_settings

_ONLINE = {Capability.WEBHOOKS, Capability.PULL, Capability.CODES}


@blueprint.get("/<brand>/shops")
def shops(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List the brand's shops with what is wrong, and the kinds of shop that can be connected."""
    me = staff()
    with reading() as unit:
        rows, heard, refused = connections_of(unit, me.brand.id), last_heard(unit), refused_of(unit, me.brand.id)
        alarms = open_alarms(unit, me.brand.id)
        zone = zone_of(unit, me.brand.id)
    set_zone(zone.key)
    return render_template(
        "admin/shops.html",
        rows=rows,
        heard=heard,
        refused=refused,
        alarms=alarms,
        troubled={alarm.connection_id for alarm in alarms},
        titles=_titles(),
    )


@blueprint.get("/<brand>/shops/new/<connector>")
def new_shop(brand: str, connector: str) -> ResponseReturnValue:  # noqa: ARG001
    """Ask what is needed to connect a shop of one kind."""
    _known_or_404(connector)
    return _new_page(connector, form=Form({"quiet_after_h": "48"}), document={})


@blueprint.post("/<brand>/shops/new/<connector>")
def add_shop(brand: str, connector: str) -> ResponseReturnValue:
    """Connect a shop."""
    _known_or_404(connector)
    posted = request.form.to_dict()
    with reading() as unit:
        taken = {(view.connector, view.account) for view in connections_of(unit, staff().brand.id)}
    account = posted.get("account", "").strip()
    form, document = _read(connector, account=account, posted=posted)
    if (connector, account) in taken:
        form.errors["account"] = text("This account is connected already. Choose another name.")
    view = _saved(form, document) if not form.errors else None
    if view is None:
        return _new_page(connector, form=form, document=document), 422
    flash(text("%(title)s is connected. Give its webhooks the address below.", title=view.title), "good")
    return redirect(url_for("admin.shop", brand=brand, connection_id=view.id), 303)


@blueprint.get("/<brand>/shops/<connection_id>")
def shop(brand: str, connection_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Show one shop."""
    return _shop_page(id_or_404(connection_id))


@blueprint.post("/<brand>/shops/<connection_id>/settings")
def save_shop(brand: str, connection_id: str) -> ResponseReturnValue:
    """Change what is known of a shop. A masked secret stays as it is."""
    view = _view(id_or_404(connection_id))
    form, document = _read(view.connector, account=view.account, posted=request.form.to_dict())
    if form.errors or _saved(form, document) is None:
        return _shop_page(view.id, form=form, document=document), 422
    flash(text("The settings are saved."), "good")
    return redirect(url_for("admin.shop", brand=brand, connection_id=view.id), 303)


@blueprint.post("/<brand>/shops/<connection_id>/check")
def check_shop(brand: str, connection_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Ask the shop whether it lets us in and which webhooks it sends."""
    view = _view(id_or_404(connection_id))
    try:
        opened = installation().shops.open(view)
        report = _checked(opened)
        gone = alarm_key(GONE, view.id)
        database().run(lambda unit: end_alarm(unit, view.brand_id, key=gone))  # it lets us in, so it is back
    except GoodwordError as error:
        report = ConnectionReport("", (str(error),))
    _write_down("shop.check", view, detail={"problems": len(report.problems)})
    return _shop_page(view.id, report=report)


@blueprint.post("/<brand>/shops/<connection_id>/subscribe")
def subscribe_shop(brand: str, connection_id: str) -> ResponseReturnValue:
    """Make the shop send its webhooks to us."""
    view = _view(id_or_404(connection_id))
    try:
        installation().shops.open(view).subscribe(installation().settings.base_url)
    except GoodwordError as error:
        flash(str(error), "bad")
    else:
        _write_down("shop.subscribe", view, detail={})
        flash(text("%(title)s sends its webhooks to the address below.", title=view.title), "good")
    return redirect(url_for("admin.shop", brand=brand, connection_id=view.id), 303)


@blueprint.post("/<brand>/shops/<connection_id>/switch")
def switch_shop(brand: str, connection_id: str) -> ResponseReturnValue:
    """Switch a shop on or off."""
    me, wanted = staff(), id_or_404(connection_id)
    state = ConnectionState.ON if request.form.get("state") == "on" else ConnectionState.OFF
    view = database().run(lambda unit: switch(unit, me.brand.id, connection_id=wanted, state=state, by=me.email))
    if view.is_on:
        flash(text("%(title)s is switched on.", title=view.title), "good")
    else:
        flash(text("%(title)s is switched off: its webhooks are refused, nothing is asked of it.", title=view.title))
    return redirect(url_for("admin.shop", brand=brand, connection_id=view.id), 303)


def _checked(opened: OpenConnection) -> ConnectionReport:
    report = opened.check()
    if not opened.can(Capability.SUBSCRIPTIONS):
        return report
    topics = opened.subscriptions(installation().settings.base_url)
    off = tuple(text("The shop does not send %(topic)s.", topic=one.topic) for one in topics if not one.enabled)
    return ConnectionReport(report.shop, (*report.problems, *off))


def _read(connector: str, *, account: str, posted: Mapping[str, str]) -> tuple[Form[ConnectionDraft], dict[str, Any]]:
    """Return the form as typed with what is wrong with it, and the settings in it."""
    document, errors = read_settings(_schema(connector), posted)
    values = {key: value for key, value in posted.items() if key != "csrf_token"}
    form: Form[ConnectionDraft] = Form(values, errors=errors)
    try:
        form.value = ConnectionDraft(
            connector=connector,
            account=account,
            title=posted.get("title", ""),
            quiet_after_h=posted.get("quiet_after_h", ""),  # type: ignore[arg-type]  # pydantic reads it
            settings=document,
        )
    except ValidationError as error:
        for problem in error.errors():
            form.errors.setdefault(str(problem["loc"][0]), _words(str(problem["loc"][0])))
    return form, document


def _saved(form: Form[ConnectionDraft], document: Mapping[str, Any]) -> ConnectionView | None:
    """Store a form that is right so far; None where the plugin or another brand has a say against it."""
    me, goodword, draft = staff(), installation(), form.value
    assert draft is not None, "it has no errors"  # noqa: S101 - a broken promise, not input
    try:
        return database().run(
            lambda unit: save_connection(
                unit, me.brand.id, draft, host=goodword.plugins, keyring=goodword.keyring, by=me.email
            )
        )
    except PluginSettingsError as error:
        form.errors |= errors_of(error.problems, fields_of(_schema(draft.connector), document))
    except ConflictError:
        form.errors["account"] = text("This name is taken. Choose another.")
    return None


def _new_page(connector: str, *, form: Form[ConnectionDraft], document: Mapping[str, Any]) -> str:
    host = installation().plugins
    fields = _fields(connector, form=form, document=document)
    return render_template(
        "admin/shop_new.html",
        connector=connector,
        connector_title=host.connector(connector).value.title,
        form=form,
        fields=fields,
        labels=labels_of(fields),
        address=installation().settings.base_url + hook_path(connector, text("account")),
    )


def _shop_page(
    connection_id: UUID,
    *,
    form: Form[ConnectionDraft] | None = None,
    document: Mapping[str, Any] | None = None,
    report: ConnectionReport | None = None,
) -> str:
    me, goodword = staff(), installation()
    view = _view(connection_id)
    with reading() as unit:
        heard, refused = last_heard(unit), refused_of(unit, me.brand.id)
        alarms = open_alarms(unit, me.brand.id, connection_id=view.id)
        work = ShopWork.of(unit, view, cursor=request.args.get("cursor"))
        zone = zone_of(unit, me.brand.id)
    set_zone(zone.key)
    problem: str | None = None
    known: Mapping[str, Any] = document or {}
    capabilities: frozenset[Capability] = frozenset()
    fields: list[SettingField] = []
    form = form or Form({"title": view.title, "quiet_after_h": str(view.quiet_after_h)})
    try:
        capabilities = goodword.plugins.connector(view.connector).value.capabilities
        if document is None:
            known = masked(settings_of_connection(view, host=goodword.plugins, keyring=goodword.keyring))
    except GoodwordError as error:
        problem = str(error)
    if capabilities:
        fields = _fields(view.connector, form=form, document=known)
    return render_template(
        "admin/shop.html",
        shop=view,
        connector_title=_titles().get(view.connector, view.connector),
        address=goodword.settings.base_url + view.hook_path,
        last=heard.get(view.id),
        refused=refused.get(view.id, 0),
        alarms=alarms,
        work=work,
        differences=differences,
        days=DAYS,
        first="cursor" not in request.args,
        form=form,
        fields=fields,
        labels=labels_of(fields),
        problem=problem,
        report=report,
        can=lambda name: Capability(name) in capabilities,
        can_check=bool(capabilities - {Capability.FILES, Capability.WEBHOOKS, Capability.CODE_LINKS}),
    )


def _fields(connector: str, *, form: Form[ConnectionDraft], document: Mapping[str, Any]) -> list[SettingField]:
    """Return the settings' fields; what was typed stays as typed."""
    fields = fields_of(_schema(connector), document)
    typed = any(field.key in form.values for field in fields)
    for field in fields:
        if not typed:
            form.values = {**form.values, field.key: field.shown}
    return fields


def _schema(connector: str) -> dict[str, Any]:
    host = installation().plugins
    return host.settings_model(host.connector(connector).plugin).model_json_schema()


def _known_or_404(connector: str) -> None:
    if connector not in _titles():
        abort(404)


def _titles() -> dict[str, str]:
    connectors = installation().plugins.connectors
    return {name: one.value.title for name, one in connectors.items() if one.value.capabilities & _ONLINE}


def _view(connection_id: UUID) -> ConnectionView:
    with reading() as unit:
        return connection_by_id(unit, staff().brand.id, connection_id=connection_id)


def _write_down(action: str, view: ConnectionView, *, detail: Mapping[str, Any]) -> None:
    me = staff()
    database().run(
        lambda unit: record(
            unit, me.brand.id, actor=me.email, action=action, subject=f"shop {view.name}", detail=detail
        )
    )


def _words(field: str) -> str:
    return {
        "account": text("Use 3 to 80 small letters, digits and hyphens."),
        "title": text("Give a name of 1 to 120 characters."),
        "quiet_after_h": text("Write a number of hours from 1 to 2160."),
    }.get(field, text("This cannot be used."))
