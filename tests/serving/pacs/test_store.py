import errno
import logging
import os
import threading

import pytest
from pacs_peers import encoded, radiograph

from lungscope.serving.pacs.deliveries import Result
from lungscope.serving.pacs.recovery import recover
from lungscope.serving.pacs.revisions import split_file
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import NoSpace, Store

UID = "1.2.3"
KEY = key_of(UID)


def reopened(store, model="a model"):
    made = Store(store.spool, store.queue, model=model, targets=store.targets, free=0, keep=False)
    recover(made)
    return made


def classified(store, *uids, files=True):
    """Marks the instance as classified, with reports of some UIDs."""
    results = [Result(uid, "sr") for uid in uids]
    assert store.queue.set_classified(store.queue.claim(), "a model", results, store.targets)
    for uid in uids if files else ():
        store.spool.write_result(uid, b"a report")


def all_sent(store):
    for each in store.queue.deliveries.in_state("waiting"):
        store.queue.deliveries.mark_sent(each)
    store.settle(KEY)


def test_what_is_taken_is_a_file_and_a_row(store):
    assert store.receive(UID, [b"ab", memoryview(b"cd")])
    assert store.spool.image(KEY).read_bytes() == b"abcd"
    assert store.queue.get(KEY).state == "received"


def test_file_and_folder_are_synced_before_the_row_is_there(store, monkeypatch):
    steps = []
    monkeypatch.setattr(os, "fsync", lambda _: steps.append("sync"))
    monkeypatch.setattr(store.queue, "add", lambda *_: steps.append("row"))
    store.receive(UID, [b"a"])
    assert steps == ["sync", "sync", "row"]


def test_what_waits_is_not_taken_twice(store, caplog):
    caplog.set_level(logging.INFO, "lungscope.pacs")
    assert store.receive(UID, [b"one header", b"data"])
    assert not store.receive(UID, [b"another header", b"data"])
    assert store.spool.image(KEY).read_bytes() == b"one headerdata"
    assert f"{KEY[:12]} came again and is waiting already" in caplog.text


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


def test_what_this_model_answered_is_not_taken_again_but_by_another_it_is(store, caplog):
    caplog.set_level(logging.INFO, "lungscope.pacs")
    store.receive(UID, [b"a"])
    classified(store, "2.25.1")
    all_sent(store)
    assert not store.receive(UID, [b"a"])
    assert caplog.text.count(f"{KEY[:12]} came again and is already answered") == 1
    assert reopened(store, "another model").receive(UID, [b"a"])


def test_a_result_of_ours_is_never_taken(store):
    store.receive(UID, [b"a"])
    classified(store, "2.25.77")
    assert not store.receive("2.25.77", [b"an image"])
    assert store.is_known("2.25.77")


@pytest.mark.parametrize("end", [Store.refuse, Store.fail])
def test_what_was_refused_or_failed_may_come_again(store, end):
    store.receive(UID, [b"a"])
    end(store, store.queue.claim(), "a reason")
    assert store.receive(UID, [b"b"])
    assert store.queue.get(KEY).state == "received"


def test_files_go_when_results_are_sent_and_stay_when_it_failed(store):
    store.receive(UID, [b"a"])
    store.fail(store.queue.claim(), "a reason")
    assert store.spool.image(KEY).exists()
    store.receive(UID, [b"a"])
    classified(store, "2.25.1")
    assert store.spool.result("2.25.1").exists()
    all_sent(store)
    assert not store.spool.image(KEY).exists()
    assert store.spool.result_files() == []


def test_a_nearly_full_disk_takes_nothing(store, queue):
    full = Store(store.spool, queue, model="m", targets=(), free=2**62, keep=False)
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
    monkeypatch.setattr(store.queue, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
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
    classified(store, "2.25.1")
    for each in store.queue.deliveries.in_state("waiting"):
        store.queue.deliveries.mark_sent(each)  # and here the process dies
    reopened(store)
    assert not store.spool.image(KEY).exists()


def test_instances_whose_files_are_missing_fail(store):
    store.receive(UID, [b"a"])
    classified(store, "2.25.1", files=False)
    store.receive("1.2.4", [b"a"])
    store.spool.image(key_of("1.2.4")).unlink()
    again = reopened(store)
    assert again.queue.get(key_of("1.2.4")).state == "failed"
    assert again.queue.get(KEY).state == "received"  # its image is there: it is done anew


def test_another_image_under_a_known_uid_takes_the_place_of_the_first(store, caplog):
    store.receive(UID, [b"header", b"wrong"])
    classified(store, "2.25.1")
    assert store.receive(UID, [b"header", b"right"])
    (line,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert f"{KEY[:12]}: the image has changed under its SOP Instance UID" in line.message
    assert store.spool.image(KEY).read_bytes() == b"headerright"
    assert (store.queue.get(KEY).state, store.queue.get(KEY).revision) == ("received", 2)
    assert store.queue.deliveries.in_state("waiting") == []  # the wrong answer is not sent


def test_a_correction_of_what_is_being_classified_is_not_lost(store):
    store.receive(UID, [b"wrong"])
    claimed = store.queue.claim()
    store.receive(UID, [b"right"])
    store.refuse(claimed, "a reason")
    assert store.spool.image(KEY).read_bytes() == b"right"
    assert store.queue.claim().revision == 2


def test_an_instance_whose_row_is_lost_is_still_told_from_its_correction(store):
    made = encoded(radiograph())
    store.receive(UID, split_file(made))
    before = store.queue.get(KEY).content
    store.queue.database.value("DELETE FROM instances RETURNING key")
    assert reopened(store).queue.get(KEY).content == before
