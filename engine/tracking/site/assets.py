"""Pictures: taken in, kept once, handed out."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select

from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.tracking.site.pictures import EXTENSIONS, Encoded, encoded
from engine.tracking.site.tables import Asset, AssetKind

_ASSET: Final = table_of(Asset)


@dataclass(frozen=True, slots=True)
class PictureRef:
    """A picture by its address and its size in pixels, for a page that shows it."""

    id: UUID
    kind: AssetKind
    extension: str
    width: int
    height: int
    created_by: str

    @property
    def path(self) -> str:
        """Where it is served, from the root of the installation."""
        return f"/media/{self.id}.{self.extension}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its bytes. It never changes: another one has another id."""

    content_type: str
    extension: str
    sha256: str
    body: bytes


def store_picture(unit: UnitOfWork, brand_id: UUID, *, body: bytes, kind: AssetKind, by: str) -> PictureRef:
    """Keep the picture in a file that somebody sent, drawn anew, and return it; the same one of theirs is kept once.

    Raises:
        PictureRefusedError: the file is no picture that can be kept.
    """
    return keep_picture(unit, brand_id, drawn=encoded(body, kind=kind), kind=kind, by=by)


def keep_picture(unit: UnitOfWork, brand_id: UUID, *, drawn: Encoded, kind: AssetKind, by: str) -> PictureRef:
    """Keep a picture that was drawn already; drawing takes a while, and on SQLite nobody else writes meanwhile."""
    known = _mine(unit, brand_id, kind=kind, sha256=drawn.sha256, by=by)
    if known is not None:
        return known
    asset = Asset(
        brand_id=brand_id,
        kind=kind.value,
        content_type=drawn.content_type,
        width=drawn.width,
        height=drawn.height,
        sha256=drawn.sha256,
        body=drawn.body,
        created_at=unit.now,
        created_by=by[:120],
    )
    unit.session.add(asset)
    unit.session.flush()
    extension = EXTENSIONS[drawn.content_type]
    return PictureRef(asset.id, kind, extension, drawn.width, drawn.height, asset.created_by)


def picture(unit: UnitOfWork, asset_id: UUID) -> Picture | None:
    """Return a picture of whatever brand, or None: whoever knows its id may see it. Index: pk_asset."""
    columns = (_ASSET.c.content_type, _ASSET.c.sha256, _ASSET.c.body)
    row = unit.execute(select(*columns).where(_ASSET.c.id == asset_id)).one_or_none()
    return Picture(row.content_type, EXTENSIONS[row.content_type], row.sha256, row.body) if row else None


def picture_refs(unit: UnitOfWork, brand_id: UUID, *, asset_ids: set[UUID]) -> dict[UUID, PictureRef]:
    """Return those of these pictures that the brand has, without their bytes. Index: pk_asset."""
    if not asset_ids:
        return {}
    rows = unit.execute(_refs().where(_ASSET.c.brand_id == brand_id, _ASSET.c.id.in_(asset_ids)))
    return {row.id: _ref(row) for row in rows}


def _mine(unit: UnitOfWork, brand_id: UUID, *, kind: AssetKind, sha256: str, by: str) -> PictureRef | None:
    """Return what the same hand sent before. Index: ix_asset_brand_id_sha256."""
    same = (_ASSET.c.brand_id == brand_id, _ASSET.c.sha256 == sha256)
    found = _refs().where(*same, _ASSET.c.kind == kind.value, _ASSET.c.created_by == by[:120])
    row = unit.execute(found.order_by(_ASSET.c.id).limit(1)).one_or_none()
    return _ref(row) if row else None


def _refs() -> Select[Any]:
    names = ("id", "kind", "content_type", "width", "height", "created_by")
    return select(*(_ASSET.c[name] for name in names))


def _ref(row: Any) -> PictureRef:
    return PictureRef(row.id, AssetKind(row.kind), EXTENSIONS[row.content_type], row.width, row.height, row.created_by)
