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

from lungscope.evaluation.metrics import class_scores, confusion_matrix, scores
from lungscope.evaluation.predictions import Predictions

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
    found = scores(confusion_matrix(answers(*case)))
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
    found, each = scores(matrix), class_scores(matrix)
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
    found = scores(confusion_matrix(answers(*case)))
    assert found["recall_weighted"] == pytest.approx(found["accuracy"], rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_stack_of_matrices_scores_as_each_by_itself(count, seed):
    matrices = np.random.default_rng(seed).integers(0, 9, (count, 2, 4, 4)).astype(float)
    matrices[..., 0, 0] += 1
    together, each = scores(matrices), class_scores(matrices)
    for where in np.ndindex(matrices.shape[:-2]):
        for name, value in scores(matrices[where]).items():
            assert together[name][where] == value
        for name, value in class_scores(matrices[where]).items():
            assert np.array_equal(each[name][where], value)


def test_a_class_that_is_neither_there_nor_predicted_scores_0():
    each = class_scores(np.array([[3.0, 1, 0], [0, 2, 0], [0, 0, 0]]))
    assert [values[2] for values in each.values()] == [0, 0, 0]
