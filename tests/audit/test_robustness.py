import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from lungscope.audit.perturbations import PERTURBATIONS
from lungscope.audit.robustness import robustness
from lungscope.evaluation import subset_predictions
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.models.normalisation import to_unit


@pytest.fixture
def run(reader, written):
    def run(place="centre", **options):
        cache, entries = written(place)
        checkpoint = reader(place)
        unchanged = predict_subset(checkpoint, cache, entries)
        resampling = Resampling.over(unchanged.groups, draws=200)
        return robustness(checkpoint, cache, entries, unchanged, resampling, **options)

    return run


def levels(found):
    return {
        (response.name, level.strength): level
        for response in found.responses
        for level in response.levels
    }


def test_every_kind_is_run_at_every_strength_with_its_value(run):
    found = run()
    assert [response.name for response in found.responses] == [p.name for p in PERTURBATIONS]
    for response, perturbation in zip(found.responses, PERTURBATIONS, strict=True):
        assert [level.strength for level in response.levels] == [1, 2, 3, 4, 5]
        assert tuple(level.value for level in response.levels) == perturbation.values
        assert (response.title, response.quantity) == (perturbation.title, perturbation.quantity)


def test_each_accuracy_is_the_models_on_images_perturbed_like_that(run, reader, written):
    cache, entries = written("corner")
    images = to_unit(torch.from_numpy(cache.pixels).unsqueeze(1))
    labels = np.array([entry.label for entry in entries])
    found = levels(run("corner"))
    accuracies = set()
    for perturbation in PERTURBATIONS:
        for strength in (1, 3, 5):
            network = reader("corner").network
            answers = network(perturbation.at(strength)(images)).argmax(dim=1).numpy()
            effect = found[perturbation.name, strength].effect
            assert effect.accuracy.value == pytest.approx((answers == labels).mean())
            assert effect.flips.value == pytest.approx((answers != labels).mean())
            accuracies.add(effect.accuracy.value)
    assert len(accuracies) > 2


def test_a_model_that_reads_grey_levels_keeps_them_in_a_jpeg_and_loses_them_with_contrast(run):
    found = levels(run())
    for strength in range(1, 6):
        assert found["jpeg", strength].effect.accuracy.value == 1
    assert found["contrast", 5].effect.accuracy.value == pytest.approx(1 / 3)
    assert found["contrast", 5].effect.difference.value == pytest.approx(-2 / 3)
    assert found["contrast", 5].effect.flips.value == pytest.approx(2 / 3)


def test_the_average_counts_every_perturbation_and_strength_the_same(run):
    found = run("corner")
    each = [level.effect.accuracy.value for level in levels(found).values()]
    assert found.average.value == pytest.approx(np.mean(each))
    assert found.average.low <= found.average.value <= found.average.high
    assert found.unperturbed.value == 1


def test_twice_the_same_question_gives_the_same_bytes_in_whichever_batches(run, monkeypatch):
    one = json.dumps(asdict(run()), allow_nan=False)
    monkeypatch.setattr(subset_predictions, "BATCH", 7)
    assert json.dumps(asdict(run()), allow_nan=False) == one


def test_progress_goes_over_all_passes(run, monkeypatch):
    monkeypatch.setattr(subset_predictions, "BATCH", 20)
    told = []
    run(on_progress=lambda *done: told.append(done))
    assert told == [
        (done, 1050) for start in range(0, 1050, 30) for done in (start + 20, start + 30)
    ]
