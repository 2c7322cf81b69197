"""The paper's seven models, then others, of torchvision's layers (sections III-C and III-D).

"Only the classifier trained" means: the last layer, which is new, and the dropout before it.
"""

from collections import OrderedDict

from torch import nn
from torchvision.models import VGG, DenseNet, MobileNetV2, ResNet, SqueezeNet

from lungscope.models.network import Network, Trained
from lungscope.models.registry import Shape, register_model
from lungscope.models.squeeze_excitation import after_first_convolution


@register_model("squeezenet", "SqueezeNet", "squeezenet1_0", "classifier")
def squeezenet(original: SqueezeNet, shape: Shape, trained: Trained) -> Network:
    """SqueezeNet 1.0 (arXiv 1602.07360): the classifier is a 1x1 convolution, then pooling."""
    dropout, convolution, relu, average = original.classifier
    classifier = nn.Conv2d(convolution.in_channels, shape.classes, kernel_size=1)
    return Network(
        features=original.features,
        pool=nn.Identity(),
        classifier=nn.Sequential(dropout, classifier, relu, average, nn.Flatten()),
        trained=trained,
    )


@register_model("vgg11", "VGG11", "vgg11", "classifier")
def vgg11(original: VGG, shape: Shape, trained: Trained) -> Network:
    """VGG11 (arXiv 1409.1556): the two hidden fully connected layers belong to the backbone."""
    *hidden, dropout, last = original.classifier
    return Network(
        features=original.features,
        pool=nn.Sequential(original.avgpool, nn.Flatten(), *hidden),
        classifier=nn.Sequential(dropout, nn.Linear(last.in_features, shape.classes)),
        trained=trained,
    )


@register_model("resnet18", "ResNet18", "resnet18", "classifier")
def resnet18(original: ResNet, shape: Shape, trained: Trained) -> Network:
    """ResNet18 (arXiv 1512.03385)."""
    stages = [
        (name, stage) for name, stage in original.named_children() if name not in {"avgpool", "fc"}
    ]
    return Network(
        features=nn.Sequential(OrderedDict(stages)),
        pool=_average(),
        classifier=nn.Linear(original.fc.in_features, shape.classes),
        trained=trained,
    )


@register_model("densenet121", "DenseNet121", "densenet121", "classifier")
def densenet121(original: DenseNet, shape: Shape, trained: Trained) -> Network:
    """DenseNet121 (arXiv 1608.06993), with the ReLU that its forward pass adds at the end."""
    stages = OrderedDict(original.features.named_children())
    stages["relu"] = nn.ReLU(inplace=True)
    return Network(
        features=nn.Sequential(stages),
        pool=_average(),
        classifier=nn.Linear(original.classifier.in_features, shape.classes),
        trained=trained,
    )


@register_model("mobilenet-v2", "MobileNetV2", "mobilenet_v2", "classifier")
def mobilenet_v2(original: MobileNetV2, shape: Shape, trained: Trained) -> Network:
    """MobileNetV2 (arXiv 1801.04381)."""
    dropout, last = original.classifier
    return Network(
        features=original.features,
        pool=_average(),
        classifier=nn.Sequential(dropout, nn.Linear(last.in_features, shape.classes)),
        trained=trained,
    )


@register_model("mobilenet-ft", "MobileNet-FT", "mobilenet_v2", "all")
def mobilenet_ft(original: MobileNetV2, shape: Shape, trained: Trained) -> Network:
    """MobileNetV2 with all layers trained (paper, section III-C)."""
    return mobilenet_v2(original, shape, trained)


@register_model("mobilenet-lung", "MobileNet-Lung", "mobilenet_v2", "all")
def mobilenet_lung(original: MobileNetV2, shape: Shape, trained: Trained) -> Network:
    """MobileNet-FT with Squeeze-and-Excitation after the first convolution (section III-D)."""
    original.features = after_first_convolution(original.features, shape.se_reduction)
    return mobilenet_v2(original, shape, trained)


@register_model("squeezenet1_1", "SqueezeNet 1.1", "squeezenet1_1", "classifier")
def squeezenet1_1(original: SqueezeNet, shape: Shape, trained: Trained) -> Network:
    """SqueezeNet 1.1, of the same authors: not one of the paper's, with a third of its work."""
    return squeezenet(original, shape, trained)


def _average() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
