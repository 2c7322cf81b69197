from pathlib import Path

import numpy as np
import pytest

from lungscope.errors import LungscopeError
from lungscope.inference.explain.explanation import Explanation
from lungscope.inference.lung_field import LungField
from lungscope.inference.prediction import ImageOrigin, Prediction

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def prediction(contributions, size=(100, 80)):
    return Prediction(
        file=Path("film.png"),
        label="Normal",
        probabilities=dict(zip(CLASSES, (0.1, 0.7, 0.2), strict=True)),
        cause=None,
        distance=1.0,
        model="mobilenet-lung 33bc4012",
        model_sha256="33bc4012" * 8,
        origin=ImageOrigin("PNG", *size),
        activation_map=contributions,
    )


def lungs(certainty=1.0):
    """Two lungs that take a fourth of the image."""
    probabilities = np.zeros((3, 64, 64), dtype=np.float32)
    probabilities[0, 16:48, 4:20] = probabilities[1, 16:48, 44:60] = certainty
    return LungField(probabilities, 100, 80, 0.9)


def map_with(*hot):
    """A map in which each class has one hot place, (class, row, column)."""
    contributions = np.zeros((3, 7, 7), dtype=np.float32)
    for place in hot:
        contributions[place] = 1
    return contributions


def test_the_most_probable_class_is_explained_unless_another_is_named():
    answer = prediction(map_with((1, 3, 3), (2, 0, 0)))
    assert Explanation.of(answer, lungs()).label == "Normal"
    assert Explanation.of(answer, lungs()).probability == 0.7
    named = Explanation.of(answer, lungs(), "Viral Pneumonia")
    assert named.label == "Viral Pneumonia"
    assert named.probability == 0.2
    assert named.heatmap.contributions[0, 0] == 1


def test_its_heat_is_on_the_pixels_of_the_radiograph():
    assert Explanation.of(prediction(map_with((1, 3, 3))), lungs()).heatmap.evidence.shape == (
        100,
        80,
    )


def test_heat_on_a_corner_is_a_warning():
    found = Explanation.of(prediction(map_with((1, 0, 6))), lungs())
    assert found.suspect
    assert found.remark.startswith(
        "Warning: 100 % of the attribution is outside the lungs (outlined)"
    )
    assert "more than of evenly spread attribution (75 %)" in found.remark


def test_heat_on_a_lung_is_none():
    found = Explanation.of(prediction(map_with((1, 3, 1))), lungs())
    assert not found.suspect
    assert "of evenly spread attribution it would be 75 %" in found.remark


@pytest.mark.parametrize(("certainty", "code"), [(0.0, "lung-not-found"), (0.6, "lungs-uncertain")])
def test_without_plausible_lungs_it_is_said_why_nothing_is_measured(certainty, code):
    found = Explanation.of(prediction(map_with((1, 0, 6))), lungs(certainty))
    assert found.proportion_outside_lungs is found.area_outside_lungs is None
    assert found.unmeasured == code
    assert not found.suspect
    assert found.remark.startswith(
        "How much of the attribution is outside the lungs is not known: "
    )


def test_without_heat_it_is_said_that_nothing_speaks_for_the_class():
    found = Explanation.of(prediction(map_with((1, 3, 3))), lungs(), "Lung Opacity")
    assert found.proportion_outside_lungs is None
    assert found.unmeasured == "no-attribution"
    assert not found.suspect
    assert found.remark == "No region of this image supports Lung Opacity."


def test_an_unknown_class_is_told_with_those_that_there_are():
    with pytest.raises(LungscopeError, match=r"'Cat' is unknown; .*Lung Opacity, Normal, Viral"):
        Explanation.of(prediction(map_with()), lungs(), "Cat")


def test_without_an_activation_map_the_way_out_is_told():
    with pytest.raises(LungscopeError, match="predict with the run's checkpoint"):
        Explanation.of(prediction(None), lungs())
