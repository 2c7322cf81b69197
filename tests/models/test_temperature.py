import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from lungscope.errors import LungscopeError
from lungscope.models.temperature import HOTTEST, Temperature, fit_temperature


def sampled(count, sharpness, seed=0, classes=3):
    """Scores `sharpness` times as far apart as the labels, drawn from them, warrant."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (count, classes))
    chances = softmax(logits, axis=1).cumsum(axis=1)
    labels = (generator.random((count, 1)) > chances).sum(axis=1).clip(max=classes - 1)
    return sharpness * logits, labels


@pytest.mark.parametrize("sharpness", [0.2, 1.0, 3.0])
def test_it_finds_by_how_much_a_model_is_too_sure_of_itself(sharpness):
    found = fit_temperature(*sampled(20_000, sharpness))
    assert found.value == pytest.approx(sharpness, rel=0.04)


def test_it_is_where_the_gradient_of_the_likelihood_is_0():
    logits, labels = sampled(300, 2.5)
    found = fit_temperature(logits, labels)
    inverse = torch.tensor(1 / found.value, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits) * inverse, torch.tensor(labels))
    loss.backward()
    assert inverse.grad.item() == pytest.approx(0, abs=1e-6)
    assert loss.item() == pytest.approx(found.nll_after, rel=1e-12)
    assert found.nll_before == pytest.approx(-log_softmax(logits, 1)[range(300), labels].mean())


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(2, 5), st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_no_temperature_of_a_fine_grid_is_better_and_it_never_harms(count, classes, scale, seed):
    generator = np.random.default_rng(seed)
    logits = scale * generator.normal(size=(count, classes))
    labels = generator.integers(0, classes, count)
    found = fit_temperature(logits, labels)
    assert found.nll_after <= found.nll_before
    if (logits.argmax(axis=1) == labels).all():
        return
    for value in np.geomspace(0.0101, 99, 60):
        loss = -log_softmax(logits / value, axis=1)[range(count), labels].mean()
        assert found.nll_after <= loss * (1 + 1e-9)


def test_logarithms_of_probabilities_give_the_same_temperature_as_logits():
    logits, labels = sampled(300, 2.0)
    found = fit_temperature(log_softmax(logits, axis=1), labels)
    assert found.value == pytest.approx(fit_temperature(logits, labels).value, rel=1e-5)


def test_where_every_image_is_right_the_scores_are_left_as_they_are():
    logits = np.array([[3.0, 0, -1], [0, 1, 0], [2, 2, 0]])  # the last has two highest scores
    found = fit_temperature(logits, np.array([0, 1, 1]))
    assert found.value == 1
    assert found.nll_before == found.nll_after > 0


def test_one_mistake_is_enough_for_a_temperature():
    logits = np.array([[3.0, 0], [0, 3.0], [0, 3.0], [0.5, 0]])
    assert fit_temperature(logits, np.array([0, 1, 1, 1])).value != 1


def test_scores_worse_than_chance_are_made_as_even_as_can_be():
    logits, labels = sampled(200, 1.0)
    assert fit_temperature(-logits, labels).value == pytest.approx(HOTTEST, rel=1e-4)


def test_scores_that_are_all_equal_are_left_as_they_are():
    found = fit_temperature(np.zeros((4, 2)), np.array([0, 1, 1, 0]))
    assert found == Temperature(1.0, pytest.approx(np.log(2)), pytest.approx(np.log(2)))


@pytest.mark.parametrize(
    ("logits", "labels", "told"),
    [
        (np.empty((0, 3)), np.empty(0, int), "no image"),
        (np.zeros((2, 3)), np.array([0, 3]), "one of the 3 classes"),
        (np.zeros((2, 3)), np.array([-1, 0]), "one of the 3 classes"),
        (np.array([[0, np.nan]]), np.array([0]), "not finite"),
        (np.array([[0, np.inf]]), np.array([1]), "not finite"),
        (np.zeros((2, 3)), np.array([0]), "do not go together"),
        (np.zeros(2), np.array([0, 0]), "do not go together"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(logits, labels, told):
    with pytest.raises(LungscopeError, match=told) as caught:
        fit_temperature(logits, labels)
    assert "\n" not in str(caught.value)


def test_an_image_of_twice_the_weight_counts_as_two():
    logits, labels = sampled(400, 2.0)
    weights = np.where(np.arange(400) < 100, 2.0, 1.0)
    doubled = np.concatenate([np.arange(400), np.arange(100)])
    found = fit_temperature(logits, labels, weights)
    expected = fit_temperature(logits[doubled], labels[doubled])
    assert found.value == pytest.approx(expected.value, rel=1e-5)
    assert found.nll_after == pytest.approx(expected.nll_after, rel=1e-6)
