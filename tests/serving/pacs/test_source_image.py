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
