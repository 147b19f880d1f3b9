"""The table of what brands told their plugins."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import BrandRow


class PluginSetting(BrandRow, table=True):
    """A brand's settings of one plugin: a JSON document, encrypted as a whole."""

    __tablename__ = "plugin_setting"
    __table_args__ = (UniqueConstraint("brand_id", "plugin"),)

    plugin: str = Field(max_length=40)
    document_encrypted: str
    updated_at: datetime
