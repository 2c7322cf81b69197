import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lungscope.audit.baselines import borders, file_facts, fit_baselines, statistics, thumbnails
from lungscope.audit.masking import border
from lungscope.data.cache import Cache, open_cache
from lungscope.data.split import SUBSETS, Split, SplitEntry
from lungscope.errors import LungscopeError, UnreadableImage
from lungscope.evaluation.bootstrap import Resampling

SIZE = 32
CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
COUNTS = {"train": (24, 30, 24), "validation": (10, 10, 10), "test": (12, 14, 10)}
ORDER = ["thumbnail", "border", "statistics", "majority"]


def grey(_, generator):
    """Noise that says nothing of the class."""
    return generator.integers(80, 176, (SIZE, SIZE))


def in_the_border(label, generator):
    image = grey(label, generator)
    image[1, 5 * label : 5 * label + 5] = 250  # a letter at another place
    return image


def in_the_centre(label, generator):
    image = grey(label, generator)
    image[14:18, 8 + 5 * label : 12 + 5 * label] = 250
    return image


def in_the_exposure(label, generator):
    # three middling greys, of which the second class has the middle one
    return grey(label, generator) // 4 + 60 * label


def plain_file(_):
    return 64, 64


@pytest.fixture
def planted(tmp_path):
    """A split, its cache and its folder, where the class is drawn by `draw` and sizes by `file`."""

    def planted(draw, file=plain_file):
        generator = np.random.default_rng(0)
        entries, pixels = [], []
        for subset in SUBSETS:
            for label, count in enumerate(COUNTS[subset]):
                for number in range(count):
                    name = f"{subset}-{label}-{number}.png"
                    Image.new("L", file(label)).save(tmp_path / name)
                    entries.append(SplitEntry(name, label, name, name, subset))
                    pixels.append(draw(label, generator).clip(0, 255).astype(np.uint8))
        cache = Cache(
            np.array(pixels), {entry.sha256: row for row, entry in enumerate(entries)}, Path()
        )
        return Split(CLASSES, tuple(entries), "group-column", 0, "by hand"), cache, tmp_path

    return planted


def run(split, cache, data, **options):
    resampling = Resampling.over([entry.group for entry in split.subset("test")], draws=200)
    return {each.name: each for each in fit_baselines(split, cache, data, resampling, **options)}


def values(found):
    return {name: baseline.accuracy.value for name, baseline in found.items()}


def test_a_class_that_is_written_in_the_border_is_read_there(planted):
    found = values(run(*planted(in_the_border)))
    assert found["border"] == 1
    assert found["thumbnail"] > 0.9
    assert found["statistics"] < 0.7


def test_a_class_that_is_written_in_the_centre_is_not_read_in_the_border(planted):
    found = values(run(*planted(in_the_centre)))
    assert found["thumbnail"] == 1
    assert found["border"] < 0.6


def test_a_class_that_has_its_own_exposure_is_told_by_the_statistics(planted):
    assert values(run(*planted(in_the_exposure)))["statistics"] == 1


def test_a_class_that_has_the_middle_file_size_is_told_by_it_alone(planted):
    found = values(run(*planted(grey, lambda label: (64 + 20 * label, 64 + 20 * label))))
    assert found["statistics"] == 1
    assert found["thumbnail"] < 0.7


def test_where_nothing_tells_the_class_no_baseline_does(planted):
    found = values(run(*planted(grey)))
    for name in ORDER:
        assert found[name] < 0.65, name


def test_images_without_any_difference_are_answered_like_the_majority(planted):
    found = run(*planted(lambda *_: np.full((SIZE, SIZE), 9)))
    for name in ORDER:
        assert np.array_equal(found[name].correct, found["majority"].correct)


def test_the_majority_is_that_of_the_train_subset(planted):
    split, cache, data = planted(grey)
    found = run(split, cache, data)["majority"]
    assert found.accuracy.value == pytest.approx(14 / 36)
    assert np.array_equal(found.correct, [entry.label == 1 for entry in split.subset("test")])


def test_the_single_images_are_those_of_the_accuracy(planted):
    for baseline in run(*planted(in_the_centre)).values():
        assert baseline.correct.dtype == np.bool_
        assert baseline.correct.mean() == pytest.approx(baseline.accuracy.value)
        assert baseline.accuracy.low <= baseline.accuracy.value <= baseline.accuracy.high


def test_nothing_is_learned_from_the_test_subset(planted):
    split, cache, data = planted(in_the_centre)
    before = run(split, cache, data)
    test = split.subset("test")
    halved = cache.pixels.copy()
    halved[cache.rows(test[::2])] = 0
    after = run(split, Cache(halved, cache.row, cache.folder), data)
    for name in ORDER:
        assert np.array_equal(after[name].correct[1::2], before[name].correct[1::2])


def test_twice_the_same_question_gives_the_same_answer(planted):
    data = planted(grey)
    one, two = run(*data), run(*data)
    for name in ORDER:
        assert np.array_equal(one[name].correct, two[name].correct)


def test_what_goes_into_a_file_is_json_without_the_single_images(planted):
    told = []
    found = run(*planted(grey), on_progress=lambda *done: told.append(done))
    assert list(found) == ORDER
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for baseline in found.values():
        written = json.loads(json.dumps(baseline.to_json(), allow_nan=False))
        assert set(written) == {"name", "title", "sees", "accuracy"}
        assert set(written["accuracy"]) == {"value", "low", "high"}


def test_a_missing_file_is_named(planted):
    split, cache, data = planted(grey)
    (data / split.subset("test")[0].file).unlink()
    with pytest.raises(LungscopeError, match=split.subset("test")[0].file):
        run(split, cache, data)


@pytest.mark.real_data
@pytest.mark.slow
def test_on_real_xrays_a_thumbnail_and_a_border_say_much(real_xrays, tmp_path):
    from lungscope.data.index import Index
    from lungscope.data.splitting import make_split
    from lungscope.data.survey import survey_images

    index = Index.open(real_xrays)
    divided = make_split(index, survey_images(index), (0.8, 0.1, 0.1))
    cache = open_cache(real_xrays, divided.entries, 64, tmp_path)
    found = values(run(divided, cache, real_xrays))
    assert 0.75 < found["thumbnail"] < 0.92
    assert 0.65 < found["border"] < 0.85
    assert found["majority"] < 0.5


def noise(count, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)


@pytest.mark.parametrize("factor", [1, 2, 7])
def test_a_thumbnail_is_the_mean_of_blocks(factor):
    pixels = noise(3, 32 * factor)
    blocks = pixels.reshape(3, 32, factor, 32, factor).mean(axis=(2, 4))
    np.testing.assert_allclose(thumbnails(pixels), blocks.reshape(3, -1), atol=1e-3)


@settings(deadline=None, max_examples=20)
@given(st.integers(32, 80), st.integers(0, 255))
def test_of_any_size_a_flat_image_stays_as_grey_as_it_was(size, level):
    found = thumbnails(np.full((1, size, size), level, np.uint8))
    assert found.shape == (1, 1024)
    np.testing.assert_allclose(found, level, atol=1e-3)


@pytest.mark.parametrize("size", [32, 45, 64, 224])
def test_the_border_shows_nothing_of_the_centre(size):
    one, other = noise(2, size), noise(2, size, seed=1)
    mixed = np.where(border(size), one, other)
    np.testing.assert_array_equal(borders(mixed), borders(one))


@pytest.mark.parametrize("size", [32, 45, 64, 224])
def test_every_pixel_of_the_border_is_in_it(size):
    black = np.zeros((1, size, size), np.uint8)
    width = round(size * 34 / 224)
    for row, column in [(0, 0), (width - 1, size // 2), (size // 2, size - width), (size - 1, 3)]:
        lit = black.copy()
        lit[0, row, column] = 255
        assert not np.array_equal(borders(lit), borders(black)), (row, column)
    lit = black + 255 * (~border(size)).astype(np.uint8)
    np.testing.assert_array_equal(borders(lit), borders(black))


def test_it_is_as_coarse_as_the_thumbnail():
    pixels = noise(2, 224)
    touched = borders(pixels).shape[1]
    assert touched == 32**2 - 22**2  # five rows of thumbnail pixels hold 34 rows of pixels
    outermost = thumbnails(pixels).reshape(2, 32, 32)[:, 0]
    np.testing.assert_allclose(borders(pixels)[:, :32], outermost, atol=1e-3)


def test_statistics_are_numpys():
    pixels = noise(4, 32)
    found = statistics(pixels)
    for row, image in zip(found, pixels, strict=True):
        assert row[0] == pytest.approx(image.mean())
        assert row[1] == pytest.approx(image.std())
        np.testing.assert_allclose(
            row[2:], np.percentile(image, [1, 5, 25, 50, 75, 95, 99]), atol=1e-9
        )


def test_a_constant_image_has_statistics():
    found = statistics(np.full((1, 32, 32), 7, np.uint8))
    assert found.tolist() == [[7, 0, 7, 7, 7, 7, 7, 7, 7]]


def test_facts_are_width_height_aspect_and_bytes(tmp_path):
    paths = [tmp_path / "wide.png", tmp_path / "tall.jpg"]
    Image.fromarray(noise(1, 200)[0][:100]).save(paths[0])
    Image.fromarray(noise(1, 96)[0][:, :64]).save(paths[1])
    found = file_facts(paths)
    assert found[:, :3].tolist() == [[200, 100, 2], [64, 96, pytest.approx(2 / 3)]]
    assert found[:, 3].tolist() == [len(path.read_bytes()) for path in paths]


def test_only_the_head_of_a_file_is_read(tmp_path):
    Image.fromarray(noise(1, 100)[0]).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:300])
    assert file_facts([tmp_path / "cut.png"]).tolist() == [[100, 100, 1, 300]]


def test_a_picture_that_pillow_finds_large_is_no_warning(tmp_path):
    Image.new("1", (9500, 9500)).save(tmp_path / "large.png")  # 90 megapixels
    assert file_facts([tmp_path / "large.png"])[0, 0] == 9500


@pytest.mark.parametrize(
    ("content", "error"), [(None, LungscopeError), (b"no image", UnreadableImage)]
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, content, error):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as refused:
        file_facts([path])
    assert "a.png" in str(refused.value)
    assert "\n" not in str(refused.value)
