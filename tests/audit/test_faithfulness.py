import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from lungscope.audit import faithfulness as module
from lungscope.audit.faithfulness import SHARES, displaced, faithfulness, hottest_first
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import Network

SIZE, CELLS, COUNT = 32, 8, 24
FLOOR = 0.45
"""Spots are 0.5 off the mean; blurred ones are not seen."""


class Spots(nn.Module):
    """How much brighter, and darker, each cell is than the mean; laid elsewhere by `off`."""

    def __init__(self, off):
        super().__init__()
        self.off = off

    def forward(self, images):
        grey = avg_pool2d(images[:, :1], SIZE // CELLS)
        maps = torch.cat([grey.clamp(min=FLOOR), (-grey).clamp(min=FLOOR)], dim=1)
        return maps.roll((self.off, self.off), (2, 3))


def a_checkpoint(off=0):
    """A model that tells white spots from black ones, and whose heatmap lies `off` them."""
    classifier = nn.Linear(2, 2)
    nn.init.zeros_(classifier.bias)
    with torch.no_grad():
        classifier.weight.copy_(3000 * torch.eye(2))
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(Spots(off), pool, classifier, "all")
    description = Description("resnet18", 16, ("a", "b"), Preprocessing(SIZE, 0.5, 1), "")
    return Checkpoint(network, description)


@pytest.fixture(scope="module")
def spots():
    """Grey images with a white or a black spot of two by two cells anywhere."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(120, 136, (COUNT, SIZE, SIZE), dtype=np.uint8)
    for number, image in enumerate(pixels):
        row, column = 4 * generator.integers(0, 7, 2)
        image[row : row + 8, column : column + 8] = 255 * (number % 2)
    entries = [
        SplitEntry(f"{n}.png", n % 2, f"hash {n}", f"g{n // 2}", "test") for n in range(COUNT)
    ]
    return Cache(pixels, {f"hash {n}": n for n in range(COUNT)}, Path()), entries


@pytest.fixture
def measured(spots):
    def measured(off=0, **options):
        return faithfulness(a_checkpoint(off), *spots, **options)

    return measured


def values(curve):
    return [each.value for each in curve.probabilities]


def test_a_heatmap_that_points_at_what_is_used_does_better_than_elsewhere(measured):
    found = measured()
    assert found.deletion.advantage.low > 0.1
    assert found.insertion.advantage.low > 0.1
    assert values(found.deletion.by_heat)[0] > 0.9
    assert values(found.deletion.by_heat)[1] < 0.6  # the spot is a sixteenth of the image
    assert values(found.insertion.by_heat)[1] > 0.9


def test_a_heatmap_that_points_elsewhere_does_not(measured):
    found = measured(off=4)
    assert found.deletion.advantage.high < 0.05
    assert found.insertion.advantage.high < 0.05


def test_curves_begin_and_end_alike_and_areas_are_those_below_them(measured):
    found = measured()
    assert found.shares == SHARES == tuple(k / 10 for k in range(11))
    for compared in (found.deletion, found.insertion):
        heat, other = values(compared.by_heat), values(compared.by_displaced)
        assert (heat[0], heat[-1]) == (other[0], other[-1])
        for curve, points in ((compared.by_heat, heat), (compared.by_displaced, other)):
            area = (sum(points) - (points[0] + points[-1]) / 2) / 10
            assert curve.area.value == pytest.approx(area)
            assert curve.area.low <= curve.area.value <= curve.area.high
    deletion, insertion = found.deletion, found.insertion
    assert deletion.advantage.value == pytest.approx(
        deletion.by_displaced.area.value - deletion.by_heat.area.value
    )
    assert insertion.advantage.value == pytest.approx(
        insertion.by_heat.area.value - insertion.by_displaced.area.value
    )
    assert values(deletion.by_heat)[0] == values(insertion.by_heat)[-1]
    assert values(deletion.by_heat)[-1] == pytest.approx(0.5)  # plain grey is neither


def test_each_probability_is_the_models_with_the_hottest_pixels_replaced_by_the_mean(
    measured, spots
):
    cache, _ = spots
    images = cache.pixels / np.float32(255) - np.float32(0.5)
    network = a_checkpoint().network
    with torch.inference_mode():
        maps = network.features(torch.tensor(images)[:, None])
        answers = network.classifier(network.pool(maps)).argmax(dim=1)
        heat = maps[torch.arange(COUNT), answers]
        large = interpolate(heat[:, None], size=SIZE, mode="bilinear").flatten(1).numpy()
        for step in (1, 5, 9):
            hidden = images.reshape(COUNT, -1).copy()
            for image, heats in zip(hidden, large, strict=True):
                image[np.argsort(-heats, kind="stable")[: -(-step * SIZE**2 // 10)]] = 0
            shown = torch.tensor(hidden).reshape(COUNT, 1, SIZE, SIZE)
            probability = network(shown).softmax(dim=1)[torch.arange(COUNT), answers]
            found = measured().deletion.by_heat.probabilities[step].value
            assert found == pytest.approx(float(probability.mean()), abs=1e-6)


def test_pixels_are_ordered_by_falling_heat():
    heats = torch.randn(3, 7, 7, generator=torch.Generator().manual_seed(0))
    order = hottest_first(heats, 21)
    assert order.shape == (3, 1, 21, 21)
    large = interpolate(heats[:, None], size=21, mode="bilinear")
    for places, heat in zip(order.flatten(1), large.flatten(1), strict=True):
        assert sorted((places * 441).round().tolist()) == list(range(441))
        assert (heat[places.argsort()].diff() <= 0).all()


def test_a_map_is_displaced_by_whole_cells_around_the_edge_and_never_by_none():
    heats = torch.arange(12.0).reshape(1, 3, 4).repeat(200, 1, 1)
    moved = displaced(heats, np.random.default_rng(0))
    rolled = [heats[0].roll((y, x), (0, 1)) for y in range(3) for x in range(4)]
    times = [sum(bool((each == one).all()) for each in moved) for one in rolled]
    assert times[0] == 0
    assert all(times[1:])
    assert sum(times) == 200


def test_twice_the_same_question_gives_the_same_bytes_in_whichever_batches(measured, monkeypatch):
    one = json.dumps(asdict(measured()), allow_nan=False)
    assert json.dumps(asdict(measured(seed=1))) != one
    monkeypatch.setattr(module, "BATCH", 7)
    assert json.dumps(asdict(measured()), allow_nan=False) == one


def test_progress_goes_over_all_passes(measured):
    told = []
    measured(on_progress=lambda *done: told.append(done))
    total = 39 * COUNT
    assert told == [(done, total) for done in range(COUNT, total + 1, COUNT)]
