import time

import pytest

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.deliveries import Result
from lungscope.serving.pacs.maintenance import drop, find_failures, retry
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.selection import Selection
from lungscope.serving.pacs.settings import Target
from lungscope.serving.pacs.spool import Spool, key_of

PACS = Target.parse("PACS@127.0.0.1:104")
UIDS = {name: f"1.2.{number}" for number, name in enumerate(("lost", "crashed", "refused", "done"))}
KEYS = {name: key_of(uid) for name, uid in UIDS.items()}


@pytest.fixture
def folder(tmp_path):
    """A spool: classification failed without and with a file, a refused result, a sent one."""
    folder = tmp_path / "spool"
    spool, queue = Spool(folder), Queue(tmp_path / "spool" / FILE)
    for name in ("lost", "crashed"):
        queue.add(KEYS[name], "a content")
        queue.give_up(queue.claim(), "failed", "classification raised Panic")
    spool.image(KEYS["crashed"]).write_bytes(b"an image")
    for name in ("refused", "done"):
        queue.add(KEYS[name], "a content")
        result = Result(f"2.25.{name == 'done':d}", "sr")
        queue.set_classified(queue.claim(), "a model", [result], [PACS])
        spool.write_result(result.uid, b"a report")
        (delivery,) = queue.deliveries.of(KEYS[name])
        if name == "done":
            queue.deliveries.mark_sent(delivery)
        else:
            queue.deliveries.fail(delivery, f"sr to {PACS.name}: it answered 0xC000")
        queue.settle(KEYS[name])
    queue.close()
    return folder


@pytest.fixture
def queue(folder):
    made = Queue(folder / FILE)
    yield made
    made.close()


def test_failures_are_instances_and_results(folder):
    found = find_failures(folder)
    assert [each.key for each in found.instances] == [KEYS["lost"], KEYS["crashed"]]
    assert [(each.key, each.kind, each.target) for each in found.deliveries] == [
        (KEYS["refused"], "sr", PACS.name)
    ]


def test_what_failed_is_due_again_and_what_has_no_file_is_told(folder, queue):
    queue.conditions.fail(PACS.name, "cannot be reached", time.time() + 900)
    again, gone = retry(folder, Selection())
    assert set(again) == {KEYS["crashed"], KEYS["refused"]}
    assert gone == [KEYS["lost"]]
    assert queue.claim().key == KEYS["crashed"]
    assert [each.key for each in queue.deliveries.due(PACS.name, 9)] == [KEYS["refused"]]
    assert queue.deliveries.due(PACS.name, 9)[0].refusals == 0
    assert queue.get(KEYS["refused"]).state == "classified"
    assert queue.get(KEYS["done"]).state == "sent"
    assert queue.conditions.may_try(PACS.name)


def test_a_drop_removes_rows_and_files_and_remembers_whose_results_they_were(folder, queue):
    assert drop(folder, Selection(keys=(KEYS["refused"][:12],))) == [KEYS["refused"]]
    assert queue.get(KEYS["refused"]) is None
    assert find_failures(folder).deliveries == []
    assert not Spool(folder).result("2.25.0").exists()
    assert queue.deliveries.is_result("2.25.0")
    assert queue.deliveries.edition(KEYS["refused"]) == 1


def test_a_dry_run_removes_nothing(folder, queue):
    assert len(drop(folder, Selection(states=("failed",)), dry_run=True)) == 3
    assert queue.counts()["failed"] == 3


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(keys=(UIDS["done"],)), {"done"}),
        (Selection(states=("failed",)), {"lost", "crashed", "refused"}),
        (Selection(states=("sent", "failed")), set(KEYS)),
        (Selection(reason="0xC000"), {"refused"}),
        (Selection(reason="Panic"), {"lost", "crashed"}),
        (Selection(target=PACS.name), {"refused"}),
        (Selection(target="OTHER@127.0.0.1:104"), set()),
        (Selection(age=3600), set()),
        (Selection(age=0.0001, states=("sent",)), {"done"}),
    ],
)
def test_a_selection_is_all_that_fulfils_all_that_is_given(queue, selection, names):
    assert {entry.key for entry in selection.find(queue)} == {KEYS[name] for name in names}


@pytest.mark.parametrize("key", ["", "abc", "zzzzzzzz", "../../etc", "1..2/3"])
def test_what_is_no_key_selects_nothing_by_its_form(key):
    with pytest.raises(LungscopeError, match="give 6 to 32 digits"):
        Selection(keys=(key,))


def test_a_key_that_is_not_there_is_refused_and_nothing_is_dropped(folder, queue):
    with pytest.raises(LungscopeError, match="no instances with this key"):
        drop(folder, Selection(keys=(KEYS["done"], "0" * 32)))
    assert queue.get(KEYS["done"]) is not None
