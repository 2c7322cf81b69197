"""A network that looks at one place only, and images whose class is written there."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint, save_checkpoint
from lungscope.models.network import Network
from lungscope.training.history import Epoch, write_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

SIZE = 32
LEVELS = (40, 128, 216)
PLACES = {
    "centre": (slice(12, 20), slice(12, 20)),
    "border": (slice(0, 4), slice(12, 20)),
    "corner": (slice(0, 4), slice(0, 4)),
}


class Place(nn.Module):
    def __init__(self, place):
        super().__init__()
        self.place = place

    def forward(self, images):
        return images[:, :1, self.place[0], self.place[1]].mean(dim=(2, 3))


class Nearest(nn.Module):
    def forward(self, mean):
        return -100 * (mean - torch.tensor(LEVELS) / 255) ** 2


@pytest.fixture(scope="session")
def reader():
    """A checkpoint that names the grey level at a place: "centre", "border" or "corner"."""

    def reader(place):
        network = Network(nn.Identity(), Place(PLACES[place]), Nearest(), "all")
        return Checkpoint(
            network,
            Description("mobilenet-v2", 16, ("a", "b", "c"), Preprocessing(SIZE, 0, 1), ""),
        )

    return reader


@pytest.fixture(scope="session")
def written():
    """30 noisy images and their entries, with the class as grey level at a place."""

    def written(place, count=30):
        generator = np.random.default_rng(0)
        pixels = generator.integers(100, 156, (count, SIZE, SIZE), dtype=np.uint8)
        for number, image in enumerate(pixels):
            image[PLACES[place]] = LEVELS[number % 3]
        entries = [
            SplitEntry(f"{row}.png", row % 3, f"hash {row}", f"group {row // 2}", "test")
            for row in range(count)
        ]
        return Cache(pixels, {f"hash {row}": row for row in range(count)}, Path()), entries

    return written


@pytest.fixture(scope="session")
def run(tmp_path_factory, phantoms, phantom_split):
    """A run with an untrained model on phantoms, neither evaluated nor audited."""
    folder = tmp_path_factory.mktemp("audited") / "run"
    recipe = Recipe(model="squeezenet1_1", weights="none", size=64)
    run = RunFolder.create(folder, recipe, phantom_split, phantoms, force=False)
    description = Description(
        "squeezenet1_1",
        16,
        phantom_split.classes,
        Preprocessing(64, 0.5, 0.25),
        "",
        data_fingerprint=phantom_split.fingerprint,
    )
    torch.manual_seed(0)
    state = build_network("squeezenet1_1", Shape(len(phantom_split.classes))).state_dict()
    save_checkpoint(run.checkpoint, state, description)
    write_history(run.history, [Epoch(1, 0.01, 1.0, 0.5, 1.0, 0.5, 0.5, 2.0)])
    run.note(finished=True)
    return run
