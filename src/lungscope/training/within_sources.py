"""Learning normal from abnormal within sources that have both.

A source with abnormal images alone, such as a collection of one disease, teaches a network that
whatever looks like this source is abnormal, and one with normal images alone the opposite. What
kind of finding an image shows can be learned from either.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot

from lungscope.data.classes import find_normal
from lungscope.data.split import SplitEntry
from lungscope.errors import InvalidSetting
from lungscope.training.cells import number_cells


class WithinSources:
    """A cross-entropy in two parts: normal or not, and of what kind if it is not.

    By the chain rule, log p(class) = log p(abnormal) + log p(class | abnormal) for an abnormal
    image. The first part of an image of a source that has only normal, or only abnormal, images
    counts less. Where all count the same it is the plain cross-entropy.

    Args:
        weights: (cells,) float32 in [0, 1], how much the first part of a cell's images counts.
        normal: index of the class of normal images.
    """

    def __init__(self, weights: Tensor, normal: int) -> None:
        self._weights = weights
        self._normal = normal

    @classmethod
    def of(
        cls, entries: Sequence[SplitEntry], classes: Sequence[str], reduction: float
    ) -> "WithinSources":
        """Makes the loss for training images.

        Args:
            entries: the training images.
            classes: class names.
            reduction: as of `weigh_cells`.

        Raises:
            InvalidSetting: no class is named Normal.
        """
        normal = find_normal(classes)
        if normal is None:
            raise InvalidSetting(
                f"within-sources: none of the classes {', '.join(classes)} is named Normal; "
                "leave it at 0"
            )
        return cls(weigh_cells(entries, normal, reduction), normal)

    def losses(
        self, logits: Tensor, targets: Tensor, cells: Tensor, label_smoothing: float
    ) -> Tensor:
        """Computes the loss of each image, in nats.

        Args:
            logits: (B, K) float.
            targets: (B,) int64 labels, or (B, K) proportions of classes where images are mixed.
            cells: (B,) int64, the cell of class and source of each.
            label_smoothing: as of torch's `cross_entropy`.

        Returns:
            (B,) float.
        """
        classes = logits.shape[1]
        if targets.ndim == 1:
            targets = one_hot(targets, classes).to(logits.dtype)
        targets = (1 - label_smoothing) * targets + label_smoothing / classes
        kinds = [label for label in range(classes) if label != self._normal]
        logs = log_softmax(logits, dim=1)
        abnormal = torch.logsumexp(logs[:, kinds], dim=1)
        whether = -targets[:, self._normal] * logs[:, self._normal]
        whether = whether - targets[:, kinds].sum(dim=1) * abnormal
        which = -(targets[:, kinds] * (logs[:, kinds] - abnormal[:, None])).sum(dim=1)
        return self._weights.to(logits.device)[cells] * whether + which


def weigh_cells(entries: Sequence[SplitEntry], normal: int, reduction: float) -> Tensor:
    """Computes how much each cell of class and source counts in learning normal from abnormal.

    Args:
        entries: the training images.
        normal: index of the class of normal images.
        reduction: in [0, 1], by how much sources that have only one of both count less.

    Returns:
        (cells,) float32, in the order of `number_cells`.
    """
    found = defaultdict(set)
    for entry in entries:
        found[entry.source].add(entry.label == normal)
    weights: dict[int, float] = {}
    for cell, entry in zip(number_cells(entries).tolist(), entries, strict=True):
        weights[cell] = 1.0 if len(found[entry.source]) == 2 else 1.0 - reduction
    return torch.tensor([weights[cell] for cell in sorted(weights)])
