"""The architectures by name, their weights, and the checkpoint format."""

from lungscope.models import architectures as _registered  # noqa: F401  fills the registry
from lungscope.models.network import Network
from lungscope.models.registry import Architecture, Shape, get_architecture, list_architectures
from lungscope.models.weights import build_network

__all__ = [
    "Architecture",
    "Network",
    "Shape",
    "build_network",
    "get_architecture",
    "list_architectures",
]
