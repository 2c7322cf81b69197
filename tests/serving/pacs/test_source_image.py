from datetime import datetime, timedelta, timezone
from io import BytesIO

import pytest
from pacs_peers import NAMED, encoded, radiograph
from pacs_results import UIDS, errors_of, results
from pydicom import dcmread, dcmwrite

from lungscope.serving.pacs.source_image import MissingIdentifiers, SourceImage


def test_results_are_of_the_same_patient_and_study_in_series_of_their_own(classifier):
    source = radiograph()
    report, capture, _ = results(classifier)
    series = {source.SeriesInstanceUID}
    for content in (report, capture):
        made = dcmread(BytesIO(content))
        assert {name: str(made[name].value) for name in NAMED} == NAMED
        assert made.StudyInstanceUID == source.StudyInstanceUID
        assert made.SOPInstanceUID in (UIDS.report, UIDS.capture)
        series.add(made.SeriesInstanceUID)
    assert len(series) == 3


def test_elements_that_are_no_dates_or_codes_are_not_repeated(classifier, tmp_path):
    content = encoded(radiograph(bright="left"))
    content = content.replace(b"19310704", b"1931.7.4").replace(b"101500", b"10h15m")
    report, capture, _ = results(classifier, content)
    for each in (report, capture):
        assert errors_of(each, tmp_path / "result.dcm") == []
        assert dcmread(BytesIO(each)).PatientBirthDate == ""


@pytest.mark.filterwarnings("ignore:Unknown encoding")
def test_an_unknown_character_set_does_not_spoil_a_report(classifier, tmp_path):
    content = encoded(radiograph(bright="left", SpecificCharacterSet="ISO_IR 100"))
    report, _, _ = results(classifier, content.replace(b"ISO_IR 100", b"ISO_IR 9X9"))
    made = dcmread(BytesIO(report))
    assert "SpecificCharacterSet" not in made
    assert made.PatientID == NAMED["PatientID"]


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"])
def test_an_image_without_uids_has_no_place_for_results(keyword):
    content = encoded(radiograph())
    empty = dcmread(BytesIO(content))
    empty[keyword].value = ""
    buffer = BytesIO()
    dcmwrite(buffer, empty)
    with pytest.raises(MissingIdentifiers, match=keyword):
        SourceImage.of(buffer.getvalue())


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_patient_id_that_is_too_long_is_no_place_for_results():
    """The result went to the patient without an ID."""
    with pytest.raises(MissingIdentifiers, match="PatientID is longer than 1,024 bytes"):
        SourceImage.of(encoded(radiograph()).replace(*longer_patient_id()))


def longer_patient_id():
    one = encoded(radiograph(PatientID="A" * 1024))
    at = one.index(b"A" * 1024)
    header = one[at - 8 : at - 2]
    short = NAMED["PatientID"].encode()
    short += b" " * (len(short) % 2)
    old = header + len(short).to_bytes(2, "little") + short
    return old, header + (1026).to_bytes(2, "little") + b"A" * 1026


@pytest.mark.filterwarnings("ignore:Incorrect value for Specific Character Set")
@pytest.mark.filterwarnings("ignore:Unknown encoding")
@pytest.mark.parametrize(
    ("written", "meant"),
    [(b"ISO IR 192", "ISO_IR 192"), (b"ISO-IR 192", "ISO_IR 192"), (b"ISO_IR_192", "ISO_IR 192")],
)
def test_a_character_set_that_is_misspelt_is_the_one_that_is_meant(classifier, written, meant):
    """As fo-dicom 5.1.1 wrote it; the name became another without a character set."""
    name = "Ph\u00e4ntom^\u00dcn\u00f6"
    elements = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": name}
    content = encoded(radiograph(bright="left", **elements))
    for result in results(classifier, content.replace(b"ISO_IR 192", written))[:2]:
        made = dcmread(BytesIO(result))
        assert made.SpecificCharacterSet == meant
        assert made.PatientName == name


def test_times_are_of_the_time_zone_that_the_image_has(classifier, monkeypatch):
    """The offset was that of the image, the time that of this machine."""
    for offset in ("+0900", "-0330"):
        content = encoded(radiograph(bright="left", TimezoneOffsetFromUTC=offset))
        for result in results(classifier, content)[:2]:
            made = dcmread(BytesIO(result))
            assert made.TimezoneOffsetFromUTC == offset
            for date, time in (
                (made.ContentDate, made.ContentTime),
                (made.InstanceCreationDate, made.InstanceCreationTime),
            ):
                said = datetime.strptime(f"{date}{str(time)[:6]}{offset}", "%Y%m%d%H%M%S%z")
                assert abs(said - datetime.now(timezone.utc)) < timedelta(minutes=2)


@pytest.mark.parametrize("offset", ["+2500", "0900", "+09:00", "JST"])
def test_a_time_zone_that_is_none_is_left_out(classifier, offset):
    content = encoded(radiograph(TimezoneOffsetFromUTC="+0900")).replace(
        b"+0900 ", offset.encode().ljust(6)
    )
    assert "TimezoneOffsetFromUTC" not in dcmread(BytesIO(results(classifier, content)[0]))


def test_lossy_compression_is_carried_over_to_the_capture(classifier, tmp_path):
    elements = {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": "12.5",
        "LossyImageCompressionMethod": "ISO_10918_1",
    }
    capture = results(classifier, radiograph(bright="left", **elements))[1]
    made = dcmread(BytesIO(capture))
    assert made.LossyImageCompression == "01"
    assert made.LossyImageCompressionRatio == 12.5
    assert made.LossyImageCompressionMethod == "ISO_10918_1"
    assert errors_of(capture, tmp_path / "capture.dcm") == []
    plain = dcmread(BytesIO(results(classifier, radiograph(bright="left"))[1]))
    assert plain.get("LossyImageCompression", "00") == "00"
