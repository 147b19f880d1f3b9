"""Every table of the engine, imported once, so that the metadata is whole for migrations and foreign keys."""

import engine.attribution.tables
import engine.connections.tables
import engine.enrollment.tables
import engine.identity.tables
import engine.intake.reconciliation.tables
import engine.intake.tables
import engine.intake.webhooks.tables
import engine.jobs.tables
import engine.ledger.tables
import engine.outbox.tables
import engine.payouts.tables
import engine.plugin_host.tables
import engine.programs.tables
import engine.rewards.tables
import engine.tracking.clicks.tables
import engine.tracking.codes.tables
import engine.tracking.links.tables
import engine.tracking.pages.tables
import engine.tracking.site.tables  # noqa: F401
