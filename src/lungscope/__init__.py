"""Chest radiograph classification that says what each number is worth.

Everything public is listed in `__all__` and loaded when it is first used, so that importing
lungscope costs next to nothing and classifying needs neither torch nor scikit-learn.

Examples:
    >>> import lungscope as ls
    >>> ls.Classifier.bundled().classes
    ('Lung Opacity', 'Normal', 'Viral Pneumonia')
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from lungscope.about import DISCLAIMER, __version__

if TYPE_CHECKING:
    from lungscope.api import Run, compare, split, train
    from lungscope.data.index import Index
    from lungscope.data.split import Split
    from lungscope.errors import (
        AlreadyExists,
        DataLeak,
        InvalidData,
        InvalidSetting,
        LungscopeError,
        ModelDamaged,
        NotFound,
        UnreadableImage,
        UnwantedImage,
        WeightsUnavailable,
    )
    from lungscope.estimate import Estimate
    from lungscope.images import Radiograph, read
    from lungscope.inference.classifier import Classifier
    from lungscope.inference.prediction import Prediction
    from lungscope.models.checkpoint import Checkpoint
    from lungscope.training.recipe import Recipe

# ONNX Runtime's wheels from 1.32 on write an identifier of the machine into the user's cache and
# hold the address of a collector. Only this, before it is imported, keeps them from either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "DISCLAIMER",
    "AlreadyExists",
    "Checkpoint",
    "Classifier",
    "DataLeak",
    "Estimate",
    "Index",
    "InvalidData",
    "InvalidSetting",
    "LungscopeError",
    "ModelDamaged",
    "NotFound",
    "Prediction",
    "Radiograph",
    "Recipe",
    "Run",
    "Split",
    "UnreadableImage",
    "UnwantedImage",
    "WeightsUnavailable",
    "__version__",
    "compare",
    "read",
    "split",
    "train",
]

_MODULES = {
    "lungscope.api": ("Run", "compare", "split", "train"),
    "lungscope.data.index": ("Index",),
    "lungscope.data.split": ("Split",),
    "lungscope.errors": (
        "AlreadyExists",
        "DataLeak",
        "InvalidData",
        "InvalidSetting",
        "LungscopeError",
        "ModelDamaged",
        "NotFound",
        "UnreadableImage",
        "UnwantedImage",
        "WeightsUnavailable",
    ),
    "lungscope.estimate": ("Estimate",),
    "lungscope.images": ("Radiograph", "read"),
    "lungscope.inference.classifier": ("Classifier",),
    "lungscope.inference.prediction": ("Prediction",),
    "lungscope.models.checkpoint": ("Checkpoint",),
    "lungscope.training.recipe": ("Recipe",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lungscope' has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOME[name])
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"lungscope.{name} needs {error.name}, which is not installed; "
            "pip install 'lungscope[train]'",
            name=error.name,
        ) from error
    value = getattr(module, name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
