from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support

from lungscope.errors import LungscopeError
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.evaluation import evaluate
from lungscope.evaluation.predictions import Predictions
from lungscope.reproduction.aggregation import METRICS, aggregate_folds, aggregate_seeds

CLASSES = ("a", "b", "c")


def predictions(seed, files=range(12)):
    generator = np.random.default_rng(seed)
    count = len(files)
    labels = np.arange(count) % 3
    logits = generator.normal(0, 1, (count, 3))
    logits[np.arange(count), labels] += 1
    return Predictions.from_logits(
        CLASSES,
        tuple(f"{number}.png" for number in files),
        tuple(f"group {number // 2}" for number in files),
        labels,
        logits,
    )


def by_sklearn(labels, probabilities):
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, labels=[0, 1, 2], average="weighted", zero_division=0
    )
    return {
        "loss": log_loss(labels, probabilities, labels=[0, 1, 2]),
        "accuracy": accuracy_score(labels, predicted),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }


def perfect():
    one = predictions(0, range(60))
    return replace(one, probabilities=np.eye(3)[one.labels] * 0.7 + 0.1)


@pytest.mark.parametrize("one", [predictions(0), predictions(0, range(60)), perfect()])
def test_of_one_seed_everything_is_what_evaluate_says(one):
    found, expected = aggregate_seeds([one]), evaluate(one).overall
    for metric, name in METRICS.items():
        assert found[metric].estimate == expected[name]
        assert found[metric].deviation is None
        assert found[metric].each == (expected[name].value,)


def test_of_several_seeds_it_is_the_mean_of_each_and_their_standard_deviation():
    trainings = [predictions(seed) for seed in range(4)]
    found = aggregate_seeds(trainings)
    each = [by_sklearn(one.labels, one.probabilities) for one in trainings]
    for metric in METRICS:
        values = [value[metric] for value in each]
        assert found[metric].each == pytest.approx(values)
        assert found[metric].estimate.value == pytest.approx(np.mean(values))
        assert found[metric].mean == pytest.approx(np.mean(values))
        squares = sum((value - np.mean(values)) ** 2 for value in values)
        assert found[metric].deviation == pytest.approx((squares / 3) ** 0.5)


def test_the_interval_of_the_mean_draws_the_same_groups_for_every_seed():
    """By brute force: in each draw, the images of the drawn groups one by one, seed by seed."""
    trainings = [predictions(seed, range(24)) for seed in range(3)]
    found = aggregate_seeds(trainings, seed=5)
    resampling = Resampling.over(trainings[0].groups, seed=5)
    accuracies, losses = [], []
    for counts in resampling.counts:
        images = [
            image for image, group in enumerate(resampling.group) for _ in range(int(counts[group]))
        ]
        right, nats = [], []
        for one in trainings:
            own = [one.probabilities[image, one.labels[image]] for image in images]
            hits = [one.probabilities[i].argmax() == one.labels[i] for i in images]
            right.append(sum(hits) / len(hits))
            nats.append(-sum(np.log(own)) / len(own))
        accuracies.append(sum(right) / 3)
        losses.append(sum(nats) / 3)
    for metric, draws in (("accuracy", accuracies), ("loss", losses)):
        low, high = np.percentile(draws, [2.5, 97.5])
        estimate = found[metric].estimate
        assert (estimate.low, estimate.high) == pytest.approx((low, high))


def test_the_mean_of_seeds_is_surer_than_one_of_them_yet_not_by_counting_images_twice():
    one = predictions(0)
    assert (
        aggregate_seeds([one, one, one])["accuracy"].estimate
        == aggregate_seeds([one])["accuracy"].estimate
    )


@pytest.mark.parametrize("other", [range(1, 13), range(11)])
def test_seeds_that_were_tested_on_other_images_are_refused(other):
    with pytest.raises(LungscopeError, match="different images"):
        aggregate_seeds([predictions(0), predictions(1, other)])


def test_folds_are_measured_on_all_their_images_together():
    folds = [predictions(0, range(12)), predictions(1, range(12, 30)), predictions(2, [30, 31, 32])]
    found = aggregate_folds(folds)
    labels = np.concatenate([fold.labels for fold in folds])
    pooled = by_sklearn(labels, np.concatenate([fold.probabilities for fold in folds]))
    each = [by_sklearn(fold.labels, fold.probabilities) for fold in folds]
    for metric in METRICS:
        assert found[metric].estimate.value == pytest.approx(pooled[metric])
        assert found[metric].each == pytest.approx([value[metric] for value in each])
        assert found[metric].deviation == pytest.approx(
            np.std([value[metric] for value in each], ddof=1)
        )
        assert found[metric].estimate.low <= pooled[metric] <= found[metric].estimate.high


def test_an_image_that_is_tested_in_two_folds_is_refused():
    with pytest.raises(LungscopeError, match="in two of them"):
        aggregate_folds([predictions(0), predictions(1)])
