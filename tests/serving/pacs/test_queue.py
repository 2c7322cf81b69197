import sqlite3
import time

import pytest

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.deliveries import Result
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.settings import Target

PACS = Target.parse("PACS@127.0.0.1:104")


def test_an_instance_goes_from_received_to_sent(queue):
    queue.add("a")
    assert queue.counts()["received"] == 1
    assert queue.claim().key == "a"
    assert queue.set_classified(queue.get("a"), "a model", [Result("2.25.1", "sr")], [PACS])
    (delivery,) = queue.deliveries.due(PACS.name, 10)
    assert queue.settle("a") is None  # it still waits
    queue.deliveries.mark_sent(delivery)
    assert queue.settle("a") == "sent"
    assert queue.deliveries.due(PACS.name, 10) == []
    assert (queue.get("a").state, queue.get("a").model) == ("sent", "a model")


def test_a_corrected_instance_is_a_new_revision(queue):
    queue.add("a", "one content")
    assert queue.get("a").revision == 1
    queue.add("a", "one content")
    assert queue.get("a").revision == 1
    queue.add("a", "another")
    assert (queue.get("a").revision, queue.get("a").content) == (2, "another")


def test_work_on_what_was_corrected_or_dropped_meanwhile_changes_nothing(queue):
    queue.add("a", "one content")
    entry = queue.claim()
    queue.add("a", "another")
    assert queue.claim().content == "another"
    assert not queue.set_classified(entry, "a model", [Result("2.25.1", "sr")], [PACS])
    assert not queue.give_up(entry, "refused", "a reason")
    queue.reschedule(entry, 4e9, "a reason", attempts=0)
    assert (queue.get("a").state, queue.get("a").due) == ("received", 0)
    queue.remove("a")
    assert not queue.give_up(entry, "refused", "a reason")
    assert queue.get("a") is None


def test_a_clock_that_is_set_back_holds_up_nothing(queue):
    """What is due later than the longest delay from now was put off by another clock."""
    queue.add("a", "a content")
    queue.reschedule(queue.claim(), time.time() + 2 * 86400, "a reason", attempts=0)
    assert queue.claim().key == "a"
    queue.set_classified(queue.get("a"), "a model", [Result("2.25.1", "sr")], [PACS])
    deliveries = queue.deliveries.due(PACS.name, 10)
    queue.deliveries.delay(deliveries, time.time() + 2 * 86400, "a reason")
    assert len(queue.deliveries.due(PACS.name, 10)) == 1


def test_two_workers_never_get_the_same_instance(queue):
    queue.add("a")
    queue.add("b")
    assert {queue.claim().key, queue.claim().key} == {"a", "b"}
    assert queue.claim() is None


def test_what_is_put_off_is_not_due_before_its_time(queue):
    queue.add("a")
    queue.reschedule(queue.claim(), time.time() + 0.2, "no reason", attempts=0)
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
    with pytest.raises(sqlite3.Error), queue.database.transaction() as run:
        run.execute("INSERT INTO instances (key) VALUES ('a')")
    queue.add("b")
    assert queue.get("a") is None


def test_commits_are_synced(queue):
    assert queue.database.value("PRAGMA synchronous") == 2
    assert queue.database.value("PRAGMA journal_mode") == "wal"


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
        Queue(path, migrate=True)


def test_a_file_that_is_no_queue_is_refused(tmp_path):
    (tmp_path / "no.sqlite").write_bytes(b"no database at all, " * 100)
    with pytest.raises(LungscopeError, match=r"damaged .* move this file away"):
        Queue(tmp_path / "no.sqlite")
