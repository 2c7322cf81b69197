import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungscope.audit.baselines import fit_baselines
from lungscope.data.cache import Cache, open_cache
from lungscope.data.split import SUBSETS, Split, SplitEntry
from lungscope.errors import LungscopeError
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
