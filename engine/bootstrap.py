"""Puts an installation together: settings, database, plugins, pipeline, jobs, and who listens to what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog

import engine.tables  # noqa: F401 - fills the metadata
from engine.connections.codes.listeners import SURVEY, CodeListeners
from engine.connections.codes.push import CodePusher
from engine.connections.mails import MAIL_ALARM, AlarmMails, on_alarm_raised
from engine.connections.opened import Shops
from engine.identity.mail import Mailer, mailer_of
from engine.identity.queries import brands
from engine.jobs.rules import Schedule
from engine.jobs.service import purge
from engine.jobs.worker import Worker
from engine.kernel.clock import Clock, ShiftedClock
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database, open_database
from engine.kernel.errors import GoodwordError
from engine.kernel.settings import Settings, load_settings
from engine.ledger.blocks import seal
from engine.outbox.dispatch import Listeners, drain
from engine.pipeline.compare import AskedPoller, TieListener
from engine.pipeline.maturity import mature
from engine.pipeline.reconcile import ReconcilePoller, Reconciler
from engine.pipeline.run import Pipeline
from engine.pipeline.watch import forget_old_bodies, watch_silence, watch_subscriptions, watch_unread
from engine.pipeline.webhooks import WebhookReader
from engine.plugin_host.http import HttpPool
from engine.plugin_host.registry import PluginHost, load_plugins
from engine.tracking.clicks.retention import prune
from engine.tracking.clicks.rollups import roll_up
from engine.tracking.listeners import on_enrollment_approved, on_enrollment_changed

_log = structlog.get_logger(__name__)

SCHEDULES: Final = (
    Schedule("tell_events", every=timedelta(seconds=30)),
    Schedule("mature", every=timedelta(minutes=15)),
    Schedule("seal_ledger", every=timedelta(hours=1)),
    Schedule("watch_silence", every=timedelta(minutes=5)),
    Schedule("watch_subscriptions", every=timedelta(hours=1)),
    Schedule("forget_old_bodies", every=timedelta(days=1)),
    Schedule("survey_every_code", every=timedelta(days=1)),
    Schedule("look_for_drift", every=timedelta(hours=1)),
    Schedule("count_clicks", every=timedelta(minutes=1)),
    Schedule("forget_old_clicks", every=timedelta(days=1)),
    Schedule("forget_old_jobs", every=timedelta(days=1)),
)


@dataclass(frozen=True, slots=True)
class Goodword:
    """A running installation."""

    settings: Settings
    database: Database
    plugins: PluginHost
    pipeline: Pipeline
    http: HttpPool = field(default_factory=HttpPool)

    @property
    def keyring(self) -> Keyring:
        """What the installation's secret key can do."""
        return self.settings.keyring

    @property
    def shops(self) -> Shops:
        """What opens connections to shops."""
        return Shops(self.plugins, self.keyring, self.http)

    def webhook_reader(self) -> WebhookReader:
        """Return what reads the inbox."""
        return WebhookReader(self.pipeline, self.shops)

    def reconciler(self) -> Reconciler:
        """Return what compares shops with what we have."""
        return Reconciler(self.pipeline, self.shops)

    def code_pusher(self) -> CodePusher:
        """Return what keeps shops in step with promo codes."""
        return CodePusher(self.database, self.shops)

    def listeners(self) -> Listeners:
        """Return who is told of which events."""
        codes = CodeListeners(self.code_pusher())
        return {
            "enrollment_approved": (on_enrollment_approved,),
            "enrollment_suspended": (codes.on_enrollment_changed, on_enrollment_changed),
            "enrollment_reinstated": (codes.on_enrollment_changed, on_enrollment_changed),
            "enrollment_left": (codes.on_enrollment_changed, on_enrollment_changed),
            "codes_changed": (codes.on_codes_changed,),
            "terms_published": (codes.on_terms_published,),
            "shop_changed": (codes.on_shop_changed,),
            "alarm_raised": (on_alarm_raised,),
            "versions_tied": (TieListener(self.reconciler()).on_versions_tied,),
        }

    def worker(self) -> Worker:
        """Return what runs the jobs: webhooks read, events told, what is due approved, books sealed, shops watched."""
        handlers = {
            "tell_events": self._tell_events,
            "mature": self._mature,
            "seal_ledger": self._seal_ledger,
            "watch_silence": self._watch_silence,
            "watch_subscriptions": self._watch_subscriptions,
            "forget_old_bodies": self._forget_old_bodies,
            "count_clicks": self._count_clicks,
            "forget_old_clicks": self._forget_old_clicks,
            "forget_old_jobs": self._forget_old_jobs,
            "survey_every_code": self._survey_every_code,
            "look_for_drift": self._look_for_drift,
            SURVEY: self._survey_codes,
            MAIL_ALARM: AlarmMails(self._mailer, self.settings.base_url).send,
        }
        pollers = [
            self.webhook_reader().poll,
            self.code_pusher().push_due,
            ReconcilePoller(self.reconciler()).poll,
            AskedPoller(self.reconciler()).poll,
        ]
        return Worker(self.database, handlers, SCHEDULES, pollers=pollers)

    def tell_events(self) -> None:
        """Tell every event that is due now, for a command whose answer depends on what follows from it."""
        self._tell_events(self.database, {})

    def close(self) -> None:
        """Close the database and every connection to a shop."""
        self.http.close()
        self.database.close()

    def _mailer(self) -> Mailer:
        return mailer_of(self.settings, clock=self.database.clock)

    def _tell_events(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        while drain(database, self.listeners()):
            pass

    def _mature(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        with database.reading() as unit:
            every = brands(unit)
        for brand in every:
            mature(self.pipeline, brand.id)

    def _seal_ledger(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        while database.run(seal):
            pass

    def _watch_silence(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        watch_silence(database)
        watch_unread(database)

    def _watch_subscriptions(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        watch_subscriptions(database, self.shops, base_url=self.settings.base_url)

    def _forget_old_bodies(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        forget_old_bodies(database, days=self.settings.body_days)

    def _count_clicks(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        roll_up(database)

    def _forget_old_clicks(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        prune(database)

    def _forget_old_jobs(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        while database.run(purge):
            pass

    def _survey_codes(self, _database: Database, arguments: Mapping[str, Any]) -> None:
        self.code_pusher().survey(UUID(arguments["brand_id"]))

    def _survey_every_code(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        with database.reading() as unit:
            every = brands(unit)
        for brand in every:
            self.code_pusher().survey(brand.id)

    def _look_for_drift(self, _database: Database, _arguments: Mapping[str, Any]) -> None:
        pusher = self.code_pusher()
        for shop in pusher.takers():
            try:
                pusher.look_for_drift(shop)
            except GoodwordError as error:  # the next hour asks again; one shop does not keep others waiting
                _log.warning("drift_not_seen", shop=shop.name, problem=str(error))


def start(settings: Settings | None = None, *, clock: Clock | None = None) -> Goodword:
    """Put together the installation that `settings` (default: the environment) describe.

    Raises:
        SettingsError: a setting is wrong.
        UnsafeDatabaseError: the database cannot keep money safe.
    """
    settings = settings or load_settings()
    if clock is None and settings.clock_offset_s:
        clock = ShiftedClock(timedelta(seconds=settings.clock_offset_s))
    database = open_database(settings.database, clock=clock)
    host = load_plugins(settings.plugins)
    http = HttpPool(settings.private_origins, clock=clock)
    return Goodword(settings, database, host, Pipeline.of(database, host, keyring=settings.keyring), http)
