import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.audit.masking import MASKS, border, corners, predict_masked
from lungscope.evaluation import subset_predictions
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.subset_predictions import predict_subset

REGIONS = {"corners": corners}


def run(checkpoint, cache, entries, **options):
    resampling = Resampling.over([entry.group for entry in entries], draws=200)
    unchanged = predict_subset(checkpoint, cache, entries)
    found = predict_masked(checkpoint, cache, entries, unchanged, resampling, **options)
    return {each.name: each.effect for each in found}


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(MASKS), st.integers(32, 64), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_exactly_the_stated_pixels_are_hidden_behind_the_images_own_mean(mask, size, count, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, size, size, generator=generator)
    kept = images.clone()
    found = mask.apply(images)
    assert torch.equal(images, kept)
    assert found.shape == images.shape
    assert found.dtype == images.dtype
    hidden = torch.from_numpy(REGIONS[mask.name](size))
    for before, after in zip(images[:, 0], found[:, 0], strict=True):
        assert torch.equal(after[~hidden], before[~hidden])
        assert (after[hidden] == after[hidden][0]).all()
        assert float(after[hidden][0]) == pytest.approx(float(before.mean()), abs=1e-5)


@pytest.mark.parametrize("mask", MASKS, ids=lambda mask: mask.name)
def test_a_flat_image_is_not_changed(mask):
    images = torch.full((1, 1, 32, 32), 0.4)
    torch.testing.assert_close(mask.apply(images), images)


@pytest.mark.parametrize(
    ("place", "hidden_by"),
    [("centre", set()), ("border", set()), ("corner", {"corners"})],
)
def test_a_model_suffers_from_those_masks_alone_that_hide_what_it_reads(
    reader, written, place, hidden_by
):
    cache, entries = written(place)
    for name, effect in run(reader(place), cache, entries).items():
        if name in hidden_by:
            # the mean is near the middle level: every image is answered with the middle class
            assert effect.accuracy.value == pytest.approx(1 / 3)
            assert effect.difference.value == pytest.approx(-2 / 3)
            assert effect.difference.high < 0
            assert effect.flips.value == effect.correct_to_incorrect.value == pytest.approx(2 / 3)
        else:
            assert effect.accuracy.value == 1
            assert effect.flips.value == effect.difference.value == 0
        assert effect.incorrect_to_correct.value == 0


def test_a_misclassification_that_hiding_corrects_is_counted(reader, written):
    cache, entries = written("corner")
    misled = [replace(entry, label=1) for entry in entries]  # what hiding the corner answers
    effect = run(reader("corner"), cache, misled)["corners"]
    assert effect.accuracy.value == 1
    assert effect.incorrect_to_correct.value == effect.difference.value == pytest.approx(2 / 3)
    assert effect.correct_to_incorrect.value == 0


def test_progress_goes_over_all_masks(reader, written, monkeypatch):
    monkeypatch.setattr(subset_predictions, "BATCH", 20)
    told = []
    cache, entries = written("centre")
    run(reader("centre"), cache, entries, on_progress=lambda *done: told.append(done))
    assert told == [(done, 30) for done in (20, 30)]


def test_it_is_json_and_says_what_was_hidden(reader, written):
    cache, entries = written("centre", 6)
    unchanged = predict_subset(reader("centre"), cache, entries)
    resampling = Resampling.over(unchanged.groups, draws=20)
    found = predict_masked(reader("centre"), cache, entries, unchanged, resampling)
    for mask, each in zip(MASKS, found, strict=True):
        told = json.loads(json.dumps(asdict(each), allow_nan=False))
        assert (told["name"], told["title"], told["hides"]) == (mask.name, mask.title, mask.hides)
        assert np.isfinite(list(told["effect"]["accuracy"].values())).all()


def test_answers_for_other_images_are_refused(reader, written):
    cache, entries = written("centre", 6)
    unchanged = predict_subset(reader("centre"), cache, entries[::-1])
    resampling = Resampling.over(unchanged.groups, draws=20)
    with pytest.raises(ValueError, match="same images"):
        predict_masked(reader("centre"), cache, entries, unchanged, resampling)


def test_the_border_is_the_outer_34_of_224_pixels():
    found = border(224)
    inner = found[34:190, 34:190]
    assert not inner.any()
    assert found.sum() == 224**2 - 156**2
    assert found[33].all()
    assert found[:, 190].all()


@pytest.mark.parametrize(("size", "width"), [(32, 5), (64, 10), (112, 17), (299, 45)])
def test_its_width_goes_with_the_side(size, width):
    assert border(size).sum() == size**2 - (size - 2 * width) ** 2


def test_corners_are_four_squares_of_a_fifth_of_the_side():
    found = corners(100)
    assert found.sum() == 4 * 20**2
    for part in (found[:20, :20], found[:20, 80:], found[80:, :20], found[80:, 80:]):
        assert part.all()


@pytest.mark.parametrize("region", [border, corners])
@pytest.mark.parametrize("size", [4, 32, 33, 224])
def test_a_region_is_the_same_from_every_side(region, size):
    found = region(size)
    assert found.shape == (size, size)
    for turned in (found.T, found[::-1], found[:, ::-1]):
        assert np.array_equal(found, turned)
