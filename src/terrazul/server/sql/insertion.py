"""INSERT … ON CONFLICT, which SQLite has from PostgreSQL, word for word: one construct speaks to both."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

__all__ = ["insert"]
