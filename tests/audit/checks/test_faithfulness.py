import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import faithfulness, performance, unlearned
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from lungscope.audit.checks import faithfulness as module
from lungscope.audit.checks.faithfulness import compute_faithfulness, conclude_faithfulness
from lungscope.audit.deletion import PROPORTIONS
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
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
        return compute_faithfulness(a_checkpoint(off), *spots, **options)

    return measured


def values(curve):
    return [each.value for each in curve.probabilities]


def test_a_heatmap_that_points_at_what_is_used_does_better_than_elsewhere(measured):
    found = measured()
    assert found.deletion.advantage.low > 0.1
    assert found.insertion.advantage.low > 0.1
    assert values(found.deletion.by_attribution)[0] > 0.9
    assert values(found.deletion.by_attribution)[1] < 0.6  # the spot is a sixteenth of the image
    assert values(found.insertion.by_attribution)[1] > 0.9


def test_a_heatmap_that_points_elsewhere_does_not(measured):
    found = measured(off=4)
    assert found.deletion.advantage.high < 0.05
    assert found.insertion.advantage.high < 0.05


def test_curves_begin_and_end_alike_and_areas_are_those_below_them(measured):
    found = measured()
    assert found.proportions == PROPORTIONS == tuple(k / 10 for k in range(11))
    for compared in (found.deletion, found.insertion):
        heat, other = values(compared.by_attribution), values(compared.by_displaced)
        assert (heat[0], heat[-1]) == (other[0], other[-1])
        for curve, points in ((compared.by_attribution, heat), (compared.by_displaced, other)):
            area = (sum(points) - (points[0] + points[-1]) / 2) / 10
            assert curve.area.value == pytest.approx(area)
            assert curve.area.low <= curve.area.value <= curve.area.high
    deletion, insertion = found.deletion, found.insertion
    assert deletion.advantage.value == pytest.approx(
        deletion.by_displaced.area.value - deletion.by_attribution.area.value
    )
    assert insertion.advantage.value == pytest.approx(
        insertion.by_attribution.area.value - insertion.by_displaced.area.value
    )
    assert values(deletion.by_attribution)[0] == values(insertion.by_attribution)[-1]
    assert values(deletion.by_attribution)[-1] == pytest.approx(0.5)  # plain grey is neither


def test_each_probability_is_the_models_with_the_highest_attributions_replaced_by_the_mean(
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
            found = measured().deletion.by_attribution.probabilities[step].value
            assert found == pytest.approx(float(probability.mean()), abs=1e-6)


def test_twice_the_same_question_gives_the_same_bytes_in_whichever_batches(measured, monkeypatch):
    one = json.dumps(asdict(measured()), allow_nan=False)
    assert json.dumps(asdict(measured(seed=1))) != one
    monkeypatch.setattr(module, "BATCH", 7)
    assert json.dumps(asdict(measured()), allow_nan=False) == one


def test_progress_goes_over_all_passes(measured):
    shown = []
    measured(on_progress=lambda *done: shown.append(done))
    total = 39 * COUNT
    assert shown == [(done, total) for done in range(COUNT, total + 1, COUNT)]


GOOD, OPEN = Estimate(0.14, 0.11, 0.17), Estimate(0.03, -0.05, 0.11)
NONE, WORSE = Estimate(0.01, -0.02, 0.04), Estimate(-0.1, -0.15, -0.05)


def conclude(deletion=GOOD, insertion=GOOD, groups=41, of=None):
    made = faithfulness()
    found = replace(
        made,
        groups=groups,
        deletion=replace(made.deletion, advantage=deletion),
        insertion=replace(made.insertion, advantage=insertion),
    )
    (finding,) = conclude_faithfulness(found, of or performance())
    return finding


@pytest.mark.parametrize(
    ("deletion", "insertion", "verdict"),
    [
        (GOOD, GOOD, "pass"),
        (GOOD, OPEN, "warn"),
        (OPEN, OPEN, "warn"),
        (NONE, GOOD, "fail"),
        (GOOD, WORSE, "fail"),
        (Estimate(0.02, 0.01, 0.03), GOOD, "pass"),
    ],
)
def test_attribution_has_to_do_better_than_displaced_both_ways(deletion, insertion, verdict):
    found = conclude(deletion, insertion)
    assert found.verdict == verdict
    assert ("too few images" in found.statement) == (verdict == "warn")


def test_the_statement_has_the_areas_and_their_difference():
    found = conclude().statement.replace("\u00a0", " ")
    assert "is 32.9 % (95 % 27.6 to 39.0), against 46.9 % (95 % 39.8 to 54.6) by the same" in found
    assert "an advantage of +14.0 points (95 % +11.0 to +17.0)" in found
    assert found.endswith("(60 images in 41 groups.)")


def test_a_handful_of_groups_decides_nothing():
    for deletion in (GOOD, NONE):
        assert conclude(deletion, groups=9).verdict == "warn"


def test_a_model_without_a_heatmap_or_one_that_has_learned_nothing_is_not_measured():
    (without,) = conclude_faithfulness(None, performance())
    assert without.verdict == "not-measured"
    assert without.statement.startswith("The model has no class activation map")
    assert conclude(of=unlearned()).verdict == "not-measured"
