"""Distillation: a network is trained to answer as its teachers do."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate, kl_div, log_softmax, softmax

from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import normalise


class Teaching:
    """What teachers answer for the views of a batch that their student is trained on.

    It is no module: the teachers are neither trained nor part of the student's state.

    Args:
        teachers: one or more, of the same classes in any order; each of any architecture and size.
        classes: of the student, in the order of its outputs.
        temperature: divisor of the teachers' logits, > 0.
    """

    def __init__(
        self, teachers: Sequence[Checkpoint], classes: Sequence[str], temperature: float
    ) -> None:
        self._teachers = tuple(teachers)
        self._orders = [[each.classes.index(name) for name in classes] for each in teachers]
        self._temperature = temperature

    def __deepcopy__(self, _: object) -> "Teaching":
        """Itself: nothing in it changes, and a moving average copies what is trained."""
        return self

    def to(self, device: torch.device) -> None:
        """Moves the teachers to a device."""
        for teacher in self._teachers:
            teacher.network.to(device)

    @torch.no_grad()
    def answer(self, images: Tensor) -> Tensor:
        """Computes the mean of the teachers' probabilities at the temperature.

        Args:
            images: (B, 1, S, S) float32 in [0, 1], as the student sees them before they are
                normalised; resized to each teacher's size.

        Returns:
            (B, K) float32, rows summing to 1, in the order of the student's classes.
        """
        answers = [
            self._answer(teacher, images)[:, order]
            for teacher, order in zip(self._teachers, self._orders, strict=True)
        ]
        return torch.stack(answers).mean(dim=0)

    def _answer(self, teacher: Checkpoint, images: Tensor) -> Tensor:
        preprocessing = teacher.description.preprocessing
        size = preprocessing.size
        if images.shape[-1] != size:
            images = interpolate(
                images, size=size, mode="bilinear", antialias=True, align_corners=False
            )
        logits = teacher.network.eval()(normalise(images, preprocessing))
        return softmax(logits.float() / self._temperature, dim=1)


def distillation_losses(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Computes how far a student's answers are from its teachers' (Hinton et al., 2015).

    Multiplied by the square of the temperature, the gradient keeps its size at any temperature
    (arXiv 1503.02531, section 2).

    Args:
        logits: (B, K) float, the student's.
        taught: (B, K) float, the teachers' probabilities at the temperature.
        temperature: > 0.

    Returns:
        (B,) >= 0, the Kullback-Leibler divergence of each image, in nats times the square of the
        temperature.

    Examples:
        >>> taught = torch.tensor([[0.5, 0.5]])
        >>> distillation_losses(torch.tensor([[3.0, 3.0]]), taught, 2.0).tolist()
        [0.0]
    """
    answered = log_softmax(logits.float() / temperature, dim=1)
    return temperature**2 * kl_div(answered, taught, reduction="none").sum(dim=1)
