import errno
import logging
import os
import zlib

import numpy as np
import pytest
from pacs_peers import NAMED, encoded, radiograph
from pydicom import dcmread

from lungscope.serving.pacs.classification import Classification
from lungscope.serving.pacs.settings import Backoff
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import MOST_ATTEMPTS

AT_ONCE = Backoff(first=0.0)


@pytest.fixture
def classification(classifier, store):
    return Classification(classifier, store, AT_ONCE, on_results=lambda: None)


def taken(store, made, content=None):
    store.receive(made.SOPInstanceUID, [content or encoded(made)])
    return key_of(made.SOPInstanceUID)


def test_an_image_becomes_a_report_and_a_capture(store, classification):
    key = taken(store, radiograph(bright="left"))
    assert classification.step()
    assert store.queue.get(key).state == "classified"
    assert [dcmread(path).Modality for path in store.spool.results(key)] == ["SR", "OT"]
    assert not classification.step()


def test_results_made_again_are_the_same_instances(store, classification):
    key = taken(store, radiograph(bright="left"))
    classification.step()
    first = [dcmread(path).SOPInstanceUID for path in store.spool.results(key)]
    store.queue.set_state(key, "received")
    classification.step()
    assert [dcmread(path).SOPInstanceUID for path in store.spool.results(key)] == first


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Modality": "CT"}, "modality is CT"),
        ({"Modality": "OT"}, "modality is OT"),
        ({"ViewPosition": "LL"}, "no frontal view"),
        ({"BodyPartExamined": "HAND"}, "another body part"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "colour"),
        ({"Rows": 60000, "Columns": 60000}, "limit of 36 megapixels"),
        ({"Rows": 97}, "pixel data has"),
    ],
)
def test_what_no_model_is_asked_of_is_refused_with_a_reason(
    store, classification, elements, reason
):
    key = taken(store, radiograph(**elements))
    classification.step()
    entry = store.queue.get(key)
    assert entry.state == "refused"
    assert reason in entry.reason
    assert not store.spool.image(key).exists()


def test_truncated_pixels_are_refused(store, classification):
    made = radiograph()
    key = taken(store, made, encoded(made)[:-2000])
    classification.step()
    assert store.queue.get(key).state == "refused"


def test_a_deflate_bomb_is_refused_within_little_memory(store, classification):
    made = radiograph()
    content = encoded(made)
    start = content.index(b"\x08\x00\x16\x00UI")  # after the meta header
    meta = content[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99", 1)
    meta = dcm_meta_longer(meta, 2)
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = squeezer.compress(content[start:]) + squeezer.compress(bytes(400 * 2**20))
    bomb += squeezer.flush()
    assert len(bomb) < 2**20
    key = taken(store, made, meta + bomb)
    classification.step()
    entry = store.queue.get(key)
    assert entry.state == "refused"
    assert "inflates to more than" in entry.reason


def dcm_meta_longer(meta, by):
    """Mends the lengths of a meta header whose transfer syntax was made longer."""
    at = meta.index(b"\x02\x00\x10\x00UI") + 6
    length = int.from_bytes(meta[at : at + 2], "little") + by
    meta = meta[:at] + length.to_bytes(2, "little") + meta[at + 2 :]
    at = meta.index(b"\x02\x00\x00\x00UL\x04\x00") + 8
    group = int.from_bytes(meta[at : at + 4], "little") + by
    return meta[:at] + group.to_bytes(4, "little") + meta[at + 4 :]


def test_an_image_under_another_s_uid_is_refused(store, classification):
    store.receive("1.2.3.4", [encoded(radiograph())])
    classification.step()
    assert "differs from that of the request" in store.queue.get(key_of("1.2.3.4")).reason


def test_a_fault_is_tried_again_and_then_given_up_with_the_file_kept(store, classification):
    class Panic(BaseException):
        pass

    def panic(_):
        raise Panic(NAMED["PatientName"])

    classification._classifier = type(
        "Judge", (), {"classify": staticmethod(panic), "description": None}
    )()
    key = taken(store, radiograph())
    for _ in range(MOST_ATTEMPTS):
        assert classification.step()
    entry = store.queue.get(key)
    assert (entry.state, entry.reason) == ("failed", "classification raised Panic")
    assert store.spool.image(key).exists()


def test_a_full_disk_is_waited_for_and_no_attempt_is_lost(store, classification, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    key = taken(store, radiograph())
    monkeypatch.setattr(store.spool, "write_result", full)
    for _ in range(MOST_ATTEMPTS + 2):
        classification.step()
        store.queue.reschedule([key], 0, "now", attempts=0)
    assert store.queue.get(key).state == "received"
    monkeypatch.undo()
    classification.step()
    assert store.queue.get(key).state == "classified"


def test_an_abstention_is_a_report_alone(store, classification):
    made = radiograph()
    made.PixelData = (np.arange(96 * 80) % 2).astype(np.uint16).tobytes()  # nearly all black
    key = taken(store, made)
    classification.step()
    (report,) = store.spool.results(key)
    assert dcmread(report).Modality == "SR"


def test_no_line_of_the_log_and_no_reason_holds_an_identifier(store, classification, caplog):
    caplog.set_level(logging.INFO, "lungscope.pacs")
    for number, elements in enumerate(
        [{}, {"Modality": "CT"}, {"Rows": 97}, {"StudyInstanceUID": "1.2.33333"}]
    ):
        taken(store, radiograph(number, **elements))
        classification.step()
    reasons = [entry.reason or "" for entry in store.queue.in_state("refused", "classified")]
    said = caplog.text + " ".join(reasons)
    assert "classified" in said
    for secret in (*NAMED.values(), "Kowalczyk", "1.2.826.0.1.3680043", "33333"):
        assert secret not in said
