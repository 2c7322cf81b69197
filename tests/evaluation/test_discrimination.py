import json
from dataclasses import asdict, astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    multilabel_confusion_matrix,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.discrimination import (
    compute_class_curves,
    compute_discrimination,
    compute_rates,
)
from lungscope.evaluation.evaluation import evaluate


def found(predictions, draws=50):
    return compute_discrimination(predictions, Resampling.over(predictions.groups, draws=draws))


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_rates_are_those_of_scikit_learns_one_vs_rest_matrices(classes, seed):
    generator = np.random.default_rng(seed)
    labels, predicted = generator.integers(0, classes, (2, 12))
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (labels, predicted), 1)
    of_class = compute_rates(matrix)
    each = multilabel_confusion_matrix(labels, predicted, labels=range(classes))
    for k, ((tn, fp), (fn, tp)) in enumerate(each):
        for name, above, below in (
            ("sensitivity", tp, tp + fn),
            ("specificity", tn, tn + fp),
            ("ppv", tp, tp + fp),
            ("npv", tn, tn + fn),
        ):
            expected = pytest.approx(above / below if below else np.nan, nan_ok=True)
            assert of_class[name][k] == expected, name


def test_a_stack_of_matrices_is_rated_as_each_by_itself():
    matrices = np.random.default_rng(0).integers(0, 5, (6, 3, 3)).astype(float)
    together = compute_rates(matrices)
    for row, matrix in enumerate(matrices):
        for name, values in compute_rates(matrix).items():
            assert np.array_equal(together[name][row], values, equal_nan=True)


def test_areas_are_scikit_learns_for_each_class_and_in_macro_average(simulated):
    predictions = simulated(120, classes=4)
    result = found(predictions)
    truth = np.eye(4)[predictions.labels]
    for k, name in enumerate(predictions.classes):
        expected = average_precision_score(truth[:, k], predictions.probabilities[:, k])
        assert result.by_class[name]["auprc"].value == pytest.approx(expected)
        assert result.prevalence[name] == truth[:, k].mean()
    options = {"multi_class": "ovr", "labels": range(4)}
    each = roc_auc_score(predictions.labels, predictions.probabilities, average=None, **options)
    macro = roc_auc_score(predictions.labels, predictions.probabilities, average="macro", **options)
    assert [result.by_class[n]["auroc"].value for n in predictions.classes] == pytest.approx(each)
    assert result.macro["auroc"].value == pytest.approx(macro)


def test_sensitivity_and_ppv_are_the_evaluations_recall_and_precision(simulated):
    predictions = simulated(90, in_group=3)
    evaluation = evaluate(predictions, seed=4)
    result = compute_discrimination(predictions, Resampling.over(predictions.groups, seed=4))
    for name in predictions.classes:
        assert result.by_class[name]["sensitivity"] == evaluation.by_class[name]["recall"]
        assert result.by_class[name]["ppv"] == evaluation.by_class[name]["precision"]
    for name, as_there in (("sensitivity", "recall_macro"), ("ppv", "precision_macro")):
        expected = astuple(evaluation.overall[as_there])
        assert astuple(result.macro[name]) == pytest.approx(expected, rel=1e-12)


def test_every_number_lies_in_its_interval_within_0_and_1(simulated):
    result = found(simulated(200, in_group=2), draws=500)
    for metrics in (result.macro, *result.by_class.values()):
        assert list(metrics) == ["sensitivity", "specificity", "ppv", "npv", "auroc", "auprc"]
        for name, number in metrics.items():
            assert 0 <= number.low < number.value < number.high <= 1, name


def test_a_class_without_an_image_has_no_sensitivity_ppv_and_area(answers):
    predictions = answers([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.8, 0.1, 0.1]], [0, 1, 1])
    result = found(predictions)
    for name in ("sensitivity", "ppv"):
        assert result.by_class["c"][name] is None
        assert result.macro[name] is None
    assert result.by_class["c"]["specificity"].value == 1
    assert result.by_class["c"]["auroc"] is None
    assert result.by_class["c"]["auprc"] is None
    assert result.macro["auroc"] is None
    assert result.by_class["a"]["auroc"].value == 0.5
    json.dumps(asdict(result), allow_nan=False)
    assert [curve.name for curve in compute_class_curves(predictions, result)] == ["a", "b"]


def test_draws_without_an_image_of_a_class_are_left_out_of_its_area(answers):
    # one of three groups holds all of class b: a third of the draws has none of it
    predictions = answers(
        [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], [0, 0, 1, 1], ["x", "y", "z", "z"]
    )
    area = found(predictions).by_class["b"]["auroc"]
    assert (area.low, area.value, area.high) == (1, 1, 1)


def test_curves_go_through_scikit_learns_points(simulated, answers):
    rounded = simulated(80).probabilities.round(1)  # with ties
    predictions = answers(rounded / rounded.sum(axis=1, keepdims=True), simulated(80).labels)
    result = found(predictions)
    for k, curve in enumerate(compute_class_curves(predictions, result)):
        truth, scores = predictions.labels == k, predictions.probabilities[:, k]
        false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
        assert curve.false_positive_rate == pytest.approx(false)
        assert curve.true_positive_rate == pytest.approx(true)
        precision, recall, _ = precision_recall_curve(truth, scores)
        assert curve.precision == pytest.approx(precision[-2::-1])  # without its added (0, 1)
        assert curve.recall == pytest.approx(recall[-2::-1])
        assert curve.auroc == result.by_class[curve.name]["auroc"]
        assert curve.prevalence == truth.mean()
