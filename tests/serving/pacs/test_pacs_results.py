import shutil
import subprocess
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from highdicom.sr import srread
from pacs_peers import NAMED, encoded, radiograph
from pydicom import dcmread, dcmwrite

from lungscope.about import __version__
from lungscope.images import read_content
from lungscope.inference.abstention import AbstentionCause
from lungscope.serving.pacs.classification import _encoded
from lungscope.serving.pacs.secondary_capture import secondary_capture
from lungscope.serving.pacs.source_image import MissingIdentifiers, SourceImage
from lungscope.serving.pacs.structured_report import structured_report
from lungscope.serving.pacs.uids import ResultUids

FAR = AbstentionCause("out-of-distribution", "distance", 3.0, 1.5)
FAR_SENTENCE = "not a frontal chest X-ray like the training images (distance 3.00, at most 1.50)"
UIDS = ResultUids.of("1.2.3", "1.2", "a model")


def results(classifier, made=None, **changed):
    """The report and the picture of an image, as bytes, and the prediction."""
    content = made if isinstance(made, bytes) else encoded(made or radiograph(bright="left"))
    image, source = read_content(content, "an instance"), SourceImage.of(content)
    prediction = replace(classifier.classify(image), **changed)
    picture = secondary_capture(image, prediction, source, UIDS)
    report = _encoded(structured_report(prediction, source, UIDS))
    return report, None if picture is None else _encoded(picture), prediction


def group(report):
    (found,) = srread(BytesIO(report)).content.get_image_measurement_groups()
    return found


def texts(dataset):
    """All texts in an SR, however deep."""
    for element in dataset.iterall():
        if element.keyword == "TextValue":
            yield element.value


def errors_of(content, path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    path.write_bytes(content)
    told = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
    return [line for line in told.stderr.splitlines() if line.startswith("Error")]


def test_a_report_says_finding_probabilities_algorithm_and_source(classifier):
    report, _, prediction = results(classifier)
    found = group(report)
    assert found.finding_type.meaning == prediction.label == "Lung Opacity"
    numbers = {each.name.meaning: each.value for each in found.get_measurements()}
    for name, probability in prediction.probabilities.items():
        assert numbers[f"Probability of {name}"] == pytest.approx(probability, abs=1e-6)
    assert found.source_images[0].referenced_sop_instance_uid == radiograph().SOPInstanceUID
    said = list(texts(dcmread(BytesIO(report))))
    assert f"model weights SHA-256 {prediction.model_sha256}" in said
    assert __version__ in said
    assert any("not for diagnosis" in text for text in said)


def test_a_report_is_preliminary_and_not_verified(classifier):
    made = dcmread(BytesIO(results(classifier)[0]))
    assert (made.PreliminaryFlag, made.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")


def test_an_abstention_is_a_report_without_probabilities_and_no_picture(classifier):
    report, picture, _ = results(classifier, label=None, cause=FAR)
    found = group(report)
    assert found.finding_type.value == "NO-ANSWER"
    assert [each.name.meaning for each in found.get_measurements()] == [
        "Distance from the training images"
    ]
    said = list(texts(dcmread(BytesIO(report))))
    assert f"The model gives no answer: {FAR_SENTENCE}." in said
    assert picture is None


def test_a_distance_without_end_is_left_out(classifier):
    report, _, _ = results(classifier, label=None, cause=FAR, distance=float("inf"))
    assert group(report).get_measurements() == []


def test_an_architecture_without_a_map_has_a_report_and_no_picture(classifier):
    report, picture, _ = results(classifier, activation_map=None)
    assert group(report) is not None
    assert picture is None


def test_results_are_of_the_same_patient_and_study_in_series_of_their_own(classifier):
    source = radiograph()
    report, picture, _ = results(classifier)
    series = {source.SeriesInstanceUID}
    for content in (report, picture):
        made = dcmread(BytesIO(content))
        assert {name: str(made[name].value) for name in NAMED} == NAMED
        assert made.StudyInstanceUID == source.StudyInstanceUID
        assert made.SOPInstanceUID in (UIDS.report, UIDS.capture)
        series.add(made.SeriesInstanceUID)
    assert len(series) == 3


def test_a_picture_is_in_colour_with_the_research_line_burned_in(classifier):
    made = dcmread(BytesIO(results(classifier)[1]))
    pixels = made.pixel_array
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    band = pixels[:48]
    assert (band == (0xA8, 0x2A, 0x00)).all(axis=-1).mean() > 0.5
    assert (band == 255).all(axis=-1).sum() > 200  # letters
    assert "BurnedInAnnotation" not in made
    assert "not for diagnosis" in made.SeriesDescription
    (reference,) = made.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == radiograph().SOPInstanceUID


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"},
        {"PatientName": None, "PatientID": None, "StudyDate": None, "StudyID": None},
        {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jürgen"},
        {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Wang^XiaoDong=王^小東"},
        {
            "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
            "PatientName": "Yamada^Tarou=山田^太郎",
        },
    ],
    ids=["DX", "CR", "anonymous", "Latin 1", "UTF-8", "Japanese"],
)
def test_results_are_valid_dicom(classifier, tmp_path, elements):
    made = radiograph(bright="left", **elements)
    report, picture, _ = results(classifier, made)
    abstained, _, _ = results(classifier, made, label=None, cause=FAR)
    for content in (report, picture, abstained):
        assert errors_of(content, tmp_path / "result.dcm") == []
        expected = "" if made.get("PatientName") is None else str(made.PatientName)
        assert str(dcmread(BytesIO(content)).PatientName or "") == expected


def test_elements_that_are_no_dates_or_codes_are_not_repeated(classifier, tmp_path):
    content = encoded(radiograph(bright="left"))
    content = content.replace(b"19310704", b"1931.7.4").replace(b"101500", b"10h15m")
    report, picture, _ = results(classifier, content)
    for each in (report, picture):
        assert errors_of(each, tmp_path / "result.dcm") == []
        assert dcmread(BytesIO(each)).PatientBirthDate == ""


@pytest.mark.filterwarnings("ignore:Unknown encoding")
def test_an_unknown_character_set_does_not_spoil_a_report(classifier, tmp_path):
    content = encoded(radiograph(bright="left", SpecificCharacterSet="ISO_IR 100"))
    report, _, _ = results(classifier, content.replace(b"ISO_IR 100", b"ISO_IR 9X9"))
    made = dcmread(BytesIO(report))
    assert "SpecificCharacterSet" not in made
    assert made.PatientID == NAMED["PatientID"]


def test_names_of_classes_in_any_language_go_into_any_character_set(classifier, tmp_path):
    foreign = {"Lungenentzündung": 0.5, "肺炎": 0.25, "x" * 200: 0.25}
    report, _, _ = results(classifier, label="Lungenentzündung", probabilities=foreign)
    names = [each.name.meaning for each in group(report).get_measurements()]
    assert "Probability of Lungenentzundung" in names
    assert all(len(name) <= 64 for name in names)
    assert errors_of(report, tmp_path / "result.dcm") == []


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"])
def test_an_image_without_uids_has_no_place_for_results(keyword):
    content = encoded(radiograph())
    empty = dcmread(BytesIO(content))
    empty[keyword].value = ""
    buffer = BytesIO()
    dcmwrite(buffer, empty)
    with pytest.raises(MissingIdentifiers, match=keyword):
        SourceImage.of(buffer.getvalue())


@pytest.mark.parametrize("said", ["YES", "NO"])
def test_of_letters_in_the_pixels_a_picture_says_what_its_source_says(classifier, said):
    film = radiograph(bright="left", BurnedInAnnotation=said)
    made = dcmread(BytesIO(results(classifier, film)[1]))
    assert made.BurnedInAnnotation == said
