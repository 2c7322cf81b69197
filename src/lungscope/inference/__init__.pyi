from .abstention import (
    AbstentionCause,
    AbstentionCode,
    Reference,
    Thresholds,
    describe_cause,
    find_implausibility,
)
from .classifier import Classifier, predict_in_processes
from .description import Description, ExportInfo
from .exported import BUNDLED_MODELS, DEFAULT_MODEL, ExportedModel, find_model
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
    "ImageOrigin",
    "Outcome",
    "Prediction",
    "Reference",
    "Thresholds",
    "describe_cause",
    "find_implausibility",
    "find_model",
    "predict_in_processes",
]
