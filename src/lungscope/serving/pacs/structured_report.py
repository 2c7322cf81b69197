"""A prediction as a DICOM Structured Report (TID 1500), by highdicom."""

import math

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lungscope.about import __version__
from lungscope.inference.abstention import describe_warning
from lungscope.inference.explain.explanation import Explanation
from lungscope.inference.prediction import Prediction
from lungscope.serving.pacs import result_attributes
from lungscope.serving.pacs.result_attributes import ResultUids
from lungscope.serving.pacs.revisions import ReportPlace
from lungscope.serving.pacs.source_image import SourceImage
from lungscope.serving.pacs.spool import key_of

SERIES_NUMBER = 9901
_PROCEDURE = Code("399208008", "SCT", "Plain X-ray of chest")
_NO_UNITS = Code("1", "UCUM", "no units")
_RATIO = Code("{ratio}", "UCUM", "ratio")
_LUNG = Code("39607008", "SCT", "Lung structure")
_COMMENT = Code("121106", "DCM", "Comment")
_LONGEST_TEXT = 1024


def structured_report(
    prediction: Prediction,
    source: SourceImage,
    uids: ResultUids,
    explanation: Explanation | None = None,
    predecessor: ReportPlace | None = None,
) -> Dataset:
    """Makes the report of a prediction.

    The finding is the class, or "No answer" if the model abstains. The probability of every class
    and the distance from the training images are measurements. If the model abstains, the
    probabilities are left out, as they mean nothing then; the reason is a qualitative evaluation
    with a code, and a comment with the numbers that decided. So is a warning about the image.
    Where the lungs were found, the proportion of the attribution outside them is a measurement, and
    so is that of the image, which it would be if the attribution were spread evenly. The report is
    preliminary and not verified.

    Args:
        prediction: prediction for the source image.
        source: the source image.
        uids: UIDs of the results.
        explanation: of the answer, where there is one.
        predecessor: the report of the same image that it replaces, if any.

    Returns:
        A Comprehensive SR in Explicit VR Little Endian, in the study of the source.
    """
    algorithm = AlgorithmIdentification(
        name=result_attributes.ascii_text(f"lungscope {prediction.model}"),
        version=__version__,
        parameters=[f"model weights SHA-256 {prediction.model_sha256}"],
        manufacturer=result_attributes.MANUFACTURER,
    )
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            # unique among ours, as PS3.16 TID 1501 wants it
            uids.tracking,
            f"lungscope {key_of(uids.tracking)[:16]}",
        ),
        source_images=[SourceImageForMeasurementGroup(source.sop_class, source.sop_instance)],
        algorithm_id=algorithm,
        finding_type=_finding(prediction),
        # of an image that is none of a chest, no lung is said to be seen
        finding_sites=[FindingSite(_LUNG)] if prediction.label is not None else None,
        measurements=[*_measurements(prediction), *_outside_lungs(explanation)],
        qualitative_evaluations=_evaluations(prediction),
    )
    # PS3.16 TID 1501 is extensible: comments say what no code does.
    for text in _comments(prediction):
        group[0].ContentSequence.append(
            TextContentItem(CodedConcept.from_code(_COMMENT), text, RelationshipTypeValues.CONTAINS)
        )
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(prediction, uids)),
        procedure_reported=_PROCEDURE,
        imaging_measurements=[group],
    )
    _say_first(report[0], result_attributes.PURPOSE)
    made = ComprehensiveSR(
        evidence=[source.reference()],
        content=report[0],
        series_instance_uid=uids.report_series,
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.report,
        is_complete=True,
        is_final=False,
        is_verified=False,
        **result_attributes.describe_equipment(prediction, source),
        coding_schemes=result_attributes.coding_schemes(),
    )
    if predecessor is not None:
        made.PredecessorDocumentsSequence = [predecessor.reference()]
    source.identify(made)
    return made


def _say_first(root: Dataset, text: str) -> None:
    """Adds a text before all content but the report's context (PS3.16 TID 1500 is extensible)."""
    items = root.ContentSequence
    first = next(
        number
        for number, item in enumerate(items)
        if item.RelationshipType == RelationshipTypeValues.CONTAINS.value
    )
    code = CodedConcept.from_code(_COMMENT)
    items.insert(first, TextContentItem(code, text, RelationshipTypeValues.CONTAINS))


def _observer(prediction: Prediction, uids: ResultUids) -> ObserverContext:
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=uids.device,
            name="lungscope",
            manufacturer_name=result_attributes.MANUFACTURER,
            model_name=result_attributes.ascii_text(prediction.model),
            serial_number=prediction.model_sha256[:16],
        ),
    )


def _finding(prediction: Prediction) -> CodedConcept:
    return (
        result_attributes.NO_ANSWER
        if prediction.label is None
        else result_attributes.class_code(prediction.label)
    )


def _measurements(prediction: Prediction) -> list[Measurement]:
    numbers = []
    if math.isfinite(prediction.distance):
        numbers.append(
            Measurement(result_attributes.DISTANCE, round(prediction.distance, 6), _NO_UNITS)
        )
    if prediction.abstained:
        return numbers
    return [
        *(
            Measurement(result_attributes.probability_code(name), round(probability, 6), _RATIO)
            for name, probability in prediction.probabilities.items()
        ),
        *numbers,
    ]


def _outside_lungs(explanation: Explanation | None) -> list[Measurement]:
    if explanation is None:
        return []
    found = (
        (result_attributes.OUTSIDE_LUNGS, explanation.proportion_outside_lungs),
        (result_attributes.AREA_OUTSIDE_LUNGS, explanation.area_outside_lungs),
    )
    return [
        Measurement(code, round(value, 6), _RATIO) for code, value in found if value is not None
    ]


def _evaluations(prediction: Prediction) -> list[QualitativeEvaluation]:
    found = [
        QualitativeEvaluation(result_attributes.WARNING, result_attributes.WARNINGS[code])
        for code in prediction.warnings
    ]
    if prediction.abstention is not None:
        reason = result_attributes.ABSTENTION_REASONS[prediction.abstention]
        found.append(QualitativeEvaluation(result_attributes.ABSTENTION, reason))
    return found


def _comments(prediction: Prediction) -> list[str]:
    said = [f"Warning: {describe_warning(code)}." for code in prediction.warnings]
    if prediction.reason is not None:
        said.append(f"The model gives no answer: {prediction.reason}.")
    return [result_attributes.ascii_text(each, _LONGEST_TEXT) for each in said]
