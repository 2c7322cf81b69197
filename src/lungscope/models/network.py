"""The common form of all architectures: feature maps, pooling, classifier."""

from typing import Literal

import torch
from torch import Tensor, nn

from lungscope.images import Preprocessing

_FLATTEST = 1e-2
"""Added to an image's standard deviation: one of a single grey value stays finite."""

Trained = Literal["classifier", "all"]


class Network(nn.Module):
    """A classifier of images in three stages, each of them a module of torchvision's own layers.

    With `trained="classifier"` the first two stages are truly frozen: no gradient is recorded in
    them, and they stay in evaluation mode, so that neither dropout nor BatchNorm statistics move
    whatever mode the network is put in.

    Attributes:
        features: (B, 3, S, S) -> (B, C, h, w) feature maps.
        pool: feature maps -> the classifier's input, (B, F) where the architecture pools first.
        classifier: -> (B, K) logits, one a class.
        trained: "classifier" or "all": which parameters are trained.
    """

    def __init__(
        self, features: nn.Module, pool: nn.Module, classifier: nn.Module, trained: Trained
    ) -> None:
        super().__init__()
        self.features = features
        self.pool = pool
        self.classifier = classifier
        self.trained: Trained = trained
        if self.frozen:
            self.features.requires_grad_(False)
            self.pool.requires_grad_(False)

    @property
    def frozen(self) -> bool:
        """Whether everything before the classifier stays as it is."""
        return self.trained == "classifier"

    def train(self, mode: bool = True) -> "Network":
        """Puts what is trained into training (or evaluation) mode."""
        super().train(mode)
        if self.frozen:
            self.features.eval()
            self.pool.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Computes logits.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, K) float, unnormalised scores.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            pooled = self.pool(self.features(images))
        logits: Tensor = self.classifier(pooled)
        return logits


def compute_levels(network: Network, images: Tensor) -> tuple[Tensor, Tensor]:
    """Computes the last feature maps, and the means of those before each loss of resolution.

    The last layers represent what separates the classes and little else: to them a photograph or a
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


def to_unit(pixels: Tensor) -> Tensor:
    """Scales bytes to [0, 1].

    Args:
        pixels: (B, 1, S, S) uint8.

    Returns:
        (B, 1, S, S) float32.
    """
    return pixels.to(torch.float32) / 255


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Normalises and repeats the grey channel, as ImageNet's networks take three.

    Args:
        images: (B, 1, S, S) float32 in [0, 1].
        preprocessing: whose mean and standard deviation.

    Returns:
        (B, 3, S, S) float32, channels last in memory.
    """
    mean: Tensor | float = preprocessing.mean
    deviation: Tensor | float = preprocessing.std
    if preprocessing.normalisation == "image":
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        deviation = ((images - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True).sqrt() + _FLATTEST
    scaled = (images - mean) / deviation
    return scaled.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
