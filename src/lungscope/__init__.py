"""lungscope: chest X-ray lung disease classification that can be trusted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungscope.inference.classifier import Classifier
    from lungscope.inference.prediction import Prediction

__all__ = ["DISCLAIMER", "Classifier", "Prediction", "__version__"]

__version__ = "0.1.0"

DISCLAIMER = "Research software, not for diagnosis."
"""On everything that a person reads."""


def __getattr__(name: str) -> Any:
    # Not before they are asked for: a room that needs no inference does not wait for its libraries.
    if name == "Classifier":
        from lungscope.inference.classifier import Classifier

        return Classifier
    if name == "Prediction":
        from lungscope.inference.prediction import Prediction

        return Prediction
    raise AttributeError(f"module 'lungscope' has no attribute {name!r}")
