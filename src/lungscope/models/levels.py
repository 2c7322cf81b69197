"""What a network sees on its way: means of its feature maps at every resolution but the last."""

import torch
from torch import Tensor

from lungscope.models.network import Network


def with_levels(network: Network, images: Tensor) -> tuple[Tensor, Tensor]:
    """Computes the last feature maps, and the means of those before each loss of resolution.

    The last layers know what tells the classes apart and little else: to them a photograph or a
    radiograph on its side is some class. Earlier ones still know whether it looks like a
    radiograph (Rippel et al., 2020, arXiv 2005.14140, who take the means of the maps at several
    depths; Anthony and Kamnitsas, 2023, arXiv 2309.01488, on chest X-rays).

    Args:
        network: any; its feature stage is a sequence of layers.
        images: (B, 3, S, S) float, normalised.

    Returns:
        What `network.features` gives, (B, C, h, w), and (B, F) the means over all places of the
        maps that are the last of their resolution, from the finest on; the coarsest resolution is
        left out, for the classifier's features are its means.

    Raises:
        ValueError: all maps have one resolution.
    """
    first, *others = network.features.children()
    maps: Tensor = first(images)
    levels = []
    for layer in others:
        before, maps = maps, layer(maps)  # layers that work in place keep the resolution
        if maps.shape[-1] < before.shape[-1]:
            levels.append(before.mean(dim=(2, 3)))
    if not levels:
        raise ValueError("all maps of the network have one resolution")
    return maps, torch.cat(levels, dim=1)
