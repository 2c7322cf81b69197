import sqlite3
import time

import pytest

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.queue import FILE, Queue


def test_an_instance_goes_from_received_to_sent(queue):
    queue.add("a")
    assert queue.counts()["received"] == 1
    assert queue.claim().key == "a"
    queue.set_classified("a", "a model", ["2.25.1", "2.25.2"])
    assert [entry.key for entry in queue.due_to_send(10)] == ["a"]
    queue.set_state("a", "sent")
    assert queue.due_to_send(10) == []
    assert (queue.get("a").state, queue.get("a").model) == ("sent", "a model")
    assert queue.is_result("2.25.2")
    assert not queue.is_result("2.25.3")


def test_two_workers_never_get_the_same_instance(queue):
    queue.add("a")
    queue.add("b")
    assert {queue.claim().key, queue.claim().key} == {"a", "b"}
    assert queue.claim() is None


def test_what_is_put_off_is_not_due_before_its_time(queue):
    queue.add("a")
    queue.claim()
    queue.reschedule(["a"], time.time() + 0.2, "no reason", attempts=0)
    assert queue.claim() is None
    time.sleep(0.25)
    assert queue.claim().attempts == 2


def test_an_attempt_is_on_disk_before_it_begins(tmp_path):
    queue = Queue(tmp_path / FILE)
    queue.add("a")
    queue.claim()  # and here the process dies
    queue.close()
    later = Queue(tmp_path / FILE)
    assert later.get("a").attempts == 1
    assert later.claim() is None
    assert later.release_claims(5) == []
    assert later.claim().attempts == 2
    later.close()


def test_an_instance_that_ends_every_process_is_found_out(tmp_path):
    queue = Queue(tmp_path / FILE)
    queue.add("poison")
    queue.add("sound")
    for attempt in range(1, 4):
        assert queue.claim().key == "poison"
        assert queue.release_claims(3) == ([] if attempt < 3 else ["poison"])
    assert queue.get("poison").state == "failed"
    assert "crashed 3 times" in queue.get("poison").reason
    assert queue.claim().key == "sound"
    queue.close()


def test_what_comes_again_starts_anew(queue):
    queue.add("a")
    queue.claim()
    queue.set_state("a", "refused", "a reason")
    queue.add("a")
    entry = queue.claim()
    assert (entry.state, entry.attempts, entry.reason) == ("received", 1, None)


def test_numbers_are_kept_under_names(queue):
    assert queue.mark("orthanc") is None
    queue.set_mark("orthanc", 7)
    queue.set_mark("orthanc", 9)
    assert queue.mark("orthanc") == 9


def test_an_error_in_the_middle_leaves_no_transaction_open(queue):
    with pytest.raises(sqlite3.Error), queue._transaction() as run:
        run.execute("INSERT INTO instances (key) VALUES ('a')")
    queue.add("b")
    assert queue.get("a") is None


def test_commits_are_synced(queue):
    assert queue._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert queue._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_damaged_queue_is_refused_instead_of_counted_wrongly(tmp_path):
    path = tmp_path / "queue.sqlite"
    queue = Queue(path)
    for number in range(200):
        queue.add(f"{number:032x}")
    queue.close()
    content = bytearray(path.read_bytes())
    content[4096:6096] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(LungscopeError, match=r"damaged .* move this file away"):
        Queue(path)


def test_a_file_that_is_no_queue_or_another_version_s_is_refused(tmp_path):
    (tmp_path / "no.sqlite").write_bytes(b"no database at all, " * 100)
    with pytest.raises(LungscopeError, match=r"damaged .* move this file away"):
        Queue(tmp_path / "no.sqlite")
    later = sqlite3.connect(tmp_path / "later.sqlite")
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(LungscopeError, match="another version"):
        Queue(tmp_path / "later.sqlite")
