"""Requests and responses of the service, for the OpenAPI description."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lungscope.about import DISCLAIMER
from lungscope.errors import UnwantedCode
from lungscope.inference.abstention import AbstentionCode, WarningCode
from lungscope.inference.explain.explanation import UnmeasuredCode
from lungscope.serving.http.problems import MEDIA_TYPE

_SHA256 = "33bc40127d0e6a1b5c1fd9a6b2a1b0a1e6c4f0b7a9d8c7e6f5a4b3c2d1e0f9a8"
_PNG = "data:image/png;base64,iVBORw0KGgo..."


class RequestForm(BaseModel):
    """Query parameters of a prediction; unknown parameters are rejected (422)."""

    model_config = ConfigDict(extra="forbid")

    explain: bool = Field(False, description="Add a heatmap to each row.")
    label: str | None = Field(
        None, alias="class", description="Class to explain; the most probable by default."
    )
    preview: bool = Field(False, description="Add the radiograph as a PNG for display.")


class HeatmapAnswer(BaseModel):
    """Attribution of a class to the regions of the image."""

    label: str = Field(alias="class", description="Class that is explained.", examples=["Normal"])
    overlay: str = Field(description="RGBA PNG to lay over the image.", examples=[_PNG])
    image: str = Field(description="PNG of radiograph and heatmap side by side.", examples=[_PNG])
    scale: float = Field(description="Largest attribution, in units of the logit.", examples=[0.41])
    outline: str | None = Field(
        description="RGBA PNG to lay over the image: the outline of the lungs; null if they are "
        "not found.",
        examples=[_PNG],
    )
    proportion_outside_lungs: float | None = Field(
        description="Proportion of the attribution outside the lungs; suspect above "
        "`area_outside_lungs`.",
        examples=[0.41],
    )
    area_outside_lungs: float | None = Field(
        description="Share of the image outside the lungs.", examples=[0.68]
    )
    unmeasured: UnmeasuredCode | None = Field(
        description="Why `proportion_outside_lungs` is null, as a code.", examples=[None]
    )


class PredictionRow(BaseModel):
    """Prediction for one file; of a refused one `file`, `error` and `unwanted` alone."""

    file: str = Field(description="Name of the file as sent.", examples=["chest.png"])
    error: str | None = Field(description="Why it cannot be read.", examples=[None])
    predicted: str | None = Field(
        None, description="Predicted class; null if the model abstains.", examples=["Normal"]
    )
    probabilities: dict[str, float] | None = Field(
        None,
        description="Calibrated probability of every class.",
        examples=[{"Lung Opacity": 0.04, "Normal": 0.93, "Viral Pneumonia": 0.03}],
    )
    abstained: bool | None = Field(None, examples=[False])
    abstention: AbstentionCode | None = Field(
        None, description="Why it abstains, as a code.", examples=[None]
    )
    reason: str | None = Field(
        None, description="Why it abstains, as a sentence for people.", examples=[None]
    )
    warnings: list[WarningCode] | None = Field(
        None,
        description="What to look at although a class is predicted, as codes; mostly empty.",
        examples=[[]],
    )
    distance: float | None = Field(
        None,
        description="Distance of the features from those of the training images.",
        examples=[12.8],
    )
    model: str | None = Field(None, examples=["mobilenet-lung 33bc4012"])
    model_sha256: str | None = Field(None, examples=[_SHA256])
    format: str | None = Field(None, examples=["PNG"])
    height: int | None = Field(None, examples=[1024])
    width: int | None = Field(None, examples=[1024])
    modality: str | None = Field(None, description="DICOM only.", examples=[None])
    body_part: str | None = Field(None, description="DICOM only.", examples=[None])
    view_position: str | None = Field(None, description="DICOM only.", examples=[None])
    laterality: str | None = Field(None, description="DICOM only.", examples=[None])
    unwanted: UnwantedCode | None = Field(
        None,
        description="What is not accepted about a refused DICOM image, as a code.",
        examples=[None],
    )
    heatmap: HeatmapAnswer | None = Field(
        None, description="With explain=true; null if the model has no activation map."
    )
    preview: str | None = Field(
        None, description="With preview=true: 8-bit grey PNG.", examples=[_PNG]
    )


class PredictionsResponse(BaseModel):
    """Predictions, one row per file in the order sent."""

    predictions: list[PredictionRow]
    disclaimer: str = Field(examples=[DISCLAIMER])


class ModelAnswer(BaseModel):
    """The model of the service."""

    name: str = Field(examples=["mobilenet-lung"])
    sha256: str = Field(description="SHA-256 of the weights.", examples=[_SHA256])
    classes: list[str] = Field(examples=[["Lung Opacity", "Normal", "Viral Pneumonia"]])
    input_size: int = Field(examples=[224])
    temperature: float = Field(examples=[1.3])
    abstention: dict[str, Any] = Field(
        examples=[{"score": "mahalanobis", "max_distance": 41.5, "min_confidence": 0.6}]
    )
    precision: str | None = Field(examples=["fp32"])
    card: str | None = Field(description="Model card, Markdown.", examples=["# mobilenet-lung"])
    version: str = Field(description="Version of lungscope.", examples=["0.1.0"])
    disclaimer: str = Field(examples=[DISCLAIMER])


class Status(BaseModel):
    """Health status."""

    status: str = Field(examples=["ok"])


class ProblemDetails(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["urn:lungscope:problem:busy"])
    title: str = Field(examples=["The service is busy"])
    status: int = Field(examples=[429])
    detail: str = Field(examples=["the queue is full; retry later"])
    request_id: str = Field(examples=["5f1c2f0e9b7d4c36"])


UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "Radiographs: PNG, JPEG, TIFF, BMP, WebP or DICOM.",
                        }
                    },
                    "additionalProperties": False,
                }
            }
        },
    }
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Returns the OpenAPI `responses` of a path for error statuses."""
    return {
        status: {
            "description": "Problem details",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }
