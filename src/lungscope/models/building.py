"""From a name to a network."""

from safetensors.torch import load_file

from lungscope.errors import LungscopeError
from lungscope.inference.description import Description
from lungscope.inference.exported import DESCRIPTION, SHIPPED_MODEL
from lungscope.models.network import Network
from lungscope.models.registry import Shape, architecture
from lungscope.models.weights import NONE, SHIPPED, original


def build(name: str, shape: Shape, weights: str = NONE) -> Network:
    """Builds an architecture with a new, random classifier.

    Args:
        name: one of `architectures()`.
        shape: number of classes and the like.
        weights: "imagenet", "shipped" (the model in the box, trained on radiographs), "none" or
            the path of a state dict of the original.

    Raises:
        LungscopeError: unknown name, or weights that are not to be had or do not fit.
    """
    chosen = architecture(name)
    if weights != SHIPPED:
        return chosen.compose(original(chosen, weights), shape, chosen.trained)
    network = chosen.compose(original(chosen, NONE), shape, chosen.trained)
    _fill_features(network, name, shape)
    return network


def _fill_features(network: Network, name: str, shape: Shape) -> None:
    shipped = Description.load(SHIPPED_MODEL / DESCRIPTION)
    if (name, shape.se_reduction) != (shipped.architecture, shipped.se_reduction):
        raise LungscopeError(
            f"{name}: the shipped weights are of {shipped.architecture} with an SE reduction of "
            f"{shipped.se_reduction}; train that, or start from --weights imagenet"
        )
    prefix = "features."
    state = load_file(SHIPPED_MODEL / "model.safetensors")
    network.features.load_state_dict(
        {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    )
