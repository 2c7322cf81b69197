import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from lungscope.evaluation.evaluation import evaluate
from lungscope.evaluation.metrics import METRICS
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import FEW, estimate_proportion, wilson_interval

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
OVERALL = {
    "loss",
    "accuracy",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "f1_macro",
}


def made(count=120, groups=40, seed=0, labels=None):
    """Answers that are right more often than not."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count) if labels is None else np.array(labels)
    logits = generator.normal(size=(count, 3))
    logits[np.arange(count), labels] += 1.5
    return Predictions.from_logits(
        CLASSES,
        tuple(f"{row}.png" for row in range(count)),
        tuple(f"patient {row % groups}" for row in range(count)),
        labels,
        logits,
    )


def estimates(evaluation):
    yield from evaluation.overall.values()
    for metrics in evaluation.by_class.values():
        yield from metrics.values()


def test_values_are_scikit_learns():
    predictions = made()
    evaluation = evaluate(predictions)
    labels, predicted = predictions.labels, predictions.predicted
    value = {name: found.value for name, found in evaluation.overall.items()}
    assert list(value) == list(METRICS)
    assert value.keys() >= OVERALL
    assert value["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert value["f1_macro"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert value["loss"] == pytest.approx(log_loss(labels, predictions.probabilities))
    for k, expected in enumerate(f1_score(labels, predicted, average=None)):
        assert evaluation.by_class[CLASSES[k]]["f1"].value == pytest.approx(expected)


def test_every_value_lies_within_its_interval_and_no_interval_is_a_point():
    for found in estimates(evaluate(made())):
        assert found.low < found.value < found.high


def test_the_loss_interval_is_that_of_group_means_resampled_one_by_one():
    predictions = made(60, groups=20)
    groups = np.array(predictions.groups)
    generator = np.random.default_rng(9)
    names, means = np.unique(groups), []
    for _ in range(3000):
        chosen = generator.choice(names, size=len(names))
        means.append(np.concatenate([predictions.losses[groups == g] for g in chosen]).mean())
    low, high = np.percentile(means, [2.5, 97.5])
    found = evaluate(predictions).overall["loss"]
    assert found.low == pytest.approx(low, abs=0.06 * (high - low))
    assert found.high == pytest.approx(high, abs=0.06 * (high - low))


def test_fewer_groups_of_the_same_images_tell_less():
    # the same answers, each given by five images of one patient: five times the images, no news
    few = made(60, groups=60)
    many = Predictions(
        CLASSES,
        few.files * 5,
        few.groups * 5,
        np.tile(few.labels, 5),
        np.tile(few.probabilities, (5, 1)),
    )
    assert evaluate(many).overall["accuracy"] == evaluate(few).overall["accuracy"]


def test_the_confusion_matrix_counts_every_image():
    evaluation = evaluate(made())
    assert (evaluation.images, evaluation.groups, evaluation.classes) == (120, 40, CLASSES)
    assert evaluation.by_class.keys() == set(CLASSES)
    assert evaluation.matrix.shape == (3, 3)
    assert np.array_equal(evaluation.matrix.sum(axis=1), np.bincount(made().labels))


def test_the_same_predictions_give_the_same_evaluation():
    one, other = evaluate(made()), evaluate(made())
    assert (one.overall, one.by_class) == (other.overall, other.by_class)


def test_one_group_has_wilsons_intervals_of_shares_and_no_others():
    evaluation = evaluate(made(groups=1))
    for name, found in evaluation.overall.items():
        if name in {"accuracy", "recall_weighted"}:
            assert found == estimate_proportion(
                np.arange(120) < round(120 * found.value), ["one"] * 120
            )
        else:
            assert found.low == pytest.approx(found.value, rel=1e-12)
            assert found.high == pytest.approx(found.value, rel=1e-12)
    assert evaluation.groups == 1


def test_a_class_that_draws_miss_or_that_is_nowhere_makes_no_nan():
    labels = [0] * 10 + [1]  # a draw in three misses the second class, every draw the third
    evaluation = evaluate(made(11, groups=11, labels=labels))
    numbers = [[e.value, e.low, e.high] for e in estimates(evaluation)]
    assert np.isfinite(numbers).all()
    for name in ("precision", "recall", "f1"):
        nowhere = evaluation.by_class["Viral Pneumonia"][name]
        assert (nowhere.low, nowhere.value, nowhere.high) == (0, 0, 1)


def test_a_single_image_is_evaluated():
    evaluation = evaluate(made(1, groups=1, labels=[1]))
    assert evaluation.images == 1
    assert evaluation.matrix.sum() == 1


def test_a_share_without_a_mistake_has_wilsons_interval_over_its_groups(answers):
    # the first class is always right, in four groups; it is called in no other image
    predictions = answers(
        [[0.9, 0.1]] * 8 + [[0.1, 0.9]] * 4, [0] * 8 + [1] * 4, [*"aabbccdd", *"eeff"]
    )
    found = evaluate(predictions)
    four = binomtest(4, 4).proportion_ci(method="wilson")
    six = binomtest(6, 6).proportion_ci(method="wilson")
    assert found.by_class["a"]["recall"].low == pytest.approx(four.low)
    assert found.by_class["a"]["precision"].low == pytest.approx(four.low)
    assert found.overall["accuracy"].low == pytest.approx(six.low)


@pytest.mark.parametrize("count", [1, 4, FEW - 1, FEW, 30])
def test_a_share_has_the_interval_that_the_audit_gives_it(count):
    predictions = made(3 * count, groups=count)
    found, right = evaluate(predictions), predictions.predicted == predictions.labels
    assert found.overall["accuracy"] == estimate_proportion(right, predictions.groups)
    assert found.overall["recall_weighted"] == found.overall["accuracy"]


def test_the_interval_of_recall_is_over_the_groups_of_its_class():
    # 40 groups, but the second class is in five of them, wrongly classified in two
    labels = [0] * 35 + [1] * 5
    probabilities = np.array([[0.9, 0.1]] * 35 + [[0.1, 0.9]] * 3 + [[0.9, 0.1]] * 2)
    names = tuple(map(str, range(40)))
    predictions = Predictions(("a", "b"), names, names, np.array(labels), probabilities)
    found = evaluate(predictions).by_class
    assert found["b"]["recall"] == wilson_interval(0.6, 5)
    assert found["b"]["precision"] == wilson_interval(1.0, 3)
    assert found["a"]["recall"] == wilson_interval(1.0, 35)


def test_a_model_without_a_mistake_leaves_doubt_in_every_metric_but_the_loss():
    labels = np.arange(30) % 3
    names = tuple(map(str, range(30)))
    found = evaluate(Predictions(CLASSES, names, names, labels, np.eye(3)[labels] * 0.7 + 0.1))
    for name in OVERALL - {"loss"}:
        assert found.overall[name] == wilson_interval(1.0, 30), name
    for metrics in found.by_class.values():
        assert metrics["recall"] == metrics["precision"] == wilson_interval(1.0, 10)
        assert 0.7 < metrics["f1"].low < metrics["f1"].high == 1


def test_draws_without_an_image_of_a_class_do_not_count_as_its_mistakes():
    labels = np.array([0] * 40 + [1])
    probabilities = np.array([[0.9, 0.1]] * 40 + [[0.1, 0.9]])
    names = tuple(map(str, range(41)))  # a draw in three misses the second class
    found = evaluate(Predictions(("a", "b"), names, names, labels, probabilities))
    assert found.overall["recall_macro"] == wilson_interval(1.0, 41)
    assert found.by_class["b"]["recall"] == wilson_interval(1.0, 1)
