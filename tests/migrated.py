"""MLflow's migrations of a new SQLite database, run once in a process.

They are over a second of each fresh store, and always end in the same empty tables.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine


def empty_store() -> bytes:
    """A SQLite database that MLflow has just migrated from nothing."""
    import sqlalchemy
    from mlflow.store.db.utils import _initialize_tables

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mlflow.db")
        engine = sqlalchemy.create_engine(f"sqlite:///{path}")
        _initialize_tables(engine)
        engine.dispose()
        return path.read_bytes()


@cache
def copied_from_now_on() -> None:
    """Have MLflow copy `empty_store` where this process, or a fork, opens a new SQLite database."""
    import mlflow.store.db.utils as databases
    import mlflow.store.model_registry.sqlalchemy_store as registries
    import sqlalchemy

    migrate, empty = databases._initialize_tables, empty_store()

    def initialize(engine: Engine) -> None:
        if engine.dialect.name != "sqlite" or sqlalchemy.inspect(engine).get_table_names():
            migrate(engine)
            return
        with closing(sqlite3.connect(":memory:")) as source, closing(engine.raw_connection()) as to:
            source.deserialize(empty)
            source.backup(to.driver_connection)

    databases._initialize_tables = registries._initialize_tables = initialize
