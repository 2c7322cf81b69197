from dataclasses import replace
from io import BytesIO
from typing import get_args

import numpy as np
import pytest
from pacs_peers import numbered, radiograph
from pacs_results import errors_of, group, results
from pydicom import dcmread

from lungscope.about import __version__
from lungscope.inference.abstention import AbstentionCause, AbstentionCode, WarningCode
from lungscope.phantom.drawing import draw_phantom
from lungscope.serving.pacs.result_attributes import ABSTENTION_REASONS, WARNINGS

FAR = AbstentionCause("out-of-distribution", "distance", 3.0, 1.5)
FAR_SENTENCE = "not a frontal chest X-ray like the training images (distance 3.00, at most 1.50)"


def texts(dataset):
    """All texts in an SR, however deep."""
    for element in dataset.iterall():
        if element.keyword == "TextValue":
            yield element.value


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


def test_a_report_says_how_much_attribution_is_outside_the_lungs(classifier):
    chest = numbered(16 * draw_phantom("Normal", 501, 224).pixels.astype(np.uint16), 0)
    report, _, _ = results(classifier, chest, label="Normal", cause=None)
    numbers = {each.name.value: each.value for each in group(report).get_measurements()}
    assert 0 <= numbers["OUTSIDE-LUNGS"] <= 1
    assert 0.5 < numbers["AREA-OUT-LUNGS"] < 0.95


def test_without_lungs_a_report_says_nothing_of_them(classifier):
    report, capture, _ = results(classifier, label="Normal", cause=None)
    numbers = {each.name.value for each in group(report).get_measurements()}
    assert not numbers & {"OUTSIDE-LUNGS", "AREA-OUT-LUNGS"}
    assert capture is not None


def test_a_report_is_preliminary_and_not_verified(classifier):
    made = dcmread(BytesIO(results(classifier)[0]))
    assert (made.PreliminaryFlag, made.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")


def test_an_abstention_is_a_report_without_probabilities_and_no_capture(classifier):
    report, capture, _ = results(classifier, label=None, cause=FAR)
    found = group(report)
    assert found.finding_type.value == "NO-ANSWER"
    assert [each.name.meaning for each in found.get_measurements()] == [
        "Distance from the training images"
    ]
    said = list(texts(dcmread(BytesIO(report))))
    assert f"The model gives no answer: {FAR_SENTENCE}." in said
    assert capture is None


@pytest.mark.parametrize(
    ("code", "value", "meaning"),
    [
        ("not-a-frontal-chest-radiograph", "NOT-FRONTAL-CXR", "Not a frontal chest radiograph"),
        ("lateral-chest-radiograph", "LATERAL-CXR", "Lateral chest radiograph"),
        ("no-chest-radiograph", "NO-CXR", "Not a chest radiograph"),
        ("turned-90", "TURNED-90", "Turned clockwise by 90 degrees"),
        ("turned-180", "TURNED-180", "Upside down"),
        ("turned-270", "TURNED-270", "Turned anticlockwise by 90 degrees"),
        ("inverted", "INVERTED", "Black and white exchanged"),
        ("out-of-distribution", "OUT-OF-DISTR", "Out of distribution"),
        ("kind-unclear", "KIND-UNCLEAR", "Abnormal, kind unclear"),
        ("low-confidence", "LOW-CONFIDENCE", "Low confidence"),
    ],
)
def test_an_abstention_has_its_reason_as_a_code(classifier, tmp_path, code, value, meaning):
    report, _, _ = results(classifier, label=None, cause=replace(FAR, code=code))
    (evaluation,) = group(report).get_qualitative_evaluations()
    assert evaluation.name.value == "ABSTENTION"
    assert evaluation.name.scheme_designator == "99LUNGSCOPE"
    found = evaluation.value
    assert (found.value, found.scheme_designator) == (value, "99LUNGSCOPE")
    assert found.meaning == meaning
    assert errors_of(report, tmp_path / "report.dcm") == []


def test_every_code_of_abstention_has_one_in_reports():
    assert set(ABSTENTION_REASONS) == set(get_args(AbstentionCode))


def test_a_warning_is_a_code_and_a_comment_beside_the_answer(classifier, tmp_path):
    report, _, _ = results(classifier, warnings=("mirrored",))
    found = group(report)
    assert found.finding_type.value != "NO-ANSWER"
    (evaluation,) = found.get_qualitative_evaluations()
    assert (evaluation.name.value, evaluation.value.value) == ("WARNING", "MIRRORED")
    said = list(texts(dcmread(BytesIO(report))))
    assert "Warning: left and right seem to be exchanged: a mirrored file, or dextrocardia." in said
    assert errors_of(report, tmp_path / "report.dcm") == []


def test_every_code_of_a_warning_has_one_in_reports():
    assert set(WARNINGS) == set(get_args(WarningCode))


def test_an_answer_has_no_reason_for_abstaining(classifier):
    assert group(results(classifier)[0]).get_qualitative_evaluations() == []


def test_a_distance_without_end_is_left_out(classifier):
    report, _, _ = results(classifier, label=None, cause=FAR, distance=float("inf"))
    assert group(report).get_measurements() == []


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
    report, capture, _ = results(classifier, made)
    abstained, _, _ = results(classifier, made, label=None, cause=FAR)
    for content in (report, capture, abstained):
        assert errors_of(content, tmp_path / "result.dcm") == []
        expected = "" if made.get("PatientName") is None else str(made.PatientName)
        assert str(dcmread(BytesIO(content)).PatientName or "") == expected


def test_names_of_classes_in_any_language_go_into_any_character_set(classifier, tmp_path):
    foreign = {"Lungenentzündung": 0.5, "肺炎": 0.25, "x" * 200: 0.25}
    report, _, _ = results(classifier, label="Lungenentzündung", probabilities=foreign)
    names = [each.name.meaning for each in group(report).get_measurements()]
    assert "Probability of Lungenentzundung" in names
    assert all(len(name) <= 64 for name in names)
    assert errors_of(report, tmp_path / "result.dcm") == []


def test_the_report_begins_with_what_it_is_not_for(classifier):
    made = dcmread(BytesIO(results(classifier)[0]))
    said = list(texts(made))
    contained = [each for each in made.ContentSequence if each.RelationshipType == "CONTAINS"]
    assert "not for diagnosis" in contained[0].TextValue
    assert sum("not for diagnosis" in text for text in said) == 1


def test_findings_are_told_apart_and_have_a_site_and_units(classifier):
    report, _, prediction = results(classifier)
    found = group(report)
    assert found.tracking_identifier.startswith("lungscope ")
    assert len(found.tracking_identifier) > 20
    (site,) = found.finding_sites
    assert (site.value.value, site.value.scheme_designator) == ("39607008", "SCT")
    units = {each.name.meaning: each.unit.value for each in found.get_measurements()}
    assert {units[f"Probability of {name}"] for name in prediction.probabilities} == {"{ratio}"}
    assert group(results(classifier, label=None, cause=FAR)[0]).finding_sites in ([], None)
