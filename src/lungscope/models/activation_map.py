"""The class activation map: which place of an image speaks for which class, and how much."""

from torch import Tensor, nn
from torch.nn.functional import conv2d

from lungscope.models.network import Network


def has_activation_map(network: Network) -> bool:
    """Whether a network's logits are sums over the places of its feature maps.

    They are where one average over all places stands between the maps and a linear classifier
    (ResNet, DenseNet, MobileNet) or after a convolution as classifier (SqueezeNet), and not where
    fully connected layers see all places at once (VGG).
    """
    return _linear(network) is not None or _convolution(network) is not None


def activation_map(network: Network, maps: Tensor) -> Tensor:
    """Splits logits into what every place contributes (Zhou et al., 2016, arXiv 1512.04150).

    Args:
        network: one that has an activation map.
        maps: (B, C, h, w) float, what `network.features` gives.

    Returns:
        (B, K, h, w) float. Summed over h and w it is the logits, less the linear classifier's bias.

    Raises:
        ValueError: the network has no activation map.
    """
    places = maps.shape[-2] * maps.shape[-1]
    linear, convolution = _linear(network), _convolution(network)
    if linear is not None:
        return conv2d(maps, linear.weight[:, :, None, None]) / places
    if convolution is not None:
        found: Tensor = convolution(maps) / places
        return found
    raise ValueError("this network's logits are no sums over places: it has no activation map")


def _linear(network: Network) -> nn.Linear | None:
    """The linear classifier of features that one average over all places gives, if it is so."""
    pools = [m for m in network.pool.modules() if isinstance(m, nn.AdaptiveAvgPool2d)]
    layers = [m for m in network.classifier.modules() if isinstance(m, nn.Linear)]
    if [pool.output_size for pool in pools] == [1] and len(layers) == 1:
        return layers[0]
    return None


def _convolution(network: Network) -> nn.Sequential | None:
    """SqueezeNet's classifier up to its average, if it is so: the convolution and its ReLU."""
    layers = list(network.classifier.children())
    average = next((i for i, m in enumerate(layers) if isinstance(m, nn.AdaptiveAvgPool2d)), None)
    if not isinstance(network.pool, nn.Identity) or average is None:
        return None
    return nn.Sequential(*layers[:average])
