import errno
import logging
import os
import zlib

import numpy as np
import pytest
from pacs_peers import NAMED, encoded, radiograph
from pydicom import dcmread

from lungscope.serving.pacs.classification import Classification
from lungscope.serving.pacs.settings import Backoff, Target
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import MOST_ATTEMPTS

AT_ONCE = Backoff(first=0.0)


@pytest.fixture
def classification(classifier, store):
    return Classification(classifier, store, AT_ONCE, on_results=lambda: None)


def taken(store, made, content=None):
    store.receive(made.SOPInstanceUID, [content or encoded(made)])
    return key_of(made.SOPInstanceUID)


def modalities(store):
    return sorted(dcmread(path).Modality for path in store.spool.result_files())


def test_an_image_becomes_a_report_and_a_capture(store, classification):
    key = taken(store, radiograph(bright="left"))
    assert classification.step()
    assert store.queue.get(key).state == "classified"
    assert modalities(store) == ["OT", "SR"]
    assert not classification.step()


def test_results_made_again_are_the_same_instances(store, classification):
    key = taken(store, radiograph(bright="left"))
    classification.step()
    first = set(store.queue.deliveries.results(key))
    store.queue.set_state(key, "received")
    classification.step()
    assert set(store.queue.deliveries.results(key)) == first


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
        store.queue.database.value("UPDATE instances SET due = 0 RETURNING key")
    assert store.queue.get(key).state == "received"
    monkeypatch.undo()
    classification.step()
    assert store.queue.get(key).state == "classified"


def test_an_abstention_is_a_report_alone(store, classification):
    made = radiograph()
    made.PixelData = (np.arange(96 * 80) % 2).astype(np.uint16).tobytes()  # nearly all black
    key = taken(store, made)
    classification.step()
    assert modalities(store) == ["SR"]
    assert len(store.queue.deliveries.of(key)) == 1


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


@pytest.fixture
def answer(store, classification):
    """Answers an image, has its results sent, and returns the report."""

    def classify(made):
        key = taken(store, made)
        assert classification.step()
        sent = [each for each in store.queue.deliveries.of(key) if each.state == "waiting"]
        (report,) = [dcmread(store.spool.result(each.uid)) for each in sent if each.kind == "sr"]
        for each in sent:
            store.queue.deliveries.mark_sent(each)
        store.settle(key)
        return report

    return classify


def test_a_corrected_image_has_a_report_of_its_own_that_names_the_one_it_replaces(answer):
    """The archive kept the wrong answer: it had a report of the same UID already."""
    wrong = answer(radiograph(1, bright="left", PatientID="WRONG"))
    right = answer(radiograph(1, bright="right", PatientID="RIGHT", StudyInstanceUID="1.2.3.4"))
    assert wrong.SOPInstanceUID != right.SOPInstanceUID
    assert (wrong.PatientID, right.PatientID) == ("WRONG", "RIGHT")
    assert "PredecessorDocumentsSequence" not in wrong
    (study,) = right.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (report,) = series.ReferencedSOPSequence
    assert study.StudyInstanceUID == wrong.StudyInstanceUID
    assert series.SeriesInstanceUID == wrong.SeriesInstanceUID
    assert report.ReferencedSOPInstanceUID == wrong.SOPInstanceUID
    assert report.ReferencedSOPClassUID == wrong.SOPClassUID


def test_the_answer_of_another_model_names_the_one_it_replaces(store, classification, answer):
    first = answer(radiograph(1))
    store._model = classification._model = "another model"
    (study,) = answer(radiograph(1)).PredecessorDocumentsSequence
    (report,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert report.ReferencedSOPInstanceUID == first.SOPInstanceUID


def test_what_is_dropped_and_comes_again_is_answered_under_new_uids(store, answer):
    first = answer(radiograph(1))
    store.queue.remove(key_of(radiograph(1).SOPInstanceUID))
    again = answer(radiograph(1))
    assert again.SOPInstanceUID != first.SOPInstanceUID
    assert "PredecessorDocumentsSequence" in again


def test_a_wrong_answer_that_no_target_has_is_not_named(store, classification, answer):
    taken(store, radiograph(1, PatientID="WRONG"))
    classification.step()
    assert "PredecessorDocumentsSequence" not in answer(radiograph(1, PatientID="RIGHT"))


def test_an_image_that_is_dropped_while_it_is_classified_leaves_nothing(
    store, classification, classifier, monkeypatch
):
    key = taken(store, radiograph(1))
    classify = classifier.classify

    def dropped(image):
        store.queue.remove(key)
        return classify(image)

    monkeypatch.setattr(
        classification, "_classifier", type("Model", (), {"classify": staticmethod(dropped)})
    )
    assert classification.step()
    assert store.queue.get(key) is None
    assert store.queue.deliveries.in_state("waiting") == []


def test_pictures_are_not_made_where_no_target_takes_them(store, classification):
    store.targets = (Target.parse("RIS@127.0.0.1:104=sr"),)
    taken(store, radiograph(bright="left"))
    classification.step()
    assert modalities(store) == ["SR"]
