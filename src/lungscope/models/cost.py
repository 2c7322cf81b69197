"""What a network costs: parameters, bytes, multiply-adds."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model

from lungscope.models.registry import Architecture, Shape


@dataclass(frozen=True)
class Cost:
    """Size and work of an architecture.

    Attributes:
        original_parameters: of the 1,000-class original, as the paper counts them.
        parameters: of the network as built.
        trained_parameters: those that training changes.
        bytes: of the network's parameters and buffers in float32.
        multiply_adds: of one image, forward; convolutions and matrix products only.
    """

    original_parameters: int
    parameters: int
    trained_parameters: int
    bytes: int
    multiply_adds: int


def compute_cost(architecture: Architecture, shape: Shape, size: int = 224) -> Cost:
    """Counts without allocating a weight, on PyTorch's meta device.

    Args:
        architecture: what to count.
        shape: number of classes and the like.
        size: side of the input image in pixels.
    """
    with torch.device("meta"):
        original: nn.Module = get_model(architecture.original, weights=None)
        before = _parameters(original)
        network = architecture.compose(original, shape, architecture.trained).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.empty(1, 3, size, size))
    return Cost(
        original_parameters=before,
        parameters=_parameters(network),
        trained_parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        bytes=sum(tensor.nbytes for tensor in network.state_dict().values()),
        multiply_adds=counter.get_total_flops() // 2,
    )


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
