"""Alembic migrations. They never import the engine: a migration must mean the same for ever."""
