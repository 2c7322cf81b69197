import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from lungscope.errors import LungscopeError
from lungscope.evaluation.predictions import Predictions
from lungscope.export.abstention_fit import choose_max_distance, choose_thresholds, fit_reference


def correlated(count, features, seed=0):
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(7).normal(size=(features, features))
    return generator.normal(size=(count, features)) @ mixing + 5


def test_the_distance_is_that_of_scikit_learns_shrunk_covariance():
    train, others = correlated(300, 20), correlated(50, 20, seed=1) * 1.3
    mean, scale = train.mean(axis=0), train.std(axis=0)
    kept = LedoitWolf().fit((train - mean) / scale)
    expected = np.sqrt(kept.mahalanobis((others - mean) / scale) / 20)
    np.testing.assert_allclose(fit_reference(train).distance(others), expected, rtol=1e-3)


def test_training_images_lie_at_about_one_and_what_breaks_their_correlations_far_away():
    train = correlated(2000, 30)
    known = fit_reference(train)
    assert np.mean(known.distance(train) ** 2) == pytest.approx(0.9, abs=0.15)
    shuffled = np.random.default_rng(0).permuted(train, axis=0)  # each feature as usual as before
    assert np.median(known.distance(shuffled)) > 1.5 * known.distance(train).max()


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 40), st.integers(2, 80), st.integers(0, 3))
def test_any_number_of_images_and_features_makes_a_reference(count, features, constant):
    train = correlated(count, features)
    train[:, : min(constant, features - 1)] = 0.1  # channels that never fire
    known = fit_reference(train)
    assert known.axes.shape == (features - 1, features)
    assert np.isfinite(known.distance(correlated(5, features, seed=1))).all()


def test_of_many_features_the_reference_stays_small(tmp_path):
    known = fit_reference(np.random.default_rng(0).random((36, 1100)))
    assert known.axes.shape == (238, 1100)
    known.save(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").stat().st_size < 1.5 * 2**20


@pytest.mark.parametrize(
    "features",
    [np.empty((0, 4)), np.ones((1, 4)), np.full((5, 4), np.nan), np.full((5, 4), 0.1)],
)
def test_features_that_teach_nothing_are_refused(features):
    with pytest.raises(LungscopeError, match="abstention: "):
        fit_reference(features)


@pytest.mark.parametrize(("count", "rank"), [(99, 99), (199, 198), (302, 300)])
def test_the_max_distance_of_99_images_or_more_is_the_conformal_quantile(count, rank):
    distances = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
    assert choose_max_distance(distances) == rank


@pytest.mark.parametrize("count", [2, 5, 12, 50, 98])
def test_of_few_images_the_max_distance_is_beyond_all_of_them_and_keeps_more_than_they_would(count):
    draws = np.random.default_rng(0).lognormal(0, 0.25, (2000, count + 1))
    limits = np.array([choose_max_distance(row[:-1]) for row in draws])
    largest = draws[:, :-1].max(axis=1)
    assert (limits >= largest).all()
    assert (limits <= 2 * largest + 1e-9).all()
    kept = np.mean(draws[:, -1] <= limits)
    assert kept > max(count / (count + 1), 0.96)


def test_of_new_xrays_99_in_100_are_kept():
    generator = np.random.default_rng(0)
    draws = generator.lognormal(size=(4000, 300))
    kept = [np.mean(row[200:] <= choose_max_distance(row[:200])) for row in draws]
    assert np.mean(kept) == pytest.approx(199 / 201, abs=1e-3)


def test_distances_that_are_not_finite_are_refused():
    with pytest.raises(LungscopeError, match="diverged"):
        choose_max_distance(np.array([1.0, np.inf]))


def answers(confidences, right):
    """Two classes; all images are of the first."""
    confidences, right = np.asarray(confidences, dtype=np.float64), np.asarray(right)
    first = np.where(right, confidences, 1 - confidences)
    names = tuple(str(number) for number in range(len(first)))
    return Predictions(
        ("a", "b"),
        names,
        names,
        np.zeros(len(first), dtype=np.int64),
        np.column_stack([first, 1 - first]),
    )


def test_behind_the_gate_images_may_be_half_as_far_again():
    distances = np.linspace(1, 2, 302)
    given = answers(np.full(302, 0.9), [True] * 302)
    assert choose_thresholds(distances, given, use_gate=False).max_distance == pytest.approx(
        choose_max_distance(distances)
    )
    behind = choose_thresholds(distances, given)
    assert behind.max_distance == pytest.approx(1.5 * choose_max_distance(distances))
    assert behind.gate


def min_confidence(confidences, right):
    return choose_thresholds(np.ones(len(right)), answers(confidences, right)).min_confidence


def test_where_all_answers_are_right_often_enough_none_is_held_back():
    assert min_confidence(np.linspace(0.6, 0.99, 40), [False] * 2 + [True] * 38) == 0


def test_the_min_confidence_is_the_lowest_whose_answers_are_right_often_enough():
    confidences = np.linspace(0.6, 0.99, 40)
    right = [False] * 8 + [True] * 32
    # among the 33 surest there is 1 mistake, among the 34 surest there are 2
    assert min_confidence(confidences, right) == pytest.approx(confidences[40 - 33])


def test_a_wanted_accuracy_that_is_out_of_reach_leaves_the_surer_half():
    confidences = np.linspace(0.6, 0.99, 40)
    assert min_confidence(confidences, [False] * 40) == pytest.approx(confidences[19])


def test_one_lucky_answer_sets_no_threshold():
    confidences = np.linspace(0.6, 0.99, 40)
    assert min_confidence(confidences, [False] * 39 + [True]) == pytest.approx(confidences[19])


CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def of_probabilities(rows, labels, classes=CLASSES):
    names = tuple(f"{number}" for number in range(len(rows)))
    return Predictions(classes, names, names, np.array(labels), np.array(rows, dtype=np.float64))


def unclear(count, wrong):
    """Confident answers that are right, and `count` of an unclear kind, the first `wrong` normal.

    The normal ones are the least abnormal of them.
    """
    sure = [[0.98, 0.01, 0.01], [0.01, 0.98, 0.01]] * count
    normality = np.linspace(0.2, 0.05, count)
    split = [[(1 - p) * 0.52, p, (1 - p) * 0.48] for p in normality]
    labels = [0, 1] * count + [1] * wrong + [2] * (count - wrong)
    return of_probabilities(sure + split, labels)


def test_what_is_called_abnormal_is_so_in_95_percent_of_validation_images():
    predictions = unclear(100, wrong=20)
    found = choose_thresholds(np.ones(300), predictions)
    assert found.normal == "Normal"
    abnormality = 1 - predictions.probabilities[:, 1]
    called = (predictions.probabilities.max(axis=1) < found.min_confidence) & (
        abnormality >= found.min_abnormality
    )
    right = (predictions.labels != 1)[called]
    assert right.mean() >= 0.95
    assert right.mean() < 0.97  # the lowest threshold that does


def test_nothing_is_called_abnormal_without_images_that_show_it():
    assert choose_thresholds(np.ones(57), unclear(19, wrong=0)).min_abnormality is None
    assert choose_thresholds(np.ones(120), unclear(40, wrong=40)).min_abnormality is None


@pytest.mark.parametrize("classes", [("A", "B", "C"), ("Normal", "Pneumonia")])
def test_without_one_normal_class_and_two_others_there_is_no_abnormality(classes):
    rows = np.full((60, len(classes)), 1 / len(classes))
    found = choose_thresholds(np.ones(60), of_probabilities(rows, [0] * 60, classes))
    assert (found.normal, found.min_abnormality) == (None, None)
