"""Grad-CAM: which place of an image speaks for which class, in any architecture."""

import torch
from torch import Tensor

from lungscope.models.network import Network


def grad_cam(network: Network, maps: Tensor) -> Tensor:
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
