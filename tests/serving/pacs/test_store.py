import errno
import os
import threading

import pytest

from lungscope.serving.pacs.spool import Spool, key_of
from lungscope.serving.pacs.store import NoSpace, Store

UID = "1.2.3"
KEY = key_of(UID)


def reopened(store, model="a model"):
    return Store(Spool(store.spool.folder), store.queue, model=model, free=0, keep=False)


def test_what_is_taken_is_a_file_and_a_row(store):
    assert store.receive(UID, [b"ab", memoryview(b"cd")])
    assert store.spool.image(KEY).read_bytes() == b"abcd"
    assert store.queue.get(KEY).state == "received"


def test_file_and_folder_are_synced_before_the_row_is_there(store, monkeypatch):
    steps = []
    monkeypatch.setattr(os, "fsync", lambda _: steps.append("sync"))
    monkeypatch.setattr(store.queue, "add", lambda _: steps.append("row"))
    store.receive(UID, [b"a"])
    assert steps == ["sync", "sync", "row"]


def test_what_waits_is_not_taken_twice(store):
    assert store.receive(UID, [b"first"])
    assert not store.receive(UID, [b"again"])
    assert store.spool.image(KEY).read_bytes() == b"first"


def test_what_comes_twice_at_once_is_taken_once(store):
    meet = threading.Barrier(8)
    taken = []

    def take():
        meet.wait()
        taken.append(store.receive(UID, [b"a"]))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]
    assert [path.name for path in store.spool.image(KEY).parent.iterdir()] == [f"{KEY}.dcm"]


def test_what_this_model_answered_is_not_taken_again_but_by_another_it_is(store):
    store.receive(UID, [b"a"])
    store.queue.set_classified(KEY, "a model", ["2.25.1"])
    store.mark_sent(KEY)
    assert not store.receive(UID, [b"a"])
    assert reopened(store, "another model").receive(UID, [b"a"])


def test_a_result_of_ours_is_never_taken(store):
    store.receive(UID, [b"a"])
    store.queue.set_classified(KEY, "a model", ["2.25.77"])
    assert not store.receive("2.25.77", [b"an image"])
    assert store.is_known("2.25.77")


@pytest.mark.parametrize("end", [Store.refuse, Store.fail])
def test_what_was_refused_or_failed_may_come_again(store, end):
    store.receive(UID, [b"a"])
    end(store, KEY, "a reason")
    assert store.receive(UID, [b"b"])
    assert store.queue.get(KEY).state == "received"


def test_files_go_when_results_are_sent_and_stay_when_it_failed(store):
    store.receive(UID, [b"a"])
    store.spool.write_result(KEY, "report", b"r")
    store.fail(KEY, "a reason")
    assert store.spool.image(KEY).exists()
    store.mark_sent(KEY)
    assert not store.spool.image(KEY).exists()
    assert store.spool.results(KEY) == []


def test_a_nearly_full_disk_takes_nothing(store, queue):
    full = Store(store.spool, queue, model="m", free=2**62, keep=False)
    with pytest.raises(NoSpace):
        full.receive(UID, [b"a"])
    assert queue.get(KEY) is None


def test_a_full_disk_leaves_nothing_behind(store, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.receive(UID, [b"a"])
    monkeypatch.undo()
    assert list(store.spool.image(KEY).parent.iterdir()) == []
    assert store.queue.get(KEY) is None


def test_a_crash_between_file_and_row_loses_nothing(store, monkeypatch):
    monkeypatch.setattr(store.queue, "add", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.receive(UID, [b"a"])
    monkeypatch.undo()
    assert reopened(store).queue.get(KEY).state == "received"


def test_a_crash_in_the_middle_of_a_file_leaves_none(store):
    partial = store.spool.write_partial([b"half"])
    reopened(store)
    assert not partial.exists()


def test_a_crash_after_sending_leaves_no_pixels(store):
    store.receive(UID, [b"a"])
    store.queue.set_classified(KEY, "a model", [])
    store.queue.set_state(KEY, "sent")  # and here the process dies
    reopened(store)
    assert not store.spool.image(KEY).exists()


def test_instances_whose_files_are_missing_fail(store):
    store.receive("1.2.4", [b"a"])
    store.receive(UID, [b"a"])
    store.spool.image(key_of("1.2.4")).unlink()
    store.queue.set_classified(KEY, "a model", [])
    again = reopened(store)
    assert again.queue.get(key_of("1.2.4")).state == "failed"
    assert again.queue.get(KEY).state == "received"  # its image is there: it is done anew
