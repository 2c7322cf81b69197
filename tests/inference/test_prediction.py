from dataclasses import replace
from pathlib import Path

import numpy as np

from lungscope.images import Identifiers
from lungscope.inference.abstention import AbstentionCause
from lungscope.inference.prediction import ImageOrigin, Prediction

PREDICTION = Prediction(
    file=Path("a/<b>.dcm"),
    label="Normal",
    probabilities={"Normal": 0.75, "Viral <i>Pneumonia": 0.25},
    cause=None,
    distance=1.25,
    model="tiny 01234567",
    model_sha256="0123456789",
    origin=ImageOrigin("DICOM", 2000, 1800, None, Identifiers(patient_id="PID-774411")),
    activation_map=np.zeros((2, 3, 3), np.float32),
)
ABSTAINED = replace(
    PREDICTION, label=None, cause=AbstentionCause("low-confidence", "confidence", 0.75, 0.8)
)


def test_a_prediction_with_a_label_has_no_abstention():
    assert (PREDICTION.abstained, PREDICTION.abstention, PREDICTION.reason) == (False, None, None)


def test_the_sentence_is_made_of_the_code_and_its_numbers():
    assert ABSTAINED.abstention == "low-confidence"
    assert ABSTAINED.reason == "low confidence (0.75, at least 0.80)"


def test_its_representation_is_one_line_without_pixels_or_identifiers():
    assert repr(PREDICTION) == (
        "Prediction('a/<b>.dcm', label='Normal', "
        "probabilities={Normal: 0.750, Viral <i>Pneumonia: 0.250})"
    )
    assert "abstention='low-confidence'" in repr(ABSTAINED)


def test_in_a_notebook_it_is_an_escaped_table_without_identifiers():
    shown = PREDICTION._repr_html_()
    assert "<td><strong>Normal</strong></td><td>0.750</td>" in shown
    assert "Viral &lt;i&gt;Pneumonia" in shown
    assert "&lt;b&gt;.dcm" in shown
    assert "PID-774411" not in shown
    assert "No answer: low confidence" in ABSTAINED._repr_html_()
