"""Every table of the first version, and the triggers that keep books append-only.

Why: the engine starts here. Back: not possible, there is nothing before it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.guards import forbid_change, whole_numbers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "brand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(40), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand")),
        sa.UniqueConstraint("slug", name=op.f("uq_brand_slug")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("arguments", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("job_key", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(1000), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'dead')", name=op.f("ck_job_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("job_key", name=op.f("uq_job_job_key")),
    )
    op.create_index(
        "ix_job_open",
        "job",
        ["run_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'running')"),
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "ledger_block",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_block")),
        sa.UniqueConstraint("last_id", name=op.f("uq_ledger_block_last_id")),
    )
    op.create_table(
        "login",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login")),
        sa.UniqueConstraint("email_key", name=op.f("uq_login_email_key")),
    )
    op.create_table(
        "rate_counter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_hash", sa.String(64), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_counter")),
        sa.UniqueConstraint("subject_hash", "window_start", name=op.f("uq_rate_counter_subject_hash_window_start")),
    )
    op.create_index("ix_rate_counter_window_start", "rate_counter", ["window_start"], unique=False)
    op.create_table(
        "ambassador",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(254), nullable=False),
        sa.Column("email_hash", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_ambassador_brand_id")),
        sa.ForeignKeyConstraint(["login_id"], ["login.id"], name=op.f("fk_ambassador_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ambassador")),
        sa.UniqueConstraint("brand_id", "email_key", name=op.f("uq_ambassador_brand_id_email_key")),
    )
    op.create_index("ix_ambassador_brand_id_email_hash", "ambassador", ["brand_id", "email_hash"], unique=False)
    op.create_index(op.f("ix_ambassador_login_id"), "ambassador", ["login_id"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_audit_entry_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_brand_id_done_at", "audit_entry", ["brand_id", "done_at", "id"], unique=False)
    op.create_table(
        "chargeback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("order_external_id", sa.String(200), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_chargeback_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chargeback")),
        sa.UniqueConstraint(
            "brand_id",
            "connector",
            "account",
            "external_id",
            name=op.f("uq_chargeback_brand_id_connector_account_external_id"),
        ),
    )
    op.create_index(
        "ix_chargeback_order", "chargeback", ["brand_id", "connector", "account", "order_external_id"], unique=False
    )
    op.create_table(
        "commerce_fact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("payload", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('order', 'refund', 'chargeback')", name=op.f("ck_commerce_fact_kind_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_commerce_fact_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commerce_fact")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("customer_key", sa.String(32), nullable=False),
        sa.Column("first_order_id", sa.Uuid(), nullable=False),
        sa.Column("first_placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_connector", sa.String(40), nullable=False),
        sa.Column("first_external_id", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_customer_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("brand_id", "customer_key", name=op.f("uq_customer_brand_id_customer_key")),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("terms_id", sa.Uuid(), nullable=True),
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("shares", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("candidates", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('credited', 'self_purchase', 'nobody')", name=op.f("ck_decision_outcome_known")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_decision_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("brand_id", "order_id", "seq", name=op.f("uq_decision_brand_id_order_id_seq")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("delivery_key", sa.String(300), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_delivery_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "brand_id",
            "connector",
            "account",
            "delivery_key",
            name=op.f("uq_delivery_brand_id_connector_account_delivery_key"),
        ),
    )
    op.create_table(
        "delivery_body",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_delivery_body_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_body")),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("asset", sa.String(3), nullable=False),
        sa.CheckConstraint(
            "kind IN ('expense', 'pending', 'payable', 'in_transit', 'paid_out', 'opening', 'fx')",
            name=op.f("ck_ledger_account_kind_known"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_ledger_account_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint(
            "brand_id", "kind", "owner", "asset", name=op.f("uq_ledger_account_brand_id_kind_owner_asset")
        ),
    )
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("input_hash", sa.String(64), nullable=False),
        sa.Column("command", sa.String(40), nullable=False),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_ledger_transaction_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transaction")),
        sa.UniqueConstraint("brand_id", "key", name=op.f("uq_ledger_transaction_brand_id_key")),
    )
    op.create_index(
        "uq_ledger_transaction_reverses_id",
        "ledger_transaction",
        ["brand_id", "reverses_id"],
        unique=True,
        sqlite_where=sa.text("reverses_id IS NOT NULL"),
        postgresql_where=sa.text("reverses_id IS NOT NULL"),
    )
    op.create_table(
        "maturity_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=False),
        sa.Column("settled_periods", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_maturity_run_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maturity_run")),
    )
    op.create_index("ix_maturity_run_brand_id_as_of", "maturity_run", ["brand_id", "as_of"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("notice_key", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_notice_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("brand_id", "notice_key", name=op.f("uq_notice_brand_id_notice_key")),
    )
    op.create_table(
        "outbox_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("payload", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(1000), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_outbox_event_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_event")),
    )
    op.create_index(
        "ix_outbox_event_untold",
        "outbox_event",
        ["next_try_at", "id"],
        unique=False,
        sqlite_where=sa.text("told_at IS NULL"),
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.create_table(
        "payout_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("rail", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_payout_batch_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batch")),
        sa.UniqueConstraint("brand_id", "reference", name=op.f("uq_payout_batch_brand_id_reference")),
    )
    op.create_table(
        "payout_freeze",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_payout_freeze_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_freeze")),
        sa.UniqueConstraint("brand_id", "seq", name=op.f("uq_payout_freeze_brand_id_seq")),
    )
    op.create_table(
        "payout_minimum",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_payout_minimum_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_minimum")),
        sa.UniqueConstraint("brand_id", "currency", name=op.f("uq_payout_minimum_brand_id_currency")),
        *whole_numbers("minimum_minor"),
    )
    op.create_table(
        "plugin_setting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(40), nullable=False),
        sa.Column("document_encrypted", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_plugin_setting_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_setting")),
        sa.UniqueConstraint("brand_id", "plugin", name=op.f("uq_plugin_setting_brand_id_plugin")),
    )
    op.create_table(
        "program",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(40), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'open', 'closed')", name=op.f("ck_program_state_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_program_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program")),
        sa.UniqueConstraint("brand_id", "priority", name=op.f("uq_program_brand_id_priority")),
        sa.UniqueConstraint("brand_id", "slug", name=op.f("uq_program_brand_id_slug")),
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("order_external_id", sa.String(200), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_refund_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint(
            "brand_id",
            "connector",
            "account",
            "external_id",
            name=op.f("uq_refund_brand_id_connector_account_external_id"),
        ),
    )
    op.create_index(
        "ix_refund_order", "refund", ["brand_id", "connector", "account", "order_external_id"], unique=False
    )
    op.create_table(
        "shop_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("charged_minor", sa.BigInteger(), nullable=False),
        sa.Column("customer_key", sa.String(32), nullable=True),
        sa.Column("blocked_reason", sa.String(1000), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_shop_order_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_order")),
        sa.UniqueConstraint(
            "brand_id",
            "connector",
            "account",
            "external_id",
            name=op.f("uq_shop_order_brand_id_connector_account_external_id"),
        ),
        *whole_numbers("charged_minor"),
    )
    op.create_index(
        "ix_shop_order_blocked",
        "shop_order",
        ["brand_id", "id"],
        unique=False,
        sqlite_where=sa.text("blocked_reason IS NOT NULL"),
        postgresql_where=sa.text("blocked_reason IS NOT NULL"),
    )
    op.create_index("ix_shop_order_brand_id_placed_at", "shop_order", ["brand_id", "placed_at", "id"], unique=False)
    op.create_index(
        "ix_shop_order_customer",
        "shop_order",
        ["brand_id", "customer_key", "placed_at"],
        unique=False,
        sqlite_where=sa.text("customer_key IS NOT NULL"),
        postgresql_where=sa.text("customer_key IS NOT NULL"),
    )
    op.create_table(
        "sign_in_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["login_id"], ["login.id"], name=op.f("fk_sign_in_link_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_link_token_hash")),
    )
    op.create_index(op.f("ix_sign_in_link_login_id"), "sign_in_link", ["login_id"], unique=False)
    op.create_table(
        "staff_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('owner', 'manager', 'finance', 'viewer')", name=op.f("ck_staff_member_role_known")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_staff_member_brand_id")),
        sa.ForeignKeyConstraint(["login_id"], ["login.id"], name=op.f("fk_staff_member_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_member")),
        sa.UniqueConstraint("brand_id", "login_id", name=op.f("uq_staff_member_brand_id_login_id")),
    )
    op.create_index(op.f("ix_staff_member_login_id"), "staff_member", ["login_id"], unique=False)
    op.create_table(
        "web_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("realm", sa.String(16), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("realm IN ('ambassador', 'staff')", name=op.f("ck_web_session_realm_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_web_session_brand_id")),
        sa.ForeignKeyConstraint(["login_id"], ["login.id"], name=op.f("fk_web_session_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_web_session_token_hash")),
    )
    op.create_index(op.f("ix_web_session_login_id"), "web_session", ["login_id"], unique=False)
    op.create_table(
        "ambassador_group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_ambassador_group_brand_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_ambassador_group_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ambassador_group")),
        sa.UniqueConstraint("brand_id", "program_id", "key", name=op.f("uq_ambassador_group_brand_id_program_id_key")),
    )
    op.create_table(
        "enrollment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("ambassador_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reapply_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state IN ('applied', 'active', 'rejected', 'suspended', 'left')", name=op.f("ck_enrollment_state_known")
        ),
        sa.ForeignKeyConstraint(["ambassador_id"], ["ambassador.id"], name=op.f("fk_enrollment_ambassador_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_enrollment_brand_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_enrollment_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint(
            "brand_id", "program_id", "ambassador_id", name=op.f("uq_enrollment_brand_id_program_id_ambassador_id")
        ),
    )
    op.create_index("ix_enrollment_brand_id_ambassador_id", "enrollment", ["brand_id", "ambassador_id"], unique=False)
    op.create_index("ix_enrollment_brand_id_state", "enrollment", ["brand_id", "state", "id"], unique=False)
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("debit_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_id", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_entry_amount_minor_positive")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_ledger_entry_two_accounts")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_ledger_entry_brand_id")),
        sa.ForeignKeyConstraint(["credit_id"], ["ledger_account.id"], name=op.f("fk_ledger_entry_credit_id")),
        sa.ForeignKeyConstraint(["debit_id"], ["ledger_account.id"], name=op.f("fk_ledger_entry_debit_id")),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], name=op.f("fk_ledger_entry_transaction_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        *whole_numbers("amount_minor"),
    )
    op.create_index("ix_ledger_entry_brand_id_credit_id", "ledger_entry", ["brand_id", "credit_id"], unique=False)
    op.create_index("ix_ledger_entry_brand_id_debit_id", "ledger_entry", ["brand_id", "debit_id"], unique=False)
    op.create_index("ix_ledger_entry_transaction_id", "ledger_entry", ["transaction_id"], unique=False)
    op.create_table(
        "payout",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("ambassador_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_reason", sa.String(500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'paid', 'failed', 'unknown', 'returned')",
            name=op.f("ck_payout_state_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_amount_minor_positive")),
        sa.ForeignKeyConstraint(["ambassador_id"], ["ambassador.id"], name=op.f("fk_payout_ambassador_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batch.id"], name=op.f("fk_payout_batch_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_payout_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint(
            "brand_id",
            "batch_id",
            "ambassador_id",
            "currency",
            name=op.f("uq_payout_brand_id_batch_id_ambassador_id_currency"),
        ),
        sa.UniqueConstraint("brand_id", "reference", name=op.f("uq_payout_brand_id_reference")),
        *whole_numbers("amount_minor"),
    )
    op.create_index("ix_payout_brand_id_ambassador_id", "payout", ["brand_id", "ambassador_id", "id"], unique=False)
    op.create_table(
        "promo_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("code_key", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('generated', 'vanity', 'imported')", name=op.f("ck_promo_code_kind_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_promo_code_brand_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_promo_code_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promo_code")),
        sa.UniqueConstraint("brand_id", "code_key", name=op.f("uq_promo_code_brand_id_code_key")),
    )
    op.create_index("ix_promo_code_brand_id_program_id", "promo_code", ["brand_id", "program_id", "id"], unique=False)
    op.create_table(
        "terms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_terms_brand_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_terms_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
        sa.UniqueConstraint("brand_id", "program_id", "version", name=op.f("uq_terms_brand_id_program_id_version")),
    )
    op.create_table(
        "application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("answers", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_application_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_application_enrollment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
    )
    op.create_index(
        "ix_application_brand_id_enrollment_id",
        "application",
        ["brand_id", "enrollment_id", "submitted_at"],
        unique=False,
    )
    op.create_table(
        "code_owner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("promo_code_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_code_owner_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_code_owner_enrollment_id")),
        sa.ForeignKeyConstraint(["promo_code_id"], ["promo_code.id"], name=op.f("fk_code_owner_promo_code_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_owner")),
    )
    op.create_index("ix_code_owner_brand_id_enrollment_id", "code_owner", ["brand_id", "enrollment_id"], unique=False)
    op.create_index(
        "ix_code_owner_brand_id_promo_code_id",
        "code_owner",
        ["brand_id", "promo_code_id", "effective_at"],
        unique=False,
    )
    op.create_table(
        "customer_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("customer_key", sa.String(32), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_customer_link_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_customer_link_enrollment_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_customer_link_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_link")),
        sa.UniqueConstraint(
            "brand_id", "program_id", "customer_key", name=op.f("uq_customer_link_brand_id_program_id_customer_key")
        ),
    )
    op.create_table(
        "enrollment_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
        sa.CheckConstraint(
            "state IN ('applied', 'active', 'rejected', 'suspended', 'left')",
            name=op.f("ck_enrollment_change_state_known"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_enrollment_change_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_enrollment_change_enrollment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment_change")),
    )
    op.create_index(
        "ix_enrollment_change_brand_id_enrollment_id",
        "enrollment_change",
        ["brand_id", "enrollment_id", "effective_at"],
        unique=False,
    )
    op.create_table(
        "group_membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_group_membership_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_group_membership_enrollment_id")),
        sa.ForeignKeyConstraint(["group_id"], ["ambassador_group.id"], name=op.f("fk_group_membership_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_membership")),
    )
    op.create_index(
        "ix_group_membership_brand_id_enrollment_id",
        "group_membership",
        ["brand_id", "enrollment_id", "effective_at"],
        unique=False,
    )
    op.create_table(
        "personal_rate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("reward", sa.String(40), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=True),
        sa.Column("promo_code_id", sa.Uuid(), nullable=True),
        sa.Column("product", sa.String(200), nullable=True),
        sa.Column("rate_bps", sa.Integer(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.String(120), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.CheckConstraint(
            "(enrollment_id IS NULL) <> (promo_code_id IS NULL)", name=op.f("ck_personal_rate_one_subject")
        ),
        sa.CheckConstraint(
            "rate_bps IS NULL OR rate_bps BETWEEN 0 AND 10000", name=op.f("ck_personal_rate_rate_bps_range")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_personal_rate_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_personal_rate_enrollment_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_personal_rate_program_id")),
        sa.ForeignKeyConstraint(["promo_code_id"], ["promo_code.id"], name=op.f("fk_personal_rate_promo_code_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_rate")),
    )
    op.create_index(
        "ix_personal_rate_brand_id_enrollment_id",
        "personal_rate",
        ["brand_id", "enrollment_id", "effective_at"],
        unique=False,
    )
    op.create_index(
        "ix_personal_rate_brand_id_promo_code_id",
        "personal_rate",
        ["brand_id", "promo_code_id", "effective_at"],
        unique=False,
    )
    op.create_table(
        "reward_scope",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("ambassador_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column("reward", sa.String(40), nullable=False),
        sa.Column("subject_kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(36), nullable=False),
        sa.Column("asset", sa.String(3), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("period", sa.String(7), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("booked_minor", sa.BigInteger(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("period_base_minor", sa.BigInteger(), nullable=False),
        sa.Column("period_accrued_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("hold_reason", sa.String(300), nullable=True),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'approved', 'settled')", name=op.f("ck_reward_scope_state_known")),
        sa.CheckConstraint("subject_kind IN ('order', 'period')", name=op.f("ck_reward_scope_subject_kind_known")),
        sa.ForeignKeyConstraint(["ambassador_id"], ["ambassador.id"], name=op.f("fk_reward_scope_ambassador_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_reward_scope_brand_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_reward_scope_enrollment_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_reward_scope_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_scope")),
        sa.UniqueConstraint(
            "brand_id",
            "enrollment_id",
            "reward",
            "subject",
            "asset",
            name=op.f("uq_reward_scope_brand_id_enrollment_id_reward_subject_asset"),
        ),
        *whole_numbers("booked_minor", "base_minor", "period_base_minor", "period_accrued_minor"),
    )
    op.create_index(
        "ix_reward_scope_approved",
        "reward_scope",
        ["brand_id", "asset", "ambassador_id"],
        unique=False,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_index("ix_reward_scope_brand_id_order_id", "reward_scope", ["brand_id", "order_id"], unique=False)
    op.create_index(
        "ix_reward_scope_dirty",
        "reward_scope",
        ["brand_id", "subject"],
        unique=False,
        sqlite_where=sa.text("dirty"),
        postgresql_where=sa.text("dirty"),
    )
    op.create_index(
        "ix_reward_scope_month",
        "reward_scope",
        ["brand_id", "enrollment_id", "reward", "period"],
        unique=False,
        sqlite_where=sa.text("period IS NOT NULL"),
        postgresql_where=sa.text("period IS NOT NULL"),
    )
    op.create_index(
        "ix_reward_scope_pending",
        "reward_scope",
        ["brand_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "commission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("ambassador_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("asset", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("explanation", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('accrual', 'reversal', 'correction', 'settlement')", name=op.f("ck_commission_reason_known")
        ),
        sa.ForeignKeyConstraint(["ambassador_id"], ["ambassador.id"], name=op.f("fk_commission_ambassador_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_commission_brand_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_commission_program_id")),
        sa.ForeignKeyConstraint(["scope_id"], ["reward_scope.id"], name=op.f("fk_commission_scope_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission")),
        sa.UniqueConstraint("brand_id", "scope_id", "seq", name=op.f("uq_commission_brand_id_scope_id_seq")),
        *whole_numbers("amount_minor"),
    )
    op.create_index(
        "ix_commission_brand_id_ambassador_id", "commission", ["brand_id", "ambassador_id", "id"], unique=False
    )
    op.create_table(
        "payout_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("commission_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_payout_line_brand_id")),
        sa.ForeignKeyConstraint(["commission_id"], ["commission.id"], name=op.f("fk_payout_line_commission_id")),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_payout_line_payout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_line")),
        *whole_numbers("amount_minor"),
    )
    op.create_index("ix_payout_line_payout_id", "payout_line", ["payout_id"], unique=False)
    op.create_index(
        "uq_payout_line_live",
        "payout_line",
        ["brand_id", "commission_id"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    forbid_change(
        "application",
        "audit_entry",
        "code_owner",
        "commerce_fact",
        "commission",
        "decision",
        "delivery",
        "enrollment_change",
        "group_membership",
        "ledger_account",
        "ledger_block",
        "ledger_entry",
        "ledger_transaction",
        "maturity_run",
        "notice",
        "payout_freeze",
        "personal_rate",
        "terms",
    )


def downgrade() -> None:
    """Refuse: before the first version there is nothing."""
    raise RuntimeError("There is no version before the first. Delete the database to start over.")
