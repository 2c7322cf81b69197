"""Several networks, or one network on an image and its mirror, as one that answers by their mean.

What is averaged are calibrated probabilities, as in deep ensembles (Lakshminarayanan et al., 2017,
arXiv 1612.01474, section 2.4). A mean of logits would give the network with the largest scores the
most to say, however its temperature tempers them.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lungscope.export.graph import Answering, ExportModule
from lungscope.inference.session import ACTIVATION_MAP, FEATURES, LOGITS, PROBABILITIES


class AveragedModule(Answering):
    """The mean of networks, with the inputs and outputs of a single one.

    Attributes:
        members: one or more networks for images of one size, with classes in one order.
        mapped: whether all of them have an activation map.
        flip: whether each also answers for the image's mirror, which takes twice the time.
    """

    def __init__(self, members: Sequence[ExportModule], *, flip: bool) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.mapped = all(ACTIVATION_MAP in member.outputs for member in members)
        self.flip = flip
        self.eval()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what `forward` gives, in its order."""
        always = (LOGITS, PROBABILITIES, FEATURES)
        return (*always, ACTIVATION_MAP) if self.mapped else always

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Answers for images.

        Args:
            images: (B, 1, S, S) uint8, as `images.to_square` gives them.

        Returns:
            The logarithms (B, K) of the mean of the members' calibrated probabilities, which are
            logits at a temperature of 1; that mean (B, K); the members' features side by side
            (B, F1 + F2 + ...), each the mean over the views, as those of different networks have
            nothing to do with each other; and, where all members have an activation map, the mean
            of theirs (B, K, h, w), of the largest resolution, each divided by its temperature and
            that of the mirror turned back. All float32.
        """
        logs, features, maps = [], [], []
        for member in self.members:
            answers = [member(images)]
            if self.flip:
                answers.append(member(images.flip(3)))
            logs += [torch.log_softmax(each[0] / member.temperature, dim=1) for each in answers]
            features.append(torch.stack([each[2] for each in answers]).mean(dim=0))
            if self.mapped:
                ways = [answers[0][3], *(each[3].flip(3) for each in answers[1:])]
                maps += [each / member.temperature for each in ways]
        # by logarithms throughout: the probability of a class may be too small for a float
        mean = torch.logsumexp(torch.stack(logs), dim=0) - math.log(len(logs))
        found = (mean, torch.softmax(mean, dim=1), torch.cat(features, dim=1))
        return (*found, _mean_map(maps)) if self.mapped else found


def _mean_map(maps: Sequence[Tensor]) -> Tensor:
    height, width = max(tuple(each.shape[2:]) for each in maps)
    resized = []
    for each in maps:
        places = each.shape[2] * each.shape[3]
        if places < height * width:
            larger = interpolate(each, (height, width), mode="bilinear", align_corners=False)
            each = larger * (places / (height * width))  # the sum over all places is kept
        resized.append(each)
    return torch.stack(resized).mean(dim=0)
