from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lungscope.inference.abstention import AbstentionCause
from lungscope.inference.explain import drawing as module
from lungscope.inference.explain.drawing import (
    draw_explanation,
    draw_outline,
    draw_overlay,
    panel_size,
)
from lungscope.inference.explain.explanation import Explanation
from lungscope.inference.explain.heatmap import make_heatmap
from lungscope.inference.lung_field import LungField
from lungscope.inference.prediction import ImageOrigin, Prediction

COLOUR = AbstentionCause("not-a-frontal-chest-radiograph", "chroma", 0.1, 0.03)
CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def film(height=300, width=200):
    y, x = np.mgrid[:height, :width]
    return ((x / width + y / height) / 2).astype(np.float32)


def explained(
    pixels, place=(3, 3), label="Normal", cause=None, file="film.png", model="m 1234", hidden=False
):
    contributions = np.zeros((3, 7, 7), dtype=np.float32)
    contributions[(1, *place)] = 0.5
    lungs = np.zeros((3, 64, 64), dtype=np.float32)
    lungs[0, 8:56, 8:28] = lungs[1, 8:56, 36:56] = 0 if hidden else 1
    return Explanation.of(
        Prediction(
            file=Path(file),
            label=None if cause else "Normal",
            probabilities=dict(zip(CLASSES, (0.1, 0.7, 0.2), strict=True)),
            cause=cause,
            distance=1.0,
            model=model,
            model_sha256="",
            origin=ImageOrigin("PNG", *pixels.shape),
            activation_map=contributions,
        ),
        LungField(lungs, *pixels.shape, 0.9),
        label,
    )


@pytest.fixture
def words(monkeypatch):
    """The texts of the picture that is drawn next."""
    texts = []
    draw_text = module.draw_text

    def told(text, size):
        texts.append(text)
        return draw_text(text, size)

    monkeypatch.setattr(module, "draw_text", told)
    return texts


@pytest.mark.parametrize(("height", "width"), [(300, 300), (600, 200), (200, 400)])
@pytest.mark.parametrize("place", [(0, 0), (0, 6), (3, 3), (6, 2)])
def test_the_overlay_is_hottest_where_the_cell_lies(height, width, place):
    contributions = np.zeros((7, 7), dtype=np.float32)
    contributions[place] = 3
    opacity = np.asarray(draw_overlay(make_heatmap(contributions, (height, width))))[..., 3]
    assert opacity.shape == panel_size(height, width)
    hottest = np.nonzero(opacity > 0.9 * opacity.max())
    for found, side, cell in zip(hottest, opacity.shape, place, strict=True):
        assert cell / 7 - 0.01 <= found.min() / side
        assert found.max() / side <= (cell + 1) / 7 + 0.01


def test_the_overlay_of_a_size_of_ones_own_has_that_size():
    heat = make_heatmap(np.eye(7, dtype=np.float32), (300, 300))
    assert draw_overlay(heat, (100, 50)).size == (50, 100)
    assert draw_overlay(heat, (100, 50)).mode == "RGBA"


def test_without_heat_the_overlay_is_clear():
    heat = make_heatmap(-np.eye(7, dtype=np.float32), (300, 300))
    assert not np.asarray(draw_overlay(heat))[..., 3].any()


def test_left_is_the_radiograph_and_right_the_same_but_for_the_heat():
    pixels = film(512, 512)
    drawn = np.asarray(draw_explanation(pixels, explained(pixels, place=(1, 1)))).astype(int)
    top = 24 + 24 + 6 + 15 + 6 + 16
    left = drawn[top : top + 512, 24 : 24 + 512]
    right = drawn[top : top + 512, 24 + 512 + 16 : 24 + 2 * 512 + 16]
    assert np.abs(left - np.rint(pixels * 255)[..., None]).max() <= 1
    yellow = right[..., 0] - right[..., 2]
    assert yellow[100:120, 100:120].min() > 100  # the middle of the hot cell
    # there is nothing but the outline of the lungs
    assert np.median(np.abs(right - left)[300:, 300:]) == 0
    assert (right[100:400, 60:70].min(axis=2).max(axis=1) == 255).all()


@settings(max_examples=12, deadline=None)
@given(st.integers(64, 3000), st.integers(64, 3000))
@example(64, 6000)
@example(6000, 64)
@example(2500, 2048)
def test_the_picture_of_any_radiograph_is_of_moderate_size(height, width):
    pixels = film(height, width)
    drawn = draw_explanation(pixels, explained(pixels))
    assert drawn.mode == "RGB"
    assert 600 < drawn.width <= 1490
    assert 300 < drawn.height <= 1050


def test_it_says_what_it_shows(words):
    pixels = film()
    draw_explanation(pixels, explained(pixels, file="/patients/miller/film 7.png"))
    told = "\n".join(words)
    assert "Normal, probability 0.700" in words
    assert "film 7.png" in words
    assert "miller" not in told
    assert "Model m 1234.  Research software, not for diagnosis." in words
    assert "Evidence for Normal (probability 0.700), +0.50 logits in all" in told
    assert "of the attribution is outside the lungs (outlined)" in told


def test_another_class_is_told_apart_from_the_answer(words):
    pixels = film()
    draw_explanation(pixels, explained(pixels, label="Viral Pneumonia"))
    assert words[0] == "Normal, probability 0.700"
    assert any("Evidence for Viral Pneumonia (probability 0.200)" in text for text in words)
    assert "No region of this image supports Viral Pneumonia." in words


def test_a_refusal_stands_in_place_of_a_class(words):
    pixels = film()
    draw_explanation(pixels, explained(pixels, cause=COLOUR))
    assert words[0].startswith("No answer: it is in colour: a photograph")


def test_what_is_estimated_is_called_so(words):
    pixels = film()
    draw_explanation(pixels, replace(explained(pixels), method="grad-cam"))
    assert any("estimated by Grad-CAM" in text for text in words)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(1.0, "above 0.999"), (0.9994, "0.999"), (0.0001, "below 0.001"), (0.0, "below 0.001")],
)
def test_no_probability_is_shown_as_certainty(words, probability, expected):
    pixels = film()
    made = explained(pixels)
    others = dict.fromkeys(CLASSES, 0.0)
    answer = replace(made.prediction, probabilities=others | {"Normal": probability})
    draw_explanation(pixels, Explanation.of(answer, made.field, "Normal"))
    assert words[0] == f"Normal, probability {expected}"


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=300), st.text(min_size=1, max_size=300))
def test_any_name_of_a_file_and_a_model_can_be_drawn(name, model):
    pixels = film(64, 64)
    file = name.replace("/", "").replace("\0", "") or "x"
    assert draw_explanation(pixels, explained(pixels, file=file, model=model)).height <= 1050


def test_the_same_answer_gives_the_same_bytes():
    pixels = film()
    assert (
        draw_explanation(pixels, explained(pixels)).tobytes()
        == draw_explanation(pixels, explained(pixels)).tobytes()
    )


@pytest.mark.parametrize("size", [(300, 200), (200, 300)])
def test_the_outline_runs_along_the_lungs_and_nowhere_else(size):
    field = explained(film(*size)).field
    drawn = np.asarray(draw_outline(field, size))
    inside = field.resampled(*size)
    lines = drawn[..., 3] == 255
    assert drawn.shape == (*size, 4)
    assert not (lines & ~inside).any()
    height, width = size
    for x in (8, 27, 36, 55):  # columns of the outlines, of 64
        assert lines[height // 2, int(x / 64 * width) : int((x + 1) / 64 * width) + 1].any()
    assert not drawn[height // 2, int(width * 14 / 64) : int(width * 22 / 64), 3].any()


def test_lungs_that_were_not_found_are_not_outlined(words):
    pixels = film(512, 512)
    found = explained(pixels, place=(1, 1), hidden=True)
    drawn = np.asarray(draw_explanation(pixels, found)).astype(int)
    top, left = 24 + 24 + 6 + 15 + 6 + 16, 24 + 512 + 16
    right = drawn[top : top + 512, left : left + 512]
    assert np.abs(right[300:] - np.rint(pixels * 255)[300:, :, None]).max() <= 1
    assert any("is not known: both lungs could not be found" in text for text in words)
