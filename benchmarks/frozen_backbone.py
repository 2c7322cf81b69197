"""Seconds an epoch with a frozen backbone run every time and with its features held, side by side.

    python benchmarks/frozen_backbone.py [--model mobilenet-v2] [--images 320] [--rounds 3]

Synthetic pixels, random weights, the steps of `lungscope train` without what Lightning adds; an
eighth as many validation as training images, as in the paper. The ways take turns, so that a change
in the machine's speed meets them all. The first lets gradients flow through all layers, as they do
in a network that is not frozen; what a cache is worth tells the ratio to the second.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.images import Preprocessing
from lungscope.models import Network, Shape, build_network, get_architecture, list_architectures
from lungscope.models.weights import NONE, load_original
from lungscope.training.execution import Execution
from lungscope.training.frozen import FrozenBackbone, features_where_they_fit
from lungscope.training.loading import (
    CachedImages,
    SubsetImages,
    training_batches,
    validation_batches,
)
from lungscope.training.module import LungTraining
from lungscope.training.recipe import Recipe

SHAPE = Shape(classes=3)
PAPER, FLIPS = Recipe(), Recipe(rotation=0)
PREPROCESSING = Preprocessing(PAPER.size, 0.5, 0.25)


class Steps(LungTraining):
    """The steps alone: there is no trainer to log to."""

    def log(self, *_: Any, **__: Any) -> None:
        pass


def synthetic(count: int) -> CachedImages:
    shape = (count, PAPER.size, PAPER.size)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    entries = [
        SplitEntry(f"{row}.png", row % 3, str(row), str(row), "train") for row in range(count)
    ]
    return CachedImages(Cache(pixels, {str(row): row for row in range(count)}, Path()), entries)


def epoch(steps: Steps, train: SubsetImages, validation: SubsetImages) -> None:
    optimizer = torch.optim.SGD(steps.network.classifier.parameters(), lr=0.01, momentum=0.9)
    steps.on_train_epoch_start()
    for step, batch in enumerate(training_batches(train, PAPER.batch_size, seed=0)):
        optimizer.zero_grad()
        steps.training_step(batch, step).backward()
        optimizer.step()
    steps.eval()
    with torch.no_grad():
        for step, batch in enumerate(validation_batches(validation, 2 * PAPER.batch_size)):
            steps.validation_step(batch, step)


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def unfrozen(model: str) -> Network:
    chosen = get_architecture(model)
    return chosen.compose(load_original(chosen, NONE), SHAPE, "all")


def measure(
    frozen: Network, whole: Network, train: CachedImages, validation: CachedImages
) -> dict[str, float]:
    """One round: seconds of an epoch in each way, and of what is computed once."""
    with_rotation = Steps(frozen, SHAPE.classes, PAPER, PREPROCESSING)
    with_flips = Steps(frozen, SHAPE.classes, FLIPS, PREPROCESSING)
    backbone = FrozenBackbone(frozen, PREPROCESSING)

    def once(recipe: Recipe) -> tuple[float, tuple[SubsetImages, SubsetImages]]:
        return seconds(lambda: features_where_they_fit(backbone, train, validation, recipe))

    found = {}
    all_layers = Steps(whole, SHAPE.classes, PAPER, PREPROCESSING)
    found["gradient recorded"], _ = seconds(lambda: epoch(all_layers, train, validation))
    found["no gradient"], _ = seconds(lambda: epoch(with_rotation, train, validation))
    found["once, for validation"], subsets = once(PAPER)
    found["validation held"], _ = seconds(lambda: epoch(with_rotation, *subsets))
    found["once, for all"], subsets = once(FLIPS)
    found["all held" if subsets[0] is not train else "too large to hold"], _ = seconds(
        lambda: epoch(with_flips, *subsets)
    )
    return found


def report(rounds: list[dict[str, float]]) -> None:
    for way in rounds[0]:
        times = sorted(round(found[way], 2) for found in rounds)
        print(f"{way:>20}: median {statistics.median(times):.2f} s of {times}")
    for way in rounds[0]:
        if way != "no gradient":
            ratios = sorted(round(found[way] / found["no gradient"], 3) for found in rounds)
            print(f"{way} / no gradient: median {statistics.median(ratios):.3f} of {ratios}")


def main() -> None:
    names = [each.name for each in list_architectures() if each.trained == "classifier"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mobilenet-v2", choices=names)
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    Execution(device="cpu").prepare()
    torch.manual_seed(0)
    networks = build_network(options.model, SHAPE), unfrozen(options.model)
    train, validation = synthetic(options.images), synthetic(max(options.images // 8, 1))
    measure(*networks, synthetic(32), synthetic(8))  # the first of everything is slower
    print(
        f"{options.model}: {len(train)} training and {len(validation)} validation images an epoch"
    )
    report([measure(*networks, train, validation) for _ in range(options.rounds)])


if __name__ == "__main__":
    main()
