"""A prediction as an image that every viewer shows: a Secondary Capture, by highdicom."""

import numpy as np
from highdicom.sc import SCImage
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from lungscope.images import Radiograph
from lungscope.inference.explain.drawing import draw_explanation
from lungscope.inference.explain.explanation import Explanation
from lungscope.inference.explain.lettering import draw_text, fit_text
from lungscope.inference.lung_segmenter import LungSegmenter
from lungscope.inference.prediction import Prediction
from lungscope.serving.pacs import result_attributes
from lungscope.serving.pacs.result_attributes import ResultUids
from lungscope.serving.pacs.source_image import SourceImage

SERIES_NUMBER = 9902
_BAND, _LETTERS, _WARNING = 48, 24, "#a82a00"


def explain_answer(radiograph: Radiograph, prediction: Prediction) -> Explanation | None:
    """Explains the answer for a radiograph.

    Returns:
        None if the model abstains, as a heatmap would be read as the answer that it does not give,
        or if its architecture has no activation map.
    """
    if prediction.abstained or prediction.activation_map is None:
        return None
    return Explanation.of(prediction, LungSegmenter.bundled().find(radiograph))


def secondary_capture(
    radiograph: Radiograph, explanation: Explanation, source: SourceImage, uids: ResultUids
) -> Dataset:
    """Draws the radiograph and its attribution, with the research-use line burned in.

    Args:
        radiograph: pixels of the source image; its name is drawn and must not identify the patient.
        explanation: of the answer for the radiograph.
        source: the source image.
        uids: UIDs of the results.

    Returns:
        A Secondary Capture Image in RGB, Explicit VR Little Endian, in the study of the source.
    """
    drawn = _labelled(draw_explanation(radiograph.pixels, explanation))
    made = SCImage(
        pixel_array=np.asarray(drawn),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=source.study,
        series_instance_uid=uids.capture_series,
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.capture,
        patient_orientation=("L", "F"),  # required by highdicom, removed below
        **result_attributes.describe_equipment(explanation.prediction, source),
    )
    made["PatientOrientation"].clear()  # Type 2C: a page with two images and text has none
    made.BodyPartExamined = "CHEST"  # which is not paired: no Laterality (PS3.3 C.7.3.1)
    if "Laterality" in made:
        del made.Laterality
    made.ConversionType = "WSD"  # made by a workstation
    made.Modality = "OT"
    if source.burned_in:  # its pixels are in the drawing; what we add identifies nobody
        made.BurnedInAnnotation = source.burned_in
    made.DerivationDescription = result_attributes.PURPOSE
    made.SourceImageSequence = [_reference(source)]
    for keyword, value in source.lossy.items():  # is never reset (PS3.3 C.7.6.1.1.5)
        setattr(made, keyword, value)
    made["PixelData"].VR = "OB"
    source.identify(made)
    return made


def _labelled(drawn: Image.Image) -> Image.Image:
    """Adds the research-use line on top, large enough to be read on a thumbnail."""
    page = Image.new("RGB", (drawn.width, drawn.height + _BAND), _WARNING)
    text, font = draw_text(result_attributes.PURPOSE, _LETTERS)
    ImageDraw.Draw(page).text(
        (drawn.width // 2, _BAND // 2),
        fit_text(text, font, drawn.width),
        "white",
        font,
        anchor="mm",
    )
    page.paste(drawn, (0, _BAND))
    return page


def _reference(source: SourceImage) -> Dataset:
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = "121322", "DCM"
    purpose.CodeMeaning = "Source image for image processing operation"
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = (
        source.sop_class,
        source.sop_instance,
    )
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item
