"""lungscope: chest X-ray lung disease classification that can be trusted."""

import os
from typing import TYPE_CHECKING, Any

from lungscope.about import DISCLAIMER, __version__

if TYPE_CHECKING:
    from lungscope.inference.classifier import Classifier
    from lungscope.inference.prediction import Prediction

# ONNX Runtime's wheels from 1.32 on write an identifier of the machine into the user's cache and
# hold the address of a collector. Only this, before it is imported, keeps them from either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["DISCLAIMER", "Classifier", "Prediction", "__version__"]


def __getattr__(name: str) -> Any:
    # Not before they are asked for: a room that needs no inference does not wait for its libraries.
    if name == "Classifier":
        from lungscope.inference.classifier import Classifier

        return Classifier
    if name == "Prediction":
        from lungscope.inference.prediction import Prediction

        return Prediction
    raise AttributeError(f"module 'lungscope' has no attribute {name!r}")
