"""Train a segmenter of the lungs from drawn films."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from films import DrawnFilm, make_target
from network import LungSegmenterNetwork
from occlusion import paint_opacities
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lungscope.data.augmentation import Augmentation, augment
from lungscope.data.photometric import Photometric, vary_photometry
from lungscope.progress import OnProgress, ignore

_GEOMETRY = Augmentation(0.0, 0.0, rotation=15.0, zoom=0.35, shift=0.1)
_PHOTOMETRY = Photometric(
    brightness=0.15,
    contrast=0.5,
    gamma=0.6,
    equalize=0.1,
    sharpness=0.5,
    low_resolution=0.3,
    resolution=0.3,
    noise=0.05,
    erase_border=0.15,
    erase_corners=0.1,
)
_OCCLUDED = 0.5


@dataclass(frozen=True)
class Schedule:
    """How a segmenter is trained.

    Attributes:
        epochs: passes over the films that people drew, >= 1; as many others come with them.
        batch: films a step, >= 2.
        learning_rate: the largest of a one-cycle schedule, > 0.
        size: side of the network's input in pixels, a multiple of 16.
        weights: initial ones of the encoder.
        seed: of all draws.
    """

    epochs: int = 12
    batch: int = 16
    learning_rate: float = 3e-3
    size: int = 128
    weights: str = "imagenet"
    seed: int = 0


def fit_segmenter(
    films: Sequence[DrawnFilm], schedule: Schedule, on_progress: OnProgress = ignore
) -> LungSegmenterNetwork:
    """Trains a segmenter.

    Args:
        films: those to train on.
        schedule: how.
        on_progress: called after every step.

    Returns:
        The network in evaluation mode.

    Raises:
        UnreadableImage: a film or a drawing cannot be read.
        InvalidData: a drawing does not show two lungs.
        WeightsUnavailable: no initial weights.
    """
    torch.manual_seed(schedule.seed)
    network = LungSegmenterNetwork(schedule.weights).to(memory_format=torch.channels_last)
    stack = _stack(films, schedule.size)
    human = torch.tensor([film.human for film in films])
    steps = 2 * int(human.sum()) // schedule.batch
    optimiser = torch.optim.AdamW(network.parameters(), schedule.learning_rate, weight_decay=1e-2)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, total_steps=steps * schedule.epochs
    )
    generator = torch.Generator().manual_seed(schedule.seed)
    network.train()
    for epoch in range(schedule.epochs):
        for step, batch in enumerate(draw_batches(human, schedule.batch, steps, generator)):
            images, inside, known = vary(stack[batch], generator)
            loss = compute_loss(
                network(images.contiguous(memory_format=torch.channels_last)), inside, known
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            cycle.step()
            on_progress(epoch * steps + step + 1, steps * schedule.epochs)
    return network.eval()


def draw_batches(
    human: Tensor, batch: int, steps: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Draws the batches of an epoch: half of each drawn by people, half by other networks.

    Args:
        human: (N,) bool, who drew each film.
        batch: films in a batch.
        steps: batches in the epoch.
        generator: a CPU generator; its state decides the draws.

    Yields:
        (batch,) int64, which films.
    """
    halves = []
    for rows in (human.nonzero()[:, 0], (~human).nonzero()[:, 0]):
        repeats = -(-steps * batch // (2 * len(rows)))
        turns = [torch.randperm(len(rows), generator=generator) for _ in range(repeats)]
        halves.append(rows[torch.cat(turns)].split(batch // 2))
    for drawn, made in islice(zip(*halves, strict=False), steps):
        yield torch.cat([drawn, made])


def vary(stack: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Varies films together with their drawings.

    Args:
        stack: (B, 7, S, S) uint8: image, three of what is inside, three of what is known.
        generator: a CPU generator; its state decides the draws.

    Returns:
        Images (B, 1, S, S) in [0, 1], what is inside and what is known, both
        (B, 3, S, S) in [0, 1].
    """
    flipped = torch.rand((len(stack), 1, 1, 1), generator=generator) < 0.5
    mirrored = stack.flip(-1)[:, [0, 2, 1, 3, 5, 4, 6]]  # the left lung is then on the right
    moved = augment(torch.where(flipped, mirrored, stack).float() / 255, _GEOMETRY, generator)
    images, inside, known = moved[:, :1], moved[:, 1:4], moved[:, 4:]
    lungs = inside[:, :2].amax(dim=1, keepdim=True)
    images = paint_opacities(images, lungs, _OCCLUDED, generator)
    return vary_photometry(images, _PHOTOMETRY, generator), inside, (known > 0.99).float()


def compute_loss(logits: Tensor, inside: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy and 1 - Dice, over what is known.

    Args:
        logits: (B, 3, S, S).
        inside: likewise, in [0, 1].
        known: likewise, 0 or 1.
    """
    entropy = binary_cross_entropy_with_logits(logits, inside, weight=known)
    found, drawn = torch.sigmoid(logits) * known, inside * known
    both = (found * drawn).sum(dim=(2, 3))
    dice = (2 * both + 1) / (found.sum(dim=(2, 3)) + drawn.sum(dim=(2, 3)) + 1)
    return entropy + 1 - dice.mean()


def _stack(films: Sequence[DrawnFilm], size: int) -> Tensor:
    targets = [make_target(film, size) for film in films]
    return torch.from_numpy(
        np.stack([np.concatenate([t.image[None], t.inside, t.known]) for t in targets])
    )
