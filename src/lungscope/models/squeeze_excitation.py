"""The block that makes MobileNet-Lung: channels weighed by what the whole image shows."""

from collections import OrderedDict

import torch
from torch import nn
from torchvision.ops import Conv2dNormActivation, SqueezeExcitation

from lungscope.errors import InvalidSetting

OPEN = 3.0
"""Bias of the gate before training: sigmoid(3) = 0.953, still far from saturation."""


def squeeze_excitation(channels: int, reduction: int = 16) -> SqueezeExcitation:
    """A Squeeze-and-Excitation block that starts near the identity.

    s = sigmoid(W2 relu(W1 z)) with z the global average of each channel, then every channel is
    multiplied by its s (paper, equations 1-3; arXiv 1709.01507). The gates start open and nearly
    equal, so that pre-trained layers behind the block see what they were trained on.

    Args:
        channels: of the block's input, (B, channels, h, w).
        reduction: channels over those of the bottleneck; the paper gives none, 16 is SE's own.

    Raises:
        InvalidSetting: the bottleneck would have no channel.
    """
    if not 1 <= reduction <= channels:
        raise InvalidSetting(
            f"SE reduction {reduction}: give 1 to {channels}, the channels of the block's input"
        )
    block = SqueezeExcitation(channels, channels // reduction)
    with torch.no_grad():
        # Its input is an average of ReLU6's outputs, never negative: a unit whose weights sum
        # to less than 0 would start dead, and with two units often both, never to learn again.
        block.fc1.weight *= torch.sign(block.fc1.weight.sum(dim=1, keepdim=True))
    nn.init.zeros_(block.fc1.bias)
    nn.init.normal_(block.fc2.weight, std=0.01)
    nn.init.constant_(block.fc2.bias, OPEN)
    return block


def after_first_convolution(features: nn.Sequential, reduction: int) -> nn.Sequential:
    """Inserts the block behind the first convolution block, leaving every other layer and name.

    Args:
        features: MobileNetV2's feature layers, "0" (a convolution block) to "18".
        reduction: of the block.

    Returns:
        The same layers under the same names, with "se" between "0" and "1".
    """
    (name, first), *others = features.named_children()
    assert isinstance(first, Conv2dNormActivation)  # noqa: S101  so it is in torchvision
    block = squeeze_excitation(first.out_channels, reduction)
    return nn.Sequential(OrderedDict([(name, first), ("se", block), *others]))
