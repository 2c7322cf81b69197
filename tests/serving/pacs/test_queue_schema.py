import os
import sqlite3

import pytest
from pacs_peers import encoded, radiograph
from pydicom import dcmread
from test_classification import AT_ONCE

from lungscope.errors import InvalidData, LungscopeError
from lungscope.serving.pacs import queue_schema
from lungscope.serving.pacs.classification import Classification
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.queue_schema import MIGRATIONS, VERSION, backup_path
from lungscope.serving.pacs.recovery import recover
from lungscope.serving.pacs.settings import Target
from lungscope.serving.pacs.spool import Spool, key_of
from lungscope.serving.pacs.store import Store

OF_0_1_0 = """
CREATE TABLE IF NOT EXISTS instances (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    received REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    claimed INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    model TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instances_by_due ON instances (state, due, received);
CREATE TABLE IF NOT EXISTS results (uid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
"""The statements of lungscope 0.1.0."""


@pytest.fixture
def old(tmp_path):
    """A queue of 0.1.0: an instance in each state, two results, and a mark."""
    path = tmp_path / FILE
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = WAL;" + OF_0_1_0)
    for number, state in enumerate(("received", "classified", "sent", "refused", "failed")):
        connection.execute(
            "INSERT INTO instances (key, state, received, model) VALUES (?, ?, ?, 'a model')",
            (key_of(str(number)), state, 1e9 + number),
        )
    connection.executemany("INSERT INTO results VALUES (?)", [("2.25.1",), ("2.25.2",)])
    connection.execute("INSERT INTO marks VALUES ('orthanc', 1234)")
    connection.commit()
    connection.close()
    return path


def test_a_queue_of_0_1_0_is_brought_up_to_date_with_all_that_it_holds(old):
    queue = Queue(old, migrate=True)
    assert set(queue.counts().values()) == {1}
    entry = queue.get(key_of("2"))
    assert (entry.state, entry.received, entry.model) == ("sent", 1e9 + 2, "a model")
    assert (entry.content, entry.revision) == (None, 1)
    assert queue.deliveries.is_result("2.25.2")
    assert queue.mark("orthanc") == 1234
    queue.close()
    Queue(old).close()  # once is enough


def test_a_copy_of_the_file_is_kept(old):
    Queue(old, migrate=True).close()
    copy = sqlite3.connect(backup_path(old, 1))
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert copy.execute("SELECT count(*) FROM instances").fetchone() == (5,)
    copy.close()


def test_without_room_for_the_copy_nothing_is_changed(old, monkeypatch):
    def full(_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("lungscope.atomic.sync_file", full)
    with pytest.raises(LungscopeError, match="No space left"):
        Queue(old, migrate=True)
    monkeypatch.undo()
    assert not backup_path(old, 1).exists()
    assert [path.name for path in old.parent.iterdir() if ".partial" in path.name] == []
    Queue(old, migrate=True).close()


def test_a_migration_that_is_interrupted_leaves_the_earlier_format(old, monkeypatch):
    broken = (MIGRATIONS[0], MIGRATIONS[1] + "; CREATE TABLE instances (key TEXT)")
    monkeypatch.setattr(queue_schema, "MIGRATIONS", broken)
    with pytest.raises(LungscopeError):
        Queue(old, migrate=True)
    monkeypatch.undo()
    queue = Queue(old, migrate=True)
    assert queue.counts()["sent"] == 1
    queue.close()


def test_a_new_file_and_a_migrated_one_have_the_same_tables(old, tmp_path):
    def tables(path):
        queue = Queue(path, migrate=True)
        found = [
            (name, queue.database.rows(f"PRAGMA table_info({name})"))
            for (name,) in queue.database.rows("SELECT name FROM sqlite_master ORDER BY name")
        ]
        queue.close()
        return found

    assert tables(old) == tables(tmp_path / "new.sqlite")


def test_only_the_node_migrates(old):
    with pytest.raises(InvalidData, match=r"earlier lungscope \(format 1.* pacs run on it once"):
        Queue(old)
    assert not backup_path(old, 1).exists()


@pytest.mark.parametrize("migrate", [True, False])
def test_a_queue_of_a_newer_version_is_refused_and_left_alone(tmp_path, migrate):
    path = tmp_path / FILE
    later = sqlite3.connect(path)
    later.execute(f"PRAGMA user_version = {VERSION + 97}")
    later.close()
    before = path.read_bytes()
    with pytest.raises(InvalidData, match="made by a newer lungscope"):
        Queue(path, migrate=migrate)
    assert path.read_bytes()[100:] == before[100:]


def test_results_that_0_1_0_made_are_sent_under_the_uids_that_they_have(
    tmp_path, classifier, store
):
    """The target may have some of them already."""
    made = radiograph(bright="left")
    key = key_of(made.SOPInstanceUID)
    store.receive(made.SOPInstanceUID, [encoded(made)])
    Classification(classifier, store, AT_ONCE, on_results=lambda: None).step()
    before = {}
    for path in store.spool.result_files():
        uid, kind = dcmread(path).SOPInstanceUID, dcmread(path).Modality
        before[uid] = kind
        path.rename(path.with_name(f"{key}-{'report' if kind == 'SR' else 'capture'}.dcm"))
    old = tmp_path / "old.sqlite"
    connection = sqlite3.connect(old)
    connection.executescript(OF_0_1_0)
    connection.execute(
        "INSERT INTO instances (key, state, received, model) VALUES (?, 'classified', 1, 'm')",
        (key,),
    )
    connection.executemany("INSERT INTO results VALUES (?)", [(uid,) for uid in before])
    connection.commit()
    connection.close()
    queue = Queue(old, migrate=True)
    target = Target.parse("PACS@127.0.0.1:104")
    again = Store(
        Spool(store.spool.folder), queue, model="m", targets=(target,), free=0, keep=False
    )
    recover(again)
    due = queue.deliveries.due(target.name, 10)
    assert {each.uid: each.kind for each in due} == {
        uid: "sr" if kind == "SR" else "picture" for uid, kind in before.items()
    }
    assert all(again.spool.result(each.uid).exists() for each in due)
    queue.close()


def test_an_image_that_0_1_0_answered_is_answered_anew_when_it_is_sent_again(old, tmp_path):
    """Its content was not recorded, so nobody can tell it from a correction."""
    queue = Queue(old, migrate=True)
    store = Store(Spool(tmp_path / "spool"), queue, model="a model", targets=(), free=0, keep=False)
    assert store.is_known("2")
    assert store.receive("2", [b"data"])
    queue.close()
