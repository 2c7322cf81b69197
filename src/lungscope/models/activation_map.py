"""The class activation map: which place of an image speaks for which class, and how much."""

import torch
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


def compute_activation_map(network: Network, maps: Tensor) -> Tensor:
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


def compute_grad_cam(network: Network, maps: Tensor) -> Tensor:
    """Weighs the last feature maps by the mean gradient of each logit (Selvaraju et al., 2017).

    The sum of equation 1 in arXiv 1610.02391, before the ReLU, with nothing normalised. So it is
    in units of the logit: where one average over all places stands between the maps and a linear
    classifier it is the class activation map itself, and elsewhere a first-order estimate of what
    each place contributes.

    Args:
        network: any, in evaluation mode, on the device of `maps`.
        maps: (B, C, h, w) float, what `network.features` gives; B is small, as it takes a backward
            pass a class.

    Returns:
        (B, K, h, w) float.
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        maps = maps.detach().clone().requires_grad_()
        # Not `network.forward`, which records no gradient in a frozen backbone's pooling.
        totals = network.classifier(network.pool(maps)).sum(dim=0)
        gradients = [torch.autograd.grad(total, maps, retain_graph=True)[0] for total in totals]
    weights = torch.stack(gradients, dim=1).mean(dim=(-2, -1), keepdim=True)
    found: Tensor = (weights * maps.detach().unsqueeze(1)).sum(dim=2)
    return found
