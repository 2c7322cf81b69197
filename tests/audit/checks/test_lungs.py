from dataclasses import replace

import numpy as np
import pytest
from made_up import context, effect, lung_effects, performance, unlearned

from lungscope.audit.checks.lungs import compute_lung_effects, conclude_lungs
from lungscope.audit.lung_images import LungImages
from lungscope.estimate import Estimate

NAMES = ("lungs-hidden", "lungs-alone", "lungs-transplanted")


def conclude(found, of=None):
    return {each.name: each for each in conclude_lungs(found, of or performance())}


def test_a_model_of_lungs_on_enough_images_passes():
    assert {name: each.verdict for name, each in conclude(lung_effects()).items()} == dict.fromkeys(
        NAMES, "pass"
    )


@pytest.mark.parametrize(
    ("accuracy", "verdict", "open_question"),
    [
        (Estimate(0.30, 0.20, 0.50), "pass", False),
        (Estimate(0.50, 0.45, 0.60), "warn", False),
        (Estimate(0.40, 0.20, 0.70), "warn", True),
        (Estimate(0.80, 0.20, 0.90), "fail", False),
    ],
)
def test_hidden_lungs_pass_where_little_is_left(accuracy, verdict, open_question):
    found = conclude(replace(lung_effects(), hidden=effect(accuracy=accuracy)))["lungs-hidden"]
    assert found.verdict == verdict
    assert (
        "It cannot be excluded that it keeps more than half" in found.statement
    ) == open_question


DROPS = [
    (Estimate(-0.02, -0.04, 0.0), "pass"),
    (Estimate(-0.03, -0.08, 0.01), "warn"),
    (Estimate(-0.03, -0.08, -0.01), "warn"),
    (Estimate(-0.06, -0.08, -0.01), "fail"),
]


@pytest.mark.parametrize(("difference", "verdict"), DROPS)
def test_lungs_alone_pass_where_a_large_drop_is_excluded(difference, verdict):
    found = conclude(replace(lung_effects(), alone=effect(difference)))["lungs-alone"]
    assert found.verdict == verdict
    assert ("may come from the mask itself" in found.statement) == (difference.value < 0)


@pytest.mark.parametrize(("difference", "verdict"), DROPS)
def test_transplants_are_judged_by_the_difference_between_sources(difference, verdict):
    made = lung_effects()
    found = replace(made, transplants=replace(made.transplants, other=effect(difference)))
    assert conclude(found)["lungs-transplanted"].verdict == verdict


def test_where_no_lungs_are_found_or_nothing_is_learned_nothing_is_concluded():
    for found in (conclude(None), conclude(lung_effects(), unlearned())):
        assert {each.verdict for each in found.values()} == {"not-measured"}
    single = conclude(replace(lung_effects(), transplants=None))
    assert single["lungs-transplanted"].verdict == "not-measured"
    assert "two sources" in single["lungs-transplanted"].statement


def test_images_without_lungs_are_counted():
    statement = conclude(replace(lung_effects(), missed=3))["lungs-hidden"].statement
    assert statement.endswith("Measured on 300 images; on 3 images no lungs were found.")


@pytest.mark.parametrize(
    ("place", "hidden", "alone", "moved"),
    [("centre", 1 / 3, 1.0, 1.0), ("border", 1.0, 1 / 3, 1.0)],
)
def test_a_model_loses_what_it_reads(reader, written, place, hidden, alone, moved):
    """The middle stands for the lungs; the class is written there, or on the border."""
    cache, entries = written(place)
    entries = [
        replace(entry, source=("north", "south")[row % 2], group=f"group {row}")
        for row, entry in enumerate(entries)
    ]
    lungs = np.zeros((len(entries), 2, 32, 32), dtype=bool)
    lungs[:, 0, 8:24, 8:16] = lungs[:, 1, 8:24, 16:24] = True
    images = LungImages(
        np.arange(len(entries)), tuple(entries), cache.pixels[cache.rows(entries)], lungs
    )
    found = compute_lung_effects(context(reader(place), cache, entries), images)
    assert found.accuracy.value == 1
    assert found.hidden.accuracy.value == pytest.approx(hidden)
    assert found.alone.accuracy.value == pytest.approx(alone)
    assert found.transplants.images == len(entries)
    assert found.transplants.same.accuracy.value == pytest.approx(moved)
    assert found.transplants.other.accuracy.value == pytest.approx(moved)
