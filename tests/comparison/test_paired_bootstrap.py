import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from lungscope.comparison.comparison import Replicated, bootstrap_differences
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.evaluation import evaluate
from lungscope.evaluation.metrics import METRICS as REGISTERED
from lungscope.evaluation.predictions import Predictions

METRICS = tuple(name for name, each in REGISTERED.items() if each.compared)
CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def two_models(count=120, groups=40, seed=0, second=1.3):
    """Two models that find the same images hard."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count)
    common = generator.normal(size=(count, 3))
    for strength in (1.5, second):
        logits = common + 0.4 * generator.normal(size=(count, 3))
        logits[np.arange(count), labels] += strength
        files = tuple(f"{row}.png" for row in range(count))
        yield Predictions.from_logits(
            CLASSES, files, tuple(f"g{row % groups}" for row in range(count)), labels, logits
        )


def measured(predictions, rows):
    labels, predicted = predictions.labels[rows], predictions.predicted[rows]
    averaged = {
        f"f1_{average}": f1_score(
            labels, predicted, labels=range(3), average=average, zero_division=0
        )
        for average in ("weighted", "macro")
    }
    loss = log_loss(labels, predictions.probabilities[rows], labels=range(3))
    return {"accuracy": accuracy_score(labels, predicted), **averaged, "loss": loss}


def test_every_draw_is_scikit_learns_metric_of_the_drawn_images():
    first, _ = two_models(30, groups=9)
    resampling = Resampling.over(first.groups, draws=12)
    found = Replicated.of(first, resampling)
    assert tuple(found.values) == tuple(found.replicates) == METRICS
    for draw, counts in enumerate(resampling.counts[:, resampling.group].astype(int)):
        expected = measured(first, np.repeat(np.arange(30), counts))
        for name in METRICS:
            assert found.replicates[name][draw] == pytest.approx(expected[name])


def test_values_and_intervals_of_one_model_are_those_of_its_evaluation():
    first, _ = two_models()
    found, overall = Replicated.of(first, Resampling.over(first.groups)), evaluate(first).overall
    for name in METRICS:
        assert found.values[name] == pytest.approx(overall[name].value)
        low, high = np.percentile(found.replicates[name], [2.5, 97.5])
        assert (low, high) == pytest.approx((overall[name].low, overall[name].high))


def test_both_models_are_measured_on_the_same_draws():
    first, second = two_models(30, groups=9)
    resampling = Resampling.over(first.groups, draws=300)
    found = bootstrap_differences(
        Replicated.of(first, resampling), Replicated.of(second, resampling)
    )
    drawn = []
    for counts in resampling.counts[:, resampling.group].astype(int):
        rows = np.repeat(np.arange(30), counts)
        drawn.append(measured(first, rows)["loss"] - measured(second, rows)["loss"])
    assert (found["loss"].low, found["loss"].high) == pytest.approx(
        tuple(np.percentile(drawn, [2.5, 97.5]))
    )


def test_a_model_does_not_differ_from_itself():
    first, _ = two_models()
    itself = Replicated.of(first, Resampling.over(first.groups))
    for found in bootstrap_differences(itself, itself).values():
        assert (found.low, found.value, found.high) == (0, 0, 0)


def test_95_percent_of_intervals_hold_the_true_difference():
    # Groups share how hard they are, and which model they suit; the models are equally good.
    generator, sets, held = np.random.default_rng(7), 250, 0
    for seed in range(sets):
        group = np.repeat(np.arange(50), generator.integers(1, 9, size=50))
        count = len(group)
        labels = generator.integers(0, 3, count)
        hard, suits = generator.normal(size=50)[group], generator.normal(size=50)[group]
        models = []
        for sign in (1, -1):
            logits = generator.normal(size=(count, 3))
            logits[np.arange(count), labels] += 1.2 - hard + 0.7 * sign * suits
            names = tuple(map(str, range(count)))
            groups = tuple(map(str, group))
            models.append(Predictions.from_logits(CLASSES, names, groups, labels, logits))
        resampling = Resampling.over(models[0].groups, draws=300, seed=seed)
        found = bootstrap_differences(*(Replicated.of(model, resampling) for model in models))[
            "accuracy"
        ]
        held += found.low <= 0 <= found.high
    assert 0.90 <= held / sets <= 0.985
