"""Who may open which route: one table, read top to bottom, and the check that runs before every view.

A route that is not in the table is not served; a test holds the table and the app's addresses together.
"""

from dataclasses import dataclass
from typing import Final

from flask import Flask, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from engine.identity.queries import ambassador_access, staff_access
from engine.identity.rules import Permission, may
from engine.identity.sessions import TOUCH_EVERY, LiveSession, live_session, touch_session
from engine.identity.tables import Realm
from web.context import Visitor, installation, visitor
from web.cookies import session_token


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks for: a realm (None: anybody), and as staff a permission.

    A `shared` route answers everybody alike: nobody's session is looked at, and caches may keep the answer.
    `uploads`: a picture may come with the form.
    """

    realm: Realm | None = None
    permission: Permission | None = None
    shared: bool = False
    uploads: bool = False


PUBLIC: Final = Access()
SHARED: Final = Access(shared=True)
AMBASSADOR: Final = Access(Realm.AMBASSADOR)
OWN_PICTURES: Final = Access(Realm.AMBASSADOR, uploads=True)
STAFF: Final = Access(Realm.STAFF)
VIEW: Final = Access(Realm.STAFF, Permission.VIEW)
DECIDE: Final = Access(Realm.STAFF, Permission.DECIDE_APPLICATIONS)
RETRY: Final = Access(Realm.STAFF, Permission.RETRY_ORDERS)
PAY: Final = Access(Realm.STAFF, Permission.PAY)
SHOPS: Final = Access(Realm.STAFF, Permission.MANAGE_SHOPS)
PLUGINS: Final = Access(Realm.STAFF, Permission.MANAGE_PLUGINS)
PAGES: Final = Access(Realm.STAFF, Permission.RUN_PAGES)
PICTURES: Final = Access(Realm.STAFF, Permission.RUN_PAGES, uploads=True)
LARGEST_UPLOAD: Final = 9 * 1024 * 1024
"""A picture of 8 MB with its form around it."""

ROUTES: Final[dict[str, Access]] = {
    "public.start": PUBLIC,
    "public.health_check": PUBLIC,
    "public.sign_in": PUBLIC,
    "public.ask_for_link": PUBLIC,
    "public.link_sent": PUBLIC,
    "public.link": PUBLIC,
    "public.use_link": PUBLIC,
    "public.sign_out": PUBLIC,
    "public.sign_out_everywhere": PUBLIC,
    "public.join": PUBLIC,
    "public.apply": PUBLIC,
    "public.applied": PUBLIC,
    "public.landing": SHARED,
    "public.consent": PUBLIC,
    "public.media": SHARED,
    "public.colours": SHARED,
    "public.robots": SHARED,
    "portal.rooms": AMBASSADOR,
    "portal.home": AMBASSADOR,
    "portal.earnings": AMBASSADOR,
    "portal.why": AMBASSADOR,
    "portal.payouts": AMBASSADOR,
    "portal.payout": AMBASSADOR,
    "portal.pages": AMBASSADOR,
    "portal.page": AMBASSADOR,
    "portal.save_page": OWN_PICTURES,
    "portal.take_back_page": AMBASSADOR,
    "portal.preview_page": AMBASSADOR,
    "portal.page_qr": AMBASSADOR,
    "portal.page_card": AMBASSADOR,
    "portal.links": AMBASSADOR,
    "portal.create_link": AMBASSADOR,
    "portal.link": AMBASSADOR,
    "portal.change_link": AMBASSADOR,
    "portal.archive_link": AMBASSADOR,
    "portal.link_qr": AMBASSADOR,
    "portal.link_card": AMBASSADOR,
    "admin.rooms": STAFF,
    "admin.overview": VIEW,
    "admin.applications": VIEW,
    "admin.application": VIEW,
    "admin.approve": DECIDE,
    "admin.reject": DECIDE,
    "admin.commissions": VIEW,
    "admin.commission": VIEW,
    "admin.payouts": VIEW,
    "admin.payout_preview": VIEW,
    "admin.payout_confirm": PAY,
    "admin.payout_run": PAY,
    "admin.payout_batch": VIEW,
    "admin.payment_file": PAY,
    "admin.mark_paid": PAY,
    "admin.mark_failed": PAY,
    "admin.orders": VIEW,
    "admin.retry_order": RETRY,
    "admin.plugins": VIEW,
    "admin.plugin": PLUGINS,
    "admin.save_plugin": PLUGINS,
    "admin.shops": VIEW,
    "admin.shop": VIEW,
    "admin.new_shop": SHOPS,
    "admin.add_shop": SHOPS,
    "admin.save_shop": SHOPS,
    "admin.check_shop": SHOPS,
    "admin.subscribe_shop": SHOPS,
    "admin.switch_shop": SHOPS,
    "admin.retry_codes": SHOPS,
    "admin.put_codes_back": SHOPS,
    "admin.compare_shop": SHOPS,
    "admin.end_alarm": SHOPS,
    "admin.inbox": VIEW,
    "admin.webhook": SHOPS,
    "admin.rehearse_webhook": SHOPS,
    "admin.replay_webhook": SHOPS,
    "admin.lay_aside_webhook": SHOPS,
    "admin.replay_webhooks": SHOPS,
    "admin.pages": VIEW,
    "admin.page": VIEW,
    "admin.preview_page": VIEW,
    "admin.approve_page": PAGES,
    "admin.reject_page": PAGES,
    "admin.hide_page": PAGES,
    "admin.show_page": PAGES,
    "admin.page_qr": VIEW,
    "admin.page_card": VIEW,
    "admin.clicks": VIEW,
    "admin.links": VIEW,
    "admin.archive_link": PAGES,
    "admin.link_qr": VIEW,
    "admin.link_card": VIEW,
    "admin.site": VIEW,
    "admin.save_site": PAGES,
    "admin.tracking": VIEW,
    "admin.save_tracking": PAGES,
    "admin.products": VIEW,
    "admin.product": VIEW,
    "admin.add_product": PICTURES,
    "admin.save_product": PICTURES,
    "admin.move_product": PAGES,
    "admin.hide_product": PAGES,
    "admin.show_product": PAGES,
    "admin.logo": VIEW,
    "admin.save_logo": PICTURES,
}


def guard(app: Flask) -> None:
    """Make `app` check every request against the table."""

    @app.before_request
    def _check() -> ResponseReturnValue | None:
        if request.endpoint is None:  # no such address, or not with this method: the error pages answer
            return None
        access = ROUTES.get(request.endpoint)
        if access is None:
            abort(404)
        g.visitor = Visitor() if access.shared else _visitor_of(access)
        refusal = _refusal(access)
        if refusal is None and access.uploads:
            request.max_content_length = LARGEST_UPLOAD
        return refusal


def _visitor_of(access: Access) -> Visitor:
    token = session_token()
    if token is None:
        return Visitor()
    brand_slug = (request.view_args or {}).get("brand")
    with installation().database.reading() as unit:
        session = live_session(unit, token)
        who = Visitor(session)
        if session is not None and session.realm is access.realm and brand_slug is not None:
            if session.realm is Realm.STAFF:
                who.staff = staff_access(unit, session.login_id, brand_slug=brand_slug)
            else:
                who.ambassador = ambassador_access(unit, session.login_id, brand_slug=brand_slug)
    _touch(session)
    return who


def _refusal(access: Access) -> ResponseReturnValue | None:
    """Return the answer for somebody who may not come in, or None. A foreign brand and a missing one look alike."""
    who = visitor()
    if access.realm is None:
        return None
    if who.session is None or who.session.realm is not access.realm:
        return redirect(url_for("public.sign_in", next=_address_to_come_back_to()), 303)
    if "brand" not in (request.view_args or {}):
        return None
    if who.staff is None and who.ambassador is None:
        abort(404)
    if access.permission and who.staff and not may(who.staff.role, access.permission):
        abort(403)
    return None


def _address_to_come_back_to() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" else None


def _touch(session: LiveSession | None) -> None:
    database = installation().database
    if session is not None and database.clock.now() - session.seen_at >= TOUCH_EVERY:
        database.run(lambda unit: touch_session(unit, session.id))
