"""A small U-Net: the first stages of MobileNetV2, and a decoder of separable convolutions."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lungscope.export.graph import OPSET, forget_origin, quiet_libraries
from lungscope.models.registry import get_architecture
from lungscope.models.weights import load_original

CHANNELS = 3
"""The left lung field, the right, and both as far as they are aerated; sides of the image."""

_STAGES = (2, 4, 7, 14)
"""Layers of MobileNetV2 after which its maps are kept: the last of each resolution."""

_WIDTHS = (16, 24, 32, 96)
"""Of the maps that are kept."""

_DECODED = (24, 32, 64)
"""Widths of the decoder, from the finest resolution on."""


_SMALL = 64
"""Fewer weights than this are stored as they are."""


class LungSegmenterNetwork(nn.Module):
    """Bytes of a square radiograph in, the probability of lung at every place out.

    Every image is standardised by its own mean and standard deviation, because exposure says
    nothing of where the lungs are.

    Args:
        weights: initial ones of the encoder: "imagenet", "none" or a file, as `models` reads them.
    """

    def __init__(self, weights: str = "none") -> None:
        super().__init__()
        features = load_original(get_architecture("mobilenet-v2"), weights).features
        starts = (0, *_STAGES)
        self.encoder = nn.ModuleList(
            features[start:end] for start, end in zip(starts, _STAGES, strict=False)
        )
        inputs = (*_DECODED[1:], _WIDTHS[-1])
        self.decoder = nn.ModuleList(
            _separable(deep + skipped, out)
            for deep, skipped, out in zip(inputs, _WIDTHS, _DECODED, strict=False)
        )
        self.head = nn.Conv2d(_DECODED[0], CHANNELS, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Computes logits.

        Args:
            images: (B, 1, S, S) float32 in [0, 1]; S is a multiple of 16.

        Returns:
            (B, 3, S, S) float32.
        """
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        deviation = ((images - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        maps = ((images - mean) / (deviation + 1e-3)).expand(-1, 3, -1, -1)
        kept = []
        for stage in self.encoder:
            maps = stage(maps)
            kept.append(maps)
        for level in range(len(_DECODED) - 1, -1, -1):
            maps = interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
            maps = self.decoder[level](torch.cat([maps, kept[level]], dim=1))
        return interpolate(self.head(maps), scale_factor=2.0, mode="bilinear", align_corners=False)


def count_parameters(network: nn.Module) -> int:
    """The number of a network's parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def _separable(channels: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (channels, out):
        layers += [
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, out, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU6(inplace=True),
        ]
    return nn.Sequential(*layers)


class _Answering(nn.Module):
    def __init__(self, network: LungSegmenterNetwork) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.network(images.float() / 255))


def export_network(network: LungSegmenterNetwork, size: int) -> bytes:
    """The network as the ONNX graph for one image that the package bundles.

    Weights are stored in half precision and enlarged when the graph is loaded: half the size, and
    probabilities that differ by less than a thousandth.

    Args:
        network: trained.
        size: side of its input in pixels.
    """
    with quiet_libraries():
        program = torch.onnx.export(
            _Answering(network.cpu().to(memory_format=torch.contiguous_format)),
            (torch.zeros(1, 1, size, size, dtype=torch.uint8),),
            input_names=["images"],
            output_names=["lungs"],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    forget_origin(model)
    _store_in_half(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _store_in_half(model: onnx.ModelProto) -> None:
    stored = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _SMALL:
            stored.append(weight)
            continue
        name = f"{weight.name}.half"
        stored.append(numpy_helper.from_array(values.astype(np.float16), name))
        cast = helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT)
        model.graph.node.insert(0, cast)
    del model.graph.initializer[:]
    model.graph.initializer.extend(stored)
