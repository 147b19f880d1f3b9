"""Links, clicks and landing pages; connections to shops, the inbox of webhooks, reconciliations, promo codes in shops.

Why: orders are credited by clicks as well, and come from shops by themselves. Back: drops these tables with all that is
in them; orders credited by a click keep their decision and lose the touch behind it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.guards import forbid_change

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "asset",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("content_type", sa.String(40), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.CheckConstraint("kind IN ('photo', 'logo', 'product')", name=op.f("ck_asset_kind_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_asset_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
    )
    op.create_index("ix_asset_brand_id_sha256", "asset", ["brand_id", "sha256"], unique=False)
    op.create_table(
        "click",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.String(8), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(24), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("visitor_key", sa.String(32), nullable=True),
        sa.Column("address", sa.String(64), nullable=True),
        sa.Column("user_agent", sa.String(300), nullable=True),
        sa.Column("referrer", sa.String(200), nullable=True),
        sa.Column("sub_id", sa.String(80), nullable=True),
        sa.Column("signals", sa.String(120), nullable=False),
        sa.CheckConstraint("target IN ('link', 'page')", name=op.f("ck_click_target_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_click_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click")),
    )
    op.create_index(
        "ix_click_visitor",
        "click",
        ["brand_id", "visitor_key", "id"],
        unique=False,
        sqlite_where=sa.text("visitor_key IS NOT NULL"),
        postgresql_where=sa.text("visitor_key IS NOT NULL"),
    )
    op.create_table(
        "click_day",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.String(8), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("verified", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("bots", sa.Integer(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=False),
        sa.CheckConstraint("target IN ('link', 'page')", name=op.f("ck_click_day_target_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_click_day_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click_day")),
        sa.UniqueConstraint(
            "brand_id",
            "program_id",
            "day",
            "enrollment_id",
            "target_id",
            name=op.f("uq_click_day_brand_id_program_id_day_enrollment_id_target_id"),
        ),
    )
    op.create_index("ix_click_day_enrollment", "click_day", ["brand_id", "enrollment_id", "day"], unique=False)
    op.create_index("ix_click_day_target", "click_day", ["brand_id", "target_id", "day"], unique=False)
    op.create_table(
        "click_flag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("click_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(24), nullable=False),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_click_flag_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click_flag")),
        sa.UniqueConstraint("brand_id", "click_id", "reason", name=op.f("uq_click_flag_brand_id_click_id_reason")),
        info={"append_only": True},
    )
    op.create_table(
        "click_loss",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("lost_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lost_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_click_loss_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click_loss")),
        info={"append_only": True},
    )
    op.create_index("ix_click_loss_lost_until", "click_loss", ["lost_until"], unique=False)
    op.create_table(
        "click_rollup",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("rolled_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_click_rollup_brand_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_click_rollup_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click_rollup")),
        sa.UniqueConstraint("brand_id", "program_id", name=op.f("uq_click_rollup_brand_id_program_id")),
    )
    op.create_table(
        "connection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("settings_encrypted", sa.String(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("quiet_after_h", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('on', 'off')", name=op.f("ck_connection_state_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_connection_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
        sa.UniqueConstraint("connector", "account", name=op.f("uq_connection_connector_account")),
    )
    op.create_index("ix_connection_brand_id", "connection", ["brand_id", "id"], unique=False)
    op.create_table(
        "alarm",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("alarm_key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_alarm_brand_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_alarm_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index(
        "uq_alarm_open",
        "alarm",
        ["brand_id", "alarm_key"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "brand_site",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("domains", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("colour", sa.String(7), nullable=False),
        sa.Column("logo_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_brand_site_brand_id")),
        sa.ForeignKeyConstraint(["logo_id"], ["asset.id"], name=op.f("fk_brand_site_logo_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand_site")),
        sa.UniqueConstraint("brand_id", name=op.f("uq_brand_site_brand_id")),
    )
    op.create_index("ix_brand_site_updated_at", "brand_site", ["updated_at"], unique=False)
    op.create_table(
        "inbox_webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_key", sa.String(300), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(80), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("problem", sa.String(1000), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'ignored', 'dead')", name=op.f("ck_inbox_webhook_state_known")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_inbox_webhook_brand_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_inbox_webhook_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_webhook")),
        sa.UniqueConstraint(
            "brand_id",
            "connection_id",
            "delivery_key",
            "body_hash",
            name=op.f("uq_inbox_webhook_brand_id_connection_id_delivery_key_body_hash"),
        ),
    )
    op.create_index(
        "ix_inbox_webhook_dead",
        "inbox_webhook",
        ["brand_id", "reason", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_inbox_webhook_received", "inbox_webhook", ["brand_id", "connection_id", "received_at"], unique=False
    )
    op.create_index(
        "ix_inbox_webhook_waiting",
        "inbox_webhook",
        ["run_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("link", sa.String(2000), nullable=False),
        sa.Column("price_text", sa.String(40), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=True),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_product_brand_id")),
        sa.ForeignKeyConstraint(["image_id"], ["asset.id"], name=op.f("fk_product_image_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_product_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
    )
    op.create_index("ix_product_brand_id_program_id", "product", ["brand_id", "program_id", "position"], unique=False)
    op.create_index("ix_product_updated_at", "product", ["updated_at"], unique=False)
    op.create_table(
        "program_tracking",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("home_url", sa.String(2000), nullable=False),
        sa.Column("consent", sa.String(16), nullable=False),
        sa.Column("kept_address", sa.String(16), nullable=False),
        sa.Column("count_window_h", sa.Integer(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("utm", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("disclosure", sa.String(300), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("consent IN ('required', 'assumed')", name=op.f("ck_program_tracking_consent_known")),
        sa.CheckConstraint(
            "kept_address IN ('shortened', 'hashed', 'nothing')", name=op.f("ck_program_tracking_kept_address_known")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_program_tracking_brand_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_program_tracking_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_tracking")),
        sa.UniqueConstraint("brand_id", "program_id", name=op.f("uq_program_tracking_brand_id_program_id")),
    )
    op.create_index("ix_program_tracking_updated_at", "program_tracking", ["updated_at"], unique=False)
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("different", sa.Integer(), nullable=False),
        sa.Column("extra", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(1000), nullable=True),
        sa.Column("report", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('sliding', 'nightly', 'weekly', 'asked')", name=op.f("ck_reconciliation_kind_known")
        ),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name=op.f("ck_reconciliation_state_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_reconciliation_brand_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_reconciliation_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
    )
    op.create_index(
        "ix_reconciliation_connection", "reconciliation", ["brand_id", "connection_id", "until"], unique=False
    )
    op.create_table(
        "refused_webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_refused_webhooks_brand_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_refused_webhooks_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_webhooks")),
        sa.UniqueConstraint(
            "brand_id", "connection_id", "day", name=op.f("uq_refused_webhooks_brand_id_connection_id_day")
        ),
    )
    op.create_table(
        "landing_page",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("handle", sa.String(40), nullable=False),
        sa.Column("live_version_id", sa.Uuid(), nullable=True),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_landing_page_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_landing_page_enrollment_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_landing_page_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_landing_page")),
        sa.UniqueConstraint("brand_id", "enrollment_id", name=op.f("uq_landing_page_brand_id_enrollment_id")),
        sa.UniqueConstraint("handle", name=op.f("uq_landing_page_handle")),
    )
    op.create_index("ix_landing_page_updated_at", "landing_page", ["updated_at"], unique=False)
    op.create_table(
        "link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("destination", sa.String(2000), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("utm", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('generated', 'vanity')", name=op.f("ck_link_kind_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_link_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_link_enrollment_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_link_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("slug", name=op.f("uq_link_slug")),
    )
    op.create_index("ix_link_brand_id_enrollment_id", "link", ["brand_id", "enrollment_id", "id"], unique=False)
    op.create_index("ix_link_brand_id_program_id", "link", ["brand_id", "program_id", "id"], unique=False)
    op.create_index("ix_link_updated_at", "link", ["updated_at"], unique=False)
    op.create_table(
        "pushed_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("promo_code_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("wanted_hash", sa.String(64), nullable=False),
        sa.Column("pushed_hash", sa.String(64), nullable=True),
        sa.Column("reference", sa.String(200), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("problem", sa.String(1000), nullable=True),
        sa.Column("drift", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'pushed', 'failed', 'revoked')", name=op.f("ck_pushed_code_state_known")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_pushed_code_brand_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_pushed_code_connection_id")),
        sa.ForeignKeyConstraint(["promo_code_id"], ["promo_code.id"], name=op.f("fk_pushed_code_promo_code_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushed_code")),
        sa.UniqueConstraint(
            "brand_id",
            "promo_code_id",
            "connection_id",
            name=op.f("uq_pushed_code_brand_id_promo_code_id_connection_id"),
        ),
    )
    op.create_index("ix_pushed_code_connection", "pushed_code", ["brand_id", "connection_id", "id"], unique=False)
    op.create_index("ix_pushed_code_due", "pushed_code", ["state", "run_at"], unique=False)
    op.create_table(
        "touch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("order_external_id", sa.String(200), nullable=False),
        sa.Column("click_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.String(8), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(24), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("visitor_key", sa.String(32), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("target IN ('link', 'page')", name=op.f("ck_touch_target_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_touch_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_touch_enrollment_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_touch_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touch")),
        sa.UniqueConstraint(
            "brand_id",
            "connector",
            "account",
            "order_external_id",
            "click_id",
            name=op.f("uq_touch_brand_id_connector_account_order_external_id_click_id"),
        ),
        info={"append_only": True},
    )
    op.create_index("ix_touch_click", "touch", ["brand_id", "click_id"], unique=False)
    op.create_table(
        "landing_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(120), nullable=True),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'approved', 'rejected')", name=op.f("ck_landing_version_state_known")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_landing_version_brand_id")),
        sa.ForeignKeyConstraint(["page_id"], ["landing_page.id"], name=op.f("fk_landing_version_page_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_landing_version")),
        sa.UniqueConstraint("brand_id", "page_id", "number", name=op.f("uq_landing_version_brand_id_page_id_number")),
    )
    op.create_index("ix_landing_version_waiting", "landing_version", ["brand_id", "state", "id"], unique=False)
    forbid_change("click_flag", "click_loss", "touch")


def downgrade() -> None:
    """Go back."""
    for table in (
        "landing_version",
        "touch",
        "pushed_code",
        "link",
        "landing_page",
        "refused_webhooks",
        "reconciliation",
        "program_tracking",
        "product",
        "inbox_webhook",
        "brand_site",
        "alarm",
        "connection",
        "click_rollup",
        "click_loss",
        "click_flag",
        "click_day",
        "click",
        "asset",
    ):
        op.drop_table(table)
