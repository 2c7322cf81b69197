"""The results of an image as the node makes them, and what a validator says of them."""

import shutil
import subprocess
from dataclasses import replace
from io import BytesIO

import pytest
from highdicom.sr import srread
from pacs_peers import encoded, radiograph

from lungscope.images import read_content
from lungscope.serving.pacs.classification import _encoded
from lungscope.serving.pacs.result_attributes import ResultUids
from lungscope.serving.pacs.secondary_capture import explain_answer, secondary_capture
from lungscope.serving.pacs.source_image import SourceImage
from lungscope.serving.pacs.structured_report import structured_report

UIDS = ResultUids.of("1.2.3", "1.2", "a model", content="a content")


def results(classifier, made=None, **changed):
    """The report and the Secondary Capture of an image, as bytes, and the prediction."""
    content = made if isinstance(made, bytes) else encoded(made or radiograph(bright="left"))
    image, source = read_content(content, "an instance"), SourceImage.of(content)
    prediction = replace(classifier.classify(image), **changed)
    explanation = explain_answer(image, prediction)
    report = _encoded(structured_report(prediction, source, UIDS, explanation))
    if explanation is None:
        return report, None, prediction
    return report, _encoded(secondary_capture(image, explanation, source, UIDS)), prediction


def errors_of(content, path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    path.write_bytes(content)
    found = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
    return [line for line in found.stderr.splitlines() if line.startswith("Error")]


def group(report):
    (found,) = srread(BytesIO(report)).content.get_image_measurement_groups()
    return found
