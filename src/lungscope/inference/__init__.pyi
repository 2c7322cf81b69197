from .abstention import (
    AbstentionCause,
    AbstentionCode,
    Reference,
    Thresholds,
    WarningCode,
    describe_cause,
    describe_warning,
    find_implausibility,
)
from .classifier import Classifier, predict_in_processes
from .description import Description, ExportInfo
from .exported import BUNDLED_MODELS, DEFAULT_MODEL, ExportedModel, find_model
from .gate import Gate, GateFinding, GateLimits, View
from .lung_field import LungField, LungFieldCode, describe_lung_field
from .lung_segmenter import LungSegmenter
from .prediction import Failure, ImageOrigin, Outcome, Prediction

__all__ = [
    "BUNDLED_MODELS",
    "DEFAULT_MODEL",
    "AbstentionCause",
    "AbstentionCode",
    "Classifier",
    "Description",
    "ExportInfo",
    "ExportedModel",
    "Failure",
    "Gate",
    "GateFinding",
    "GateLimits",
    "ImageOrigin",
    "LungField",
    "LungFieldCode",
    "LungSegmenter",
    "Outcome",
    "Prediction",
    "Reference",
    "Thresholds",
    "View",
    "WarningCode",
    "describe_cause",
    "describe_lung_field",
    "describe_warning",
    "find_implausibility",
    "find_model",
    "predict_in_processes",
]
