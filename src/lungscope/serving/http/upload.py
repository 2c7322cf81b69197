"""From an uploaded file to its row of the answer: what a worker thread does."""

import base64
import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungscope.errors import UnreadableImage
from lungscope.images import Radiograph, read_content
from lungscope.inference.classifier import Classifier
from lungscope.inference.explain.drawing import draw_explanation, draw_outline, draw_overlay
from lungscope.inference.explain.explanation import Explanation
from lungscope.inference.lung_segmenter import LungSegmenter
from lungscope.inference.prediction import Failure, Prediction
from lungscope.inference.rows import to_json
from lungscope.serving.http.intake import Upload

LONGEST_PREVIEW = 1024
"""Longer side of a preview, pixels."""


@dataclass(frozen=True)
class RequestOptions:
    """What a client requests besides the prediction.

    Attributes:
        explain: whether to add a heatmap.
        label: class to explain; the most probable one by default.
        preview: whether to add the radiograph as a PNG for display.
    """

    explain: bool = False
    label: str | None = None
    preview: bool = False


@dataclass(frozen=True, eq=False)
class UploadResult:
    """The result of one upload.

    Attributes:
        row: JSON row of the response.
        outcome: the prediction, or why the file is unreadable.
        pixels_sha256: of the radiograph's height, width and pixels, in hexadecimal; None where the
            file is unreadable, or where nobody asked for it.
    """

    row: dict[str, Any]
    outcome: Prediction | Failure
    pixels_sha256: str | None = None


def classify_upload(
    classifier: Classifier, upload: Upload, options: RequestOptions, *, fingerprint: bool
) -> UploadResult:
    """Reads, classifies and explains one upload.

    Args:
        classifier: classifies the radiograph.
        upload: one file.
        options: what the client requests besides the prediction.
        fingerprint: whether to compute `pixels_sha256`.
    """
    try:
        radiograph = read_content(upload.content, upload.name)
    except UnreadableImage as error:
        failure = Failure.of(error)
        return UploadResult(to_json(failure, with_ids=False), failure)
    prediction = classifier.classify(radiograph)
    row = to_json(prediction, with_ids=False)
    if options.explain:
        row["heatmap"] = _heatmap(radiograph, prediction, options.label)
    if options.preview:
        row["preview"] = data_url(preview(radiograph.pixels))
    return UploadResult(
        row,
        prediction,
        pixels_sha256(radiograph.pixels) if fingerprint else None,
    )


def preview(pixels: NDArray[np.float32]) -> Image.Image:
    """A radiograph as a browser shows it.

    Args:
        pixels: (H, W) in [0, 1].

    Returns:
        8-bit grey, the longer side at most `LONGEST_PREVIEW`, never enlarged.
    """
    image = Image.fromarray(pixels)
    factor = min(1.0, LONGEST_PREVIEW / max(image.size))
    if factor < 1:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(size, Image.Resampling.BOX)
    levels = np.clip(np.rint(np.asarray(image) * np.float32(255)), 0, 255)
    return Image.fromarray(levels.astype(np.uint8))


def pixels_sha256(pixels: NDArray[np.float32]) -> str:
    """A hash by which the same radiograph is known again, in whatever file it comes."""
    height, width = pixels.shape
    digest = hashlib.sha256(f"{height}x{width} float32 little-endian\n".encode())
    digest.update(np.ascontiguousarray(pixels, "<f4").data)
    return digest.hexdigest()


def data_url(image: Image.Image) -> str:
    """An image as a `data:` URL of PNG."""
    content = BytesIO()
    image.save(content, "PNG", compress_level=1)  # a fourth of the time for a tenth more bytes
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode("ascii")


def _heatmap(
    radiograph: Radiograph, prediction: Prediction, label: str | None
) -> dict[str, Any] | None:
    if prediction.activation_map is None:
        return None
    field = LungSegmenter.bundled().find(radiograph)
    explanation = Explanation.of(prediction, field, label)
    return {
        "class": explanation.label,
        "overlay": data_url(draw_overlay(explanation.heatmap)),
        "image": data_url(draw_explanation(radiograph.pixels, explanation)),
        "scale": explanation.heatmap.scale,
        "outline": None if field.implausible else data_url(draw_outline(field)),
        "proportion_outside_lungs": explanation.proportion_outside_lungs,
        "area_outside_lungs": explanation.area_outside_lungs,
        "unmeasured": explanation.unmeasured,
    }
