"""The paper's seven architectures by name, their weights, and the checkpoint format."""

from lungscope.models import architectures as _registered  # noqa: F401  fills the registry
from lungscope.models.building import build
from lungscope.models.network import Network
from lungscope.models.registry import Architecture, Shape, architecture, architectures
from lungscope.models.weights import WeightsUnavailable

__all__ = [
    "Architecture",
    "Network",
    "Shape",
    "WeightsUnavailable",
    "architecture",
    "architectures",
    "build",
]
