from io import BytesIO

import numpy as np
import pytest
from pacs_peers import radiograph
from pacs_results import group, results
from pydicom import dcmread


def test_an_architecture_without_a_map_has_a_report_and_no_capture(classifier):
    report, capture, _ = results(classifier, activation_map=None)
    assert group(report) is not None
    assert capture is None


def test_a_capture_is_in_colour_with_the_research_line_burned_in(classifier):
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


@pytest.mark.parametrize("said", ["YES", "NO"])
def test_burned_in_annotation_is_that_of_the_source(classifier, said):
    source = radiograph(bright="left", BurnedInAnnotation=said)
    made = dcmread(BytesIO(results(classifier, source)[1]))
    assert made.BurnedInAnnotation == said


def test_a_chest_has_no_laterality(classifier):
    assert "Laterality" not in dcmread(BytesIO(results(classifier)[1]))
