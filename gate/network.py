"""The gate's network: frozen first blocks of an ImageNet network, and a small trained head."""

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from lungscope.export.graph import OPSET, forget_origin, quiet_libraries
from lungscope.inference.gate import SIDE, VIEWS

BLOCKS = 7
"""Of MobileNetV2, to a stride of 8: maps of 32 x 8 x 8. Four more (to a stride of 16) were no
better in cross-validation and cost half as much time again."""

GREY_MEAN, GREY_STD = 0.449, 0.226
"""ImageNet's mean and standard deviation over the three colours."""


class Trunk(nn.Module):
    """MobileNetV2's first blocks for grey images, without gradients."""

    def __init__(self) -> None:
        super().__init__()
        blocks = mobilenet_v2(weights=MobileNet_V2_Weights.IMAGENET1K_V1).features[:BLOCKS]
        first = blocks[0][0]
        grey = nn.Conv2d(1, first.out_channels, 3, stride=2, padding=1, bias=False)
        grey.weight = nn.Parameter(first.weight.detach().sum(dim=1, keepdim=True))
        blocks[0][0] = grey
        self.blocks = fuse(blocks.eval()).requires_grad_(requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Returns (B, 32, 8, 8) for (B, 1, 64, 64) uint8."""
        return self.blocks((images.float() / 255 - GREY_MEAN) / GREY_STD)


class Head(nn.Sequential):
    """From the trunk's maps to a logit of each view; it keeps where things are."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(32, 48, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.Conv2d(48, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(32 * 4 * 4, len(VIEWS)),
        )


def export_trunk() -> bytes:
    """The trunk as an ONNX graph for one image: ONNX Runtime is faster than torch here."""
    return _export(Trunk().eval(), "maps")


def export_gate(head: Head) -> bytes:
    """Trunk, head and softmax as the ONNX graph for one image that the package bundles."""
    fused = fuse(head.cpu().eval())
    return _export(nn.Sequential(Trunk(), fused, nn.Softmax(dim=1)).eval(), "views")


def _export(module: nn.Module, output: str) -> bytes:
    with quiet_libraries():
        program = torch.onnx.export(
            module,
            (torch.zeros(1, 1, SIDE, SIDE, dtype=torch.uint8),),
            input_names=["images"],
            output_names=[output],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    forget_origin(program.model_proto)
    content: bytes = program.model_proto.SerializeToString(deterministic=True)
    return content
