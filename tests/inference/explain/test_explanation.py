from pathlib import Path

import numpy as np
import pytest

from lungscope.errors import LungscopeError
from lungscope.inference.explain.explanation import Explanation
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


def map_with(*hot):
    """A map in which each class has one hot place, (class, row, column)."""
    contributions = np.zeros((3, 7, 7), dtype=np.float32)
    for place in hot:
        contributions[place] = 1
    return contributions


def test_the_most_probable_class_is_explained_unless_another_is_named():
    answer = prediction(map_with((1, 3, 3), (2, 0, 0)))
    assert Explanation.of(answer).label == "Normal"
    assert Explanation.of(answer).probability == 0.7
    named = Explanation.of(answer, "Viral Pneumonia")
    assert named.label == "Viral Pneumonia"
    assert named.probability == 0.2
    assert named.heatmap.contributions[0, 0] == 1


def test_its_heat_is_on_the_pixels_of_the_radiograph():
    assert Explanation.of(prediction(map_with((1, 3, 3)))).heatmap.evidence.shape == (100, 80)


def test_heat_on_a_corner_is_a_warning():
    found = Explanation.of(prediction(map_with((1, 0, 6))))
    assert found.suspect
    assert found.remark.startswith("Warning: 100 % of the attribution is outside the thorax")
    assert "more than of evenly spread attribution (35 %)" in found.remark


def test_heat_on_a_lung_is_none():
    found = Explanation.of(prediction(map_with((1, 3, 1))))
    assert not found.suspect
    assert "of evenly spread attribution it would be 35 %" in found.remark


def test_without_heat_it_is_said_that_nothing_speaks_for_the_class():
    found = Explanation.of(prediction(map_with((1, 3, 3))), "Lung Opacity")
    assert found.proportion_outside_thorax is None
    assert not found.suspect
    assert found.remark == "No region of this image supports Lung Opacity."


def test_an_unknown_class_is_told_with_those_that_there_are():
    with pytest.raises(LungscopeError, match=r"'Cat' is unknown; .*Lung Opacity, Normal, Viral"):
        Explanation.of(prediction(map_with()), "Cat")


def test_without_an_activation_map_the_way_out_is_told():
    with pytest.raises(LungscopeError, match="predict with the run's checkpoint"):
        Explanation.of(prediction(None))
