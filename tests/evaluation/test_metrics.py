import re
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

from lungscope.evaluation import metrics
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.metrics import (
    METRICS,
    class_scores,
    compute_metrics,
    confusion_matrix,
    metric,
    resample_metrics,
)
from lungscope.evaluation.predictions import Predictions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-a-metric.md"
OTHERS = {
    "precision": multiclass_precision,
    "recall": multiclass_recall,
    "f1": multiclass_f1_score,
}


def answers(labels, predicted, classes):
    """Predictions that name the predicted classes with certainty."""
    return Predictions(
        classes=tuple(f"class {k}" for k in range(classes)),
        files=tuple(f"{row}.png" for row in range(len(labels))),
        groups=tuple(str(row) for row in range(len(labels))),
        labels=np.array(labels, dtype=np.int64),
        probabilities=np.eye(classes)[predicted],
    )


@st.composite
def labelled(draw):
    """(labels, predicted, K); some of the K classes are often absent from either."""
    classes = draw(st.integers(2, 6))
    pair = st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1))
    labels, predicted = zip(*draw(st.lists(pair, min_size=1, max_size=40)), strict=True)
    return list(labels), list(predicted), classes


@settings(deadline=None, max_examples=50)
@given(labelled())
def test_confusion_counts_what_scikit_learn_counts(case):
    labels, predicted, classes = case
    expected = sklearn_metrics.confusion_matrix(labels, predicted, labels=range(classes))
    assert np.array_equal(confusion_matrix(answers(*case)), expected)


@settings(deadline=None, max_examples=50)
@given(labelled())
def test_every_score_is_scikit_learns(case):
    labels, predicted, classes = case
    found = compute_metrics(answers(*case))
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    for average in ("weighted", "macro"):
        expected = precision_recall_fscore_support(
            labels, predicted, labels=range(classes), average=average, zero_division=0
        )
        for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
            assert found[f"{name}_{average}"] == pytest.approx(value), (name, average)


@settings(deadline=None, max_examples=50)
@given(labelled())
def test_every_score_of_a_class_is_scikit_learns(case):
    labels, predicted, classes = case
    found = class_scores(confusion_matrix(answers(*case)))
    expected = precision_recall_fscore_support(
        labels, predicted, labels=range(classes), average=None, zero_division=0
    )
    for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
        assert found[name] == pytest.approx(value), name


@settings(deadline=None, max_examples=50)
@given(labelled())
def test_every_score_is_torchmetrics_too(case):
    labels, predicted, classes = (torch.tensor(part) for part in case)
    matrix = confusion_matrix(answers(*case))
    found, each = compute_metrics(answers(*case)), class_scores(matrix)
    options = {"num_classes": int(classes)}
    accuracy = multiclass_accuracy(predicted, labels, average="micro", **options)
    assert found["accuracy"] == pytest.approx(accuracy.item(), rel=1e-5)
    for name, other in OTHERS.items():
        weighted = other(predicted, labels, average="weighted", **options)
        assert found[f"{name}_weighted"] == pytest.approx(weighted.item(), rel=1e-5)
        by_class = other(predicted, labels, average="none", **options)
        assert each[name] == pytest.approx(by_class.numpy(), rel=1e-5)
        # torchmetrics leaves a class that is nowhere out of the mean, scikit-learn does not
        if (matrix.sum(axis=0) + matrix.sum(axis=1) > 0).all():
            macro = other(predicted, labels, average="macro", **options)
            assert found[f"{name}_macro"] == pytest.approx(macro.item(), rel=1e-5)


@settings(deadline=None, max_examples=50)
@given(labelled())
def test_weighted_recall_is_accuracy_as_in_every_row_of_the_papers_table(case):
    found = compute_metrics(answers(*case))
    assert found["recall_weighted"] == pytest.approx(found["accuracy"], rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_stack_of_matrices_scores_as_each_by_itself(count, seed):
    matrices = np.random.default_rng(seed).integers(0, 9, (count, 2, 4, 4)).astype(float)
    each = class_scores(matrices)
    for where in np.ndindex(matrices.shape[:-2]):
        for name, value in class_scores(matrices[where]).items():
            assert np.array_equal(each[name][where], value)


def test_a_class_that_is_neither_there_nor_predicted_scores_0():
    each = class_scores(np.array([[3.0, 1, 0], [0, 2, 0], [0, 0, 0]]))
    assert [values[2] for values in each.values()] == [0, 0, 0]


@settings(deadline=None, max_examples=50)
@given(labelled(), st.integers(0, 2**32 - 1))
def test_a_draw_scores_as_its_images_do(case, seed):
    predictions = answers(*case)
    resampling = Resampling.over(predictions.groups, draws=3, seed=seed)
    found = resample_metrics(predictions, resampling)
    every_class = (confusion_matrix(predictions).sum(axis=0) > 0).all()
    for draw, counts in enumerate(resampling.counts[:, resampling.group].astype(int)):
        rows = np.repeat(np.arange(len(predictions.files)), counts)
        labels, predicted = predictions.labels[rows], predictions.predicted[rows]
        expected = compute_metrics(answers(labels, predicted, len(predictions.classes)))
        for name, values in found.items():
            if "macro" in name and not every_class:
                continue  # see the next test
            if not np.isnan(values[draw]):
                assert values[draw] == pytest.approx(expected[name]), name


def test_a_draw_that_misses_a_class_has_no_macro_average():
    predictions = answers([0, 1], [0, 1], 2)
    found = resample_metrics(predictions, Resampling.over(predictions.groups, draws=50))
    for name in ("precision_macro", "recall_macro", "f1_macro"):
        values = found[name]
        assert set(values[~np.isnan(values)]) == {1.0}
        assert 0 < np.isnan(values).sum() < 50


@pytest.fixture
def registered():
    """Registers a metric; it is gone after the test."""
    names = []

    def register(compute, name="mine", **options):
        metric(name, "My metric", **options)(compute)
        names.append(name)
        return METRICS[name]

    yield register
    for name in names:
        del METRICS[name]


def test_a_registered_metric_is_computed_with_the_others(registered):
    registered(lambda sample: sample.mean(np.arange(4.0)), unit="mm")
    predictions = answers([0, 1, 0, 1], [0, 1, 1, 1], 2)
    assert compute_metrics(predictions)["mine"] == 1.5
    assert METRICS["mine"].label == "My metric (mm)"


def test_the_metric_that_the_page_adds_passes_the_test_that_it_adds():
    text = PAGE.read_text(encoding="utf-8")
    function, test = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = dict(globals())
    with mock.patch.dict(METRICS):
        METRICS.pop("kappa", None)
        exec(function, dict(vars(metrics)))  # noqa: S102  the page is ours
        exec(test, names)  # noqa: S102
        names["test_kappa_is_scikit_learns"]()


@pytest.mark.parametrize("name", ["accuracy", "two words", ""])
def test_a_name_that_is_taken_or_no_identifier_is_refused(name):
    with pytest.raises(ValueError, match="give an identifier that no other metric has"):
        metric(name, "My metric")


def test_a_metric_of_another_shape_or_that_is_no_number_is_named(registered):
    predictions = answers([0, 1], [0, 1], 2)
    scalar = registered(lambda _: np.float64(1), "scalar")
    with pytest.raises(ValueError, match=r"the metric scalar has the shape \(\), not \(1,\)"):
        scalar.value(predictions)
    nothing = registered(lambda sample: sample.mean(np.full(2, np.nan)), "nothing")
    with pytest.raises(ValueError, match="the metric nothing is nan on 2 images"):
        nothing.value(predictions)
