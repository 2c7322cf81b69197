"""From a name to a network."""

from lungscope.models.network import Network
from lungscope.models.registry import Shape, architecture
from lungscope.models.weights import NONE, original


def build(name: str, shape: Shape, weights: str = NONE) -> Network:
    """Builds an architecture with a new, random classifier.

    Args:
        name: one of `architectures()`.
        shape: number of classes and the like.
        weights: "imagenet", "none" or the path of a state dict of the original.

    Raises:
        LungscopeError: unknown name, or weights that are not to be had or do not fit.
    """
    chosen = architecture(name)
    return chosen.compose(original(chosen, weights), shape, chosen.trained)
