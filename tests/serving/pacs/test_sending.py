import logging
import time
from dataclasses import replace

import pytest
from pacs_peers import Target, encoded, free_port, radiograph
from pydicom import uid
from pynetdicom import AE

from lungscope.serving.pacs.classification import Classification
from lungscope.serving.pacs.sending import Sending
from lungscope.serving.pacs.settings import Backoff, Peer
from lungscope.serving.pacs.spool import key_of

AT_ONCE = Backoff(first=0.0)


@pytest.fixture
def classified(classifier, store):
    """Classifies images and returns their keys."""
    classification = Classification(classifier, store, AT_ONCE, on_results=lambda: None)

    def classify(*sets):
        for each in sets:
            store.receive(each.SOPInstanceUID, [encoded(each)])
            assert classification.step()
        return [key_of(each.SOPInstanceUID) for each in sets]

    return classify


def test_results_arrive_and_the_files_go(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    assert Sending(settings, store).step()
    assert [each.Modality for each in target.came] == ["SR", "OT"]
    assert store.queue.get(key).state == "sent"
    assert store.spool.results(key) == []
    assert store.spool.keys() == set()


def test_what_is_sent_once_more_is_the_same_instance(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    store._keep = True
    Sending(settings, store).step()
    store.queue.set_state(key, "classified")  # the process died before it noted that it was sent
    Sending(settings, store).step()
    assert len(target.came) == 4
    assert len({each.SOPInstanceUID for each in target.came}) == 2


def test_an_unreachable_target_is_waited_for_and_everything_is_kept(
    classified, settings, store, caplog
):
    caplog.set_level(logging.INFO, "lungscope.pacs")
    port = free_port()
    keys = classified(radiograph(1), radiograph(2))
    waiting = replace(
        settings, target=Peer("PACS", "127.0.0.1", port), backoff=Backoff(first=0.4, longest=0.4)
    )
    sending = Sending(waiting, store)
    assert not sending.step()
    entries = [store.queue.get(key) for key in keys]
    assert {entry.state for entry in entries} == {"classified"}
    assert {entry.attempts for entry in entries} == {1}
    assert {entry.reason for entry in entries} == {f"PACS@127.0.0.1:{port} cannot be reached"}
    assert all(entry.due > time.time() for entry in entries)
    classified(radiograph(3))
    assert not sending.step()  # what is new does not wake the target
    assert store.queue.get(key_of(radiograph(3).SOPInstanceUID)).attempts == 0
    target = Target(port)
    time.sleep(0.5)
    assert sending.step()
    target.stop()
    assert store.queue.counts()["sent"] == 3
    assert len(target.reports) == 3


def test_a_target_that_refuses_is_tried_again_later(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    target.status = 0xA700
    sending = Sending(replace(settings, backoff=Backoff(first=0.2)), store)
    assert not sending.step()
    assert store.queue.get(key).reason == "the target answered 0xA700"
    assert not sending.step()
    target.status = 0x0000
    time.sleep(0.25)
    assert sending.step()


def test_a_warning_of_the_target_is_a_success(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    target.status = 0xB000
    Sending(settings, store).step()
    assert store.queue.get(key).state == "sent"


def test_one_instance_that_the_target_refuses_does_not_hold_up_the_others(
    classified, settings, store, target, monkeypatch
):
    first, second = classified(radiograph(1), radiograph(2))
    for path in store.spool.results(first):
        path.write_bytes(b"DICM" * 100)
    Sending(settings, store).step()
    assert store.queue.get(first).state == "classified"
    assert store.queue.get(second).state == "sent"


def test_an_instance_that_the_target_has_already_is_sent(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    target.status = 0x0111
    assert Sending(settings, store).step()
    assert [each.Modality for each in target.came] == ["SR", "OT"]
    assert store.queue.get(key).state == "sent"


def test_a_target_without_captures_or_with_no_name_is_logged(classified, settings, store):
    keys = classified(radiograph(1))
    reports = AE("PACS")
    reports.add_supported_context(uid.ComprehensiveSRStorage)
    server = reports.start_server(("127.0.0.1", 0), block=False)
    try:
        peer = Peer("PACS", "127.0.0.1", server.server_address[1])
        assert not Sending(replace(settings, target=peer), store).step()
    finally:
        server.shutdown()
    assert store.queue.get(keys[0]).reason.endswith(
        "does not accept Secondary Capture Image Storage"
    )
    nameless = Peer("PACS", "no-such-host.invalid", 104)
    store.queue.release_claims(5)  # due again
    assert not Sending(replace(settings, target=nameless), store).step()
    assert "no-such-host.invalid:104 cannot be reached" in store.queue.get(keys[0]).reason
