import logging
import time
from dataclasses import replace

import pytest
from pacs_peers import Target, encoded, free_port, radiograph
from pydicom import uid

from lungscope.serving.pacs.classification import Classification
from lungscope.serving.pacs.sending import MOST_REFUSALS, Sending
from lungscope.serving.pacs.settings import Backoff
from lungscope.serving.pacs.settings import Target as ResultTarget
from lungscope.serving.pacs.spool import key_of

AT_ONCE = Backoff(first=0.0)


def sending(settings, store, number=0):
    """Sends to a target of the settings, and addresses what waits to all of them."""
    store.targets = settings.targets
    store.queue.deliveries.readdress(settings.targets)
    return Sending(settings, settings.targets[number], store)


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
    assert sending(settings, store).step()
    assert [each.Modality for each in target.came] == ["SR", "OT"]
    assert store.queue.get(key).state == "sent"
    assert store.spool.result_files() == []
    assert store.spool.keys() == set()


def test_what_is_sent_once_more_is_the_same_instance(classified, settings, store, target):
    classified(radiograph(bright="left"))
    store.keep = True
    sending(settings, store).step()
    # the process died before it noted that they were sent
    store.queue.database.value("UPDATE deliveries SET state = 'waiting' RETURNING key")
    sending(settings, store).step()
    assert len(target.came) == 4
    assert len({each.SOPInstanceUID for each in target.came}) == 2


def test_an_unreachable_target_is_waited_for_and_everything_is_kept(
    classified, settings, store, caplog
):
    caplog.set_level(logging.INFO, "lungscope.pacs")
    port = free_port()
    keys = classified(radiograph(1), radiograph(2))
    waiting = replace(
        settings,
        targets=(ResultTarget.parse(f"PACS@127.0.0.1:{port}"),),
        backoff=Backoff(first=0.8, longest=0.8),
    )
    one = sending(waiting, store)
    assert not one.step()
    assert {store.queue.get(key).state for key in keys} == {"classified"}
    entries = [each for key in keys for each in store.queue.deliveries.of(key)]
    assert {entry.attempts for entry in entries} == {1}
    assert {entry.reason for entry in entries} == {
        f"PACS@127.0.0.1:{port} cannot be reached (Connection refused)"
    }
    assert all(entry.due > time.time() for entry in entries)
    (new,) = classified(radiograph(3))
    assert not one.step()  # what is new does not wake the target
    assert {each.attempts for each in store.queue.deliveries.of(new)} == {0}
    target = Target(port)
    time.sleep(0.9)
    assert one.step()
    target.stop()
    assert store.queue.counts()["sent"] == 3
    assert len(target.reports) == 3


def test_a_target_that_refuses_is_tried_again_later(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    target.status = 0xA700
    one = sending(replace(settings, backoff=Backoff(first=0.2)), store)
    assert not one.step()
    name = settings.targets[0].name
    reasons = [each.reason for each in store.queue.deliveries.of(key)]
    assert reasons == [f"{kind} to {name}: it answered 0xA700" for kind in ("picture", "sr")]
    assert not one.step()
    target.status = 0x0000
    time.sleep(0.25)
    assert one.step()


def test_a_warning_of_the_target_is_a_success(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    target.status = 0xB000
    sending(settings, store).step()
    assert store.queue.get(key).state == "sent"


def test_one_instance_that_the_target_refuses_does_not_hold_up_the_others(
    classified, settings, store, target, monkeypatch
):
    first, second = classified(radiograph(1), radiograph(2))
    for each in store.queue.deliveries.of(first):
        store.spool.result(each.uid).write_bytes(b"DICM" * 100)
    sending(settings, store).step()
    assert store.queue.get(first).state == "classified"
    assert store.queue.get(second).state == "sent"


def test_an_instance_that_the_target_has_already_is_sent(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    target.status = 0x0111
    assert sending(settings, store).step()
    assert [each.Modality for each in target.came] == ["SR", "OT"]
    assert store.queue.get(key).state == "sent"


@pytest.fixture
def reports_only():
    """A target that takes reports and no pictures."""
    made = Target(kinds=[uid.ComprehensiveSRStorage])
    yield made
    made.stop()


def test_each_result_is_sent_once_even_if_the_target_refuses_the_other(
    classified, settings, store, reports_only
):
    """The report came again with each attempt at the picture, without end."""
    (key,) = classified(radiograph(bright="left"))
    one = sending(replace(settings, targets=(reports_only.named(),), backoff=AT_ONCE), store)
    for _ in range(MOST_REFUSALS + 3):
        one.step()
    assert len(reports_only.came) == 1
    picture, report = store.queue.deliveries.of(key)
    assert (report.state, picture.state) == ("sent", "failed")
    assert picture.reason == (
        f"picture to {reports_only.named().name}: it does not accept Secondary Capture Image "
        "Storage"
    )
    assert (store.queue.get(key).state, store.queue.get(key).reason) == ("failed", picture.reason)
    assert store.spool.result(picture.uid).exists()  # for `pacs retry`


@pytest.mark.parametrize("status", [0xA900, 0xC123, 0x0122])
def test_a_refusal_for_good_ends_after_a_few_attempts(classified, settings, store, target, status):
    (key,) = classified(radiograph(bright="left"))
    target.status = status
    one = sending(replace(settings, backoff=AT_ONCE), store)
    for _ in range(MOST_REFUSALS + 3):
        one.step()
    assert len(target.came) == 2 * MOST_REFUSALS
    assert {each.state for each in store.queue.deliveries.of(key)} == {"failed"}
    assert f"0x{status:04X}" in store.queue.get(key).reason


def test_a_target_that_takes_no_pictures_is_sent_none(classified, settings, store, target):
    (key,) = classified(radiograph(bright="left"))
    assert sending(replace(settings, targets=(target.named("sr"),)), store).step()
    assert [each.Modality for each in target.came] == ["SR"]
    assert store.queue.get(key).state == "sent"


def test_several_targets_have_what_each_takes_and_wait_for_none(
    classified, settings, store, target
):
    away = ResultTarget.parse(f"AWAY@127.0.0.1:{free_port()}=picture")
    both = replace(settings, targets=(target.named("sr"), away))
    store.targets = both.targets
    (key,) = classified(radiograph(bright="left"))
    assert not sending(both, store, 1).step()
    assert sending(both, store, 0).step()
    assert [each.Modality for each in target.came] == ["SR"]
    assert store.queue.get(key).state == "classified"
    assert [(each.target, each.state) for each in store.queue.deliveries.of(key)] == [
        (away.name, "waiting"),
        (target.named().name, "sent"),
    ]


def test_what_waits_for_a_target_that_has_moved_goes_to_the_new_one(
    classified, settings, store, target
):
    store.targets = (ResultTarget.parse("PACS@127.0.0.1:1"),)
    (key,) = classified(radiograph(bright="left"))
    assert sending(settings, store).step()
    assert len(target.came) == 2
    assert store.queue.get(key).state == "sent"


def test_results_whose_files_are_gone_fail_and_hold_up_nothing(classified, settings, store, target):
    first, second = classified(radiograph(1), radiograph(2))
    for each in store.queue.deliveries.of(first):
        store.spool.result(each.uid).unlink()
    sending(settings, store).step()
    assert "its file is missing" in store.queue.get(first).reason
    assert store.queue.get(second).state == "sent"


def test_a_target_without_a_known_name_is_logged(classified, settings, store):
    (key,) = classified(radiograph(1))
    nameless = ResultTarget.parse("PACS@no-such-host.invalid:104")
    assert not sending(replace(settings, targets=(nameless,)), store).step()
    for each in store.queue.deliveries.of(key):
        assert "no-such-host.invalid:104 cannot be reached" in each.reason
