import os
import signal
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import RidgeClassifier

from lungscope.data.index import Index
from lungscope.errors import LungscopeError
from lungscope.phantom import CLASSES, NOTICE, draw_phantom, write_phantoms

SMALL = 96


def digest(label, seed, size, view=0):
    return sha256(draw_phantom(label, seed, size, view).pixels.tobytes()).hexdigest()


def fingerprints(folder):
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def held_out_accuracy(features, labels):
    # Trained on the first two thirds, tested on the last third.
    cut = 2 * len(labels) // 3
    model = RidgeClassifier(alpha=10).fit(features[:cut], labels[:cut])
    return model.score(features[cut:], labels[cut:])


@pytest.fixture(scope="module")
def many():
    labels = np.arange(360) % len(CLASSES)
    phantoms = [draw_phantom(CLASSES[label], seed, 64) for seed, label in enumerate(labels)]
    return phantoms, labels


@pytest.mark.parametrize("size", [64, 97, 256])
def test_a_phantom_is_an_eight_bit_square_with_a_lung_mask_of_its_shape(size):
    phantom = draw_phantom("Normal", 3, size)

    assert phantom.pixels.shape == phantom.lungs.shape == (size, size)
    assert (phantom.pixels.dtype, phantom.lungs.dtype) == (np.uint8, np.bool_)
    assert phantom.label == "Normal"


@pytest.mark.parametrize("seed", range(12))
def test_classes_differ_inside_the_lungs_alone(seed):
    normal, *ill = (
        draw_phantom(label, seed, 128) for label in ("Normal", "Lung Opacity", "Viral Pneumonia")
    )

    for phantom in ill:
        assert np.array_equal(phantom.lungs, normal.lungs)
        assert np.array_equal(phantom.pixels[~normal.lungs], normal.pixels[~normal.lungs])
        assert (phantom.pixels[normal.lungs] != normal.pixels[normal.lungs]).mean() > 0.01


@pytest.mark.parametrize("seed", range(12))
def test_findings_only_ever_brighten(seed):
    normal, focal, diffuse = (
        draw_phantom(label, seed, 128).pixels.astype(int)
        for label in ("Normal", "Lung Opacity", "Viral Pneumonia")
    )
    lungs = draw_phantom("Normal", seed, 128).lungs

    # Denser parts have more noise, which may darken a pixel now and then.
    assert ((focal - normal)[lungs] >= 0).mean() > 0.95
    assert ((diffuse - normal)[lungs] > 0).mean() > 0.8


def test_an_opacity_is_focal_and_a_pneumonia_is_on_both_sides():
    for seed in range(12):
        normal, focal, diffuse = (
            draw_phantom(label, seed, 128)
            for label in ("Normal", "Lung Opacity", "Viral Pneumonia")
        )
        columns = np.nonzero(normal.lungs)[1]
        left = normal.lungs & (np.arange(128) < columns.mean())
        right = normal.lungs & ~left
        changed = {
            phantom.label: [
                (np.abs(phantom.pixels.astype(int) - normal.pixels)[side] > 2).mean()
                for side in (left, right)
            ]
            for phantom in (focal, diffuse)
        }

        assert max(changed["Lung Opacity"]) > 0.02
        assert np.mean(changed["Lung Opacity"]) < 0.4
        assert min(changed["Viral Pneumonia"]) > 0.6


def test_the_lungs_are_two_dark_fields_that_fill_a_plausible_part_of_the_image(many):
    for phantom in many[0][:60]:
        inside, outside = phantom.pixels[phantom.lungs], phantom.pixels[~phantom.lungs]
        assert 0.1 < phantom.lungs.mean() < 0.5
        middle = phantom.lungs[20:40].sum(axis=0)
        assert middle[8:28].any()
        assert middle[36:56].any()
        if phantom.label == "Normal":
            assert inside.mean() < outside[outside > 0].mean() - 5


def test_the_same_arguments_give_the_same_phantom_in_another_process():
    code = (
        "from hashlib import sha256; from lungscope.phantom import draw_phantom; "
        f"pixels = draw_phantom('Viral Pneumonia', 11, {SMALL}, 2).pixels; "
        "print(sha256(pixels.tobytes()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )

    assert other.stdout.strip() == digest("Viral Pneumonia", 11, SMALL, view=2)


def test_a_draw_does_not_depend_on_the_draws_before_it():
    first = digest("Lung Opacity", 5, SMALL)
    draw_phantom("Normal", 5, SMALL)
    draw_phantom("Lung Opacity", 6, 64)

    assert digest("Lung Opacity", 5, SMALL) == first


def test_size_changes_the_sampling_but_not_the_picture():
    for label in CLASSES:
        large = Image.fromarray(draw_phantom(label, 8, 256).pixels).resize(
            (64, 64), Image.Resampling.BOX
        )
        small = Image.fromarray(draw_phantom(label, 8, 128).pixels).resize(
            (64, 64), Image.Resampling.BOX
        )
        match = np.corrcoef(np.ravel(large), np.ravel(small))[0, 1]

        assert match > 0.97


def test_two_patients_never_look_alike(many):
    pixels = np.stack([phantom.pixels.ravel() for phantom in many[0][:200]])
    likeness = np.corrcoef(pixels) - np.eye(len(pixels))

    assert likeness.max() < 0.96


def test_views_of_a_patient_differ_in_position_exposure_and_noise():
    assert len({digest("Normal", 2, SMALL, view) for view in range(5)}) == 5


def test_the_border_tells_nothing_about_the_class_and_a_thumbnail_not_all(many):
    phantoms, labels = many
    images = np.stack([phantom.pixels for phantom in phantoms]) / 255
    rim = np.ones((64, 64), bool)
    rim[10:-10, 10:-10] = False
    outside = np.stack([np.where(phantom.lungs, 0, phantom.pixels) for phantom in phantoms]) / 255
    thumbnails = images.reshape(-1, 32, 2, 32, 2).mean((2, 4)).reshape(len(images), -1)

    assert held_out_accuracy(images[:, rim], labels) < 0.45
    assert held_out_accuracy(outside.reshape(len(images), -1), labels) < 0.45
    assert 0.36 < held_out_accuracy(thumbnails, labels) < 0.8


def test_the_phantoms_cover_the_grey_scale_without_clipping_the_lungs(many):
    for phantom in many[0][:60]:
        low, high = np.percentile(phantom.pixels, [1, 99])
        assert high - low > 80
        assert (phantom.pixels[phantom.lungs] == 0).mean() < 0.01


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("Healthy", 0, 256, 0), "no class 'Healthy'; choose one of Lung Opacity, Normal, Viral"),
        (("Normal", 0, 63, 0), "size 63 must be from 64 to 4096"),
        (("Normal", 0, 4097, 0), "size 4097 must be from 64 to 4096"),
        (("Normal", -1, 64, 0), "must not be negative"),
        (("Normal", 0, 64, -1), "must not be negative"),
    ],
)
def test_a_phantom_that_cannot_be_is_refused(arguments, told):
    with pytest.raises(LungscopeError, match=told):
        draw_phantom(*arguments)


def test_a_written_set_is_an_index_with_groups_and_near_equal_classes(tmp_path):
    folder = write_phantoms(tmp_path / "set", 20, size=64)
    index = Index.open(folder)

    assert folder == tmp_path / "set"
    assert index.classes == CLASSES
    counts = Counter(entry.label for entry in index.entries)
    assert sorted(counts.values()) == [6, 7, 7]
    assert {entry.source for entry in index.entries} == {"phantom"}
    assert {path.name for path in folder.iterdir()} == {
        *("Lung_Opacity", "Normal", "Viral_Pneumonia", "metadata.csv", NOTICE)
    }
    for entry in index.entries:
        with Image.open(index.path(entry)) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (64, 64))


def test_a_patient_has_one_class_and_one_to_three_images(tmp_path):
    index = Index.open(write_phantoms(tmp_path / "set", 60, size=64))
    sizes = Counter(entry.group for entry in index.entries)

    assert set(sizes.values()) == {1, 2, 3}
    assert len({(entry.group, entry.label) for entry in index.entries}) == len(sizes)


def test_every_image_of_a_set_is_different(tmp_path):
    files = fingerprints(write_phantoms(tmp_path / "set", 60, size=64))

    assert len(set(files.values())) == len(files)


def test_the_set_says_that_it_is_synthetic(tmp_path):
    text = (write_phantoms(tmp_path / "set", 3, size=64) / NOTICE).read_text(encoding="utf-8")

    assert "Synthetic" in text
    assert "no medical claim" in text


def test_a_seed_is_a_set(tmp_path):
    first = fingerprints(write_phantoms(tmp_path / "a", 6, seed=4, size=64))
    again = fingerprints(write_phantoms(tmp_path / "b", 6, seed=4, size=64))
    other = fingerprints(write_phantoms(tmp_path / "c", 6, seed=5, size=64))

    assert first == again
    assert not {first[file] for file in first if file.endswith("png")} & set(other.values())


def test_progress_is_told_image_by_image(tmp_path):
    told = []
    write_phantoms(tmp_path / "set", 5, size=64, on_progress=lambda *step: told.append(step))

    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_missing_parents_are_made_and_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()

    assert len(Index.open(write_phantoms(tmp_path / "empty", 3, size=64)).entries) == 3
    assert len(Index.open(write_phantoms(tmp_path / "x" / "y", 3, size=64)).entries) == 3


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(LungscopeError, match=r"is not empty \(holds mine\.txt\)"):
        write_phantoms(tmp_path, 3, size=64)
    with pytest.raises(LungscopeError, match="is a file; give a folder"):
        write_phantoms(tmp_path / "mine.txt", 3, size=64)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"count": 2}, "count 2 must be at least 3"),
        ({"count": 3, "seed": -1}, "seed -1 must not be negative"),
        ({"count": 3, "size": 10}, "size 10 must be from 64"),
    ],
)
def test_a_set_that_cannot_be_is_refused_and_leaves_nothing(tmp_path, numbers, told):
    with pytest.raises(LungscopeError, match=told):
        write_phantoms(tmp_path / "set", **numbers)

    assert not list(tmp_path.iterdir())


def test_an_interrupted_set_leaves_nothing(tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "set", 6, size=64, on_progress=stop)

    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(LungscopeError, match="cannot be written"):
        write_phantoms(tmp_path / "file" / "set", 3, size=64)


@pytest.mark.process
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_process_leaves_no_folder_under_the_name(tmp_path):
    code = (
        "import sys; from pathlib import Path; from lungscope.phantom import write_phantoms; "
        "write_phantoms(Path(sys.argv[1]), 100000, size=64)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "set")]) as process:
        for _ in range(1000):
            if process.poll() is not None or list(tmp_path.glob(".set-*/new/*/*.png")):
                break
            time.sleep(0.02)
        process.kill()

    assert list(tmp_path.glob(".set-*/new/*/*.png"))
    assert not (tmp_path / "set").exists()
