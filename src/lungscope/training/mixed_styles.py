"""MixStyle: feature maps with the contrast and brightness of another image of the batch."""

import torch
from torch import Tensor, nn

from lungscope.models import Network

ALPHA = 0.1
"""Of the Beta distribution of the proportion that is kept; the paper's (section 4)."""

_STAGES = 2
"""The first so many resolutions are mixed: deeper statistics also hold what is shown."""


class MixedStyles:
    """Mixes the statistics of early feature maps between images, in training alone.

    The mean and the spread of each channel of early maps hold the style of an image: exposure,
    sharpness, the film or the detector (Zhou et al., 2021, "Domain Generalization with MixStyle",
    arXiv 2104.02008). Every image takes a random mean of its own and those of another image.

    Args:
        network: whose `features` are mixed, at the end of the first two resolutions.
        probability: of a batch to be mixed, in [0, 1].

    Examples:
        >>> from lungscope.models import Shape, build_network
        >>> network = build_network("mobilenet-v2", Shape(3))
        >>> with MixedStyles(network, probability=0.5):
        ...     logits = network(torch.rand(4, 3, 64, 64))
    """

    def __init__(self, network: Network, probability: float) -> None:
        self._layers = _ends_of_resolutions(network)[:_STAGES]
        self._probability = probability
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> "MixedStyles":
        """Mixes from here on. Draws are of torch's global generator."""
        if float(torch.rand(())) < self._probability:
            self._hooks = [
                layer.register_forward_hook(lambda _, __, maps: mix_styles(maps))
                for layer in self._layers
            ]
        return self

    def __exit__(self, *_: object) -> None:
        """Lets the network be as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []


def mix_styles(maps: Tensor, alpha: float = ALPHA) -> Tensor:
    """Gives each image's maps a mean of two images' statistics (the paper's equations 5 to 7).

    Args:
        maps: (B, C, h, w) float.
        alpha: of the Beta distribution, > 0.

    Returns:
        (B, C, h, w).
    """
    with torch.no_grad():
        mean = maps.mean(dim=(2, 3), keepdim=True)
        deviation = (maps.var(dim=(2, 3), keepdim=True) + 1e-6).sqrt()
        kept = torch.distributions.Beta(alpha, alpha).sample((len(maps), 1, 1, 1)).to(maps)
        other = torch.randperm(len(maps))
        mixed_mean = kept * mean + (1 - kept) * mean[other]
        mixed_deviation = kept * deviation + (1 - kept) * deviation[other]
    return (maps - mean) / deviation * mixed_deviation + mixed_mean


def _ends_of_resolutions(network: Network) -> list[nn.Module]:
    """Finds the layers whose maps are the last of their resolution, from the finest on."""
    layers = list(network.features.children())
    sides, was_training = [], network.training
    network.eval()
    with torch.no_grad():
        parameter = next(network.parameters())
        maps = torch.zeros((1, 3, 64, 64), device=parameter.device, dtype=parameter.dtype)
        for layer in layers:
            maps = layer(maps)
            sides.append(maps.shape[-1])
    network.train(was_training)
    pairs = zip(layers, sides, sides[1:], strict=False)
    return [layer for layer, side, following in pairs if following < side]
