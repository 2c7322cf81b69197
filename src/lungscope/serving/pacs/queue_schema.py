"""The tables of the queue, and how those of earlier versions become them."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from lungscope.atomic import atomic_file
from lungscope.errors import InvalidData

log = logging.getLogger("lungscope.pacs")

MIGRATIONS = (
    # 1: lungscope 0.1.0
    """
    CREATE TABLE instances (
        key TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        received REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due REAL NOT NULL DEFAULT 0,
        claimed INTEGER NOT NULL DEFAULT 0,
        reason TEXT,
        model TEXT
    ) WITHOUT ROWID;
    CREATE INDEX instances_by_due ON instances (state, due, received);
    CREATE TABLE results (uid TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    """,
    # 2: the content of an instance; results and their deliveries, each in rows of their own
    """
    ALTER TABLE instances ADD COLUMN content TEXT;
    ALTER TABLE instances ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE results ADD COLUMN key TEXT;
    ALTER TABLE results ADD COLUMN kind TEXT;
    ALTER TABLE results ADD COLUMN content TEXT;
    ALTER TABLE results ADD COLUMN model TEXT;
    ALTER TABLE results ADD COLUMN place TEXT;
    ALTER TABLE results ADD COLUMN made REAL;
    ALTER TABLE results ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX results_by_key ON results (key);
    CREATE TABLE deliveries (
        uid TEXT NOT NULL,
        target TEXT NOT NULL,
        key TEXT NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        made REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        refusals INTEGER NOT NULL DEFAULT 0,
        due REAL NOT NULL DEFAULT 0,
        reason TEXT,
        PRIMARY KEY (uid, target)
    ) WITHOUT ROWID;
    CREATE INDEX deliveries_by_due ON deliveries (state, target, due, made);
    CREATE INDEX deliveries_by_key ON deliveries (key);
    CREATE TABLE conditions (
        name TEXT PRIMARY KEY,
        good REAL,
        bad REAL,
        error TEXT,
        due REAL NOT NULL DEFAULT 0,
        details TEXT NOT NULL DEFAULT '{}'
    ) WITHOUT ROWID;
    CREATE TABLE unreadable (
        identifier TEXT PRIMARY KEY,
        stored REAL NOT NULL,
        attempts INTEGER NOT NULL,
        due REAL NOT NULL,
        reason TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
)
"""The statements that lead from each format to the next; a new file goes through all of them."""

VERSION = len(MIGRATIONS)


def prepare(connection: sqlite3.Connection, path: Path, *, migrate: bool) -> None:
    """Makes the tables of a new file, or brings those of an earlier format up to date.

    Before a migration the file is copied aside. The migration is one transaction: a crash leaves
    the earlier format or this one.

    Args:
        connection: an open connection without a transaction.
        path: the file that is open.
        migrate: whether an earlier format is brought up to date; only for who holds the spool.

    Raises:
        InvalidData: made by a newer version; or by an earlier one, and `migrate` is off.
        Inaccessible: the copy can't be written.
        sqlite3.Error: the file can't be used.
    """
    found = version_of(connection)
    if found == VERSION:  # write nothing: `status` opens it while a node works
        return
    if found > VERSION:
        raise InvalidData(
            f"{path}: made by a newer lungscope (format {found}, this one reads up to {VERSION}); "
            "install that version again, or give another spool"
        )
    if found and not migrate:
        raise InvalidData(
            f"{path}: made by an earlier lungscope (format {found}, this one reads {VERSION}); "
            "start lungscope pacs run on it once, which brings it up to date"
        )
    if found:
        backup = backup_path(path, found)
        _copy(connection, backup)
        log.info("queue of format %d becomes format %d; a copy is in %s", found, VERSION, backup)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # again: another process may have made the tables in the meantime
        for statements in MIGRATIONS[version_of(connection) :]:
            for statement in filter(str.strip, statements.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """Returns the format of a file; 0 of a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def backup_path(path: Path, version: int) -> Path:
    """Returns where the copy of an earlier format is kept."""
    return path.with_name(f"{path.name}.format-{version}")


def _copy(connection: sqlite3.Connection, backup: Path) -> None:
    with atomic_file(backup) as partial, closing(sqlite3.connect(partial)) as copy:
        connection.backup(copy)
