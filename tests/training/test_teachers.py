"""Which teachers a run may have."""

import shutil
from dataclasses import replace

import pytest

from lungscope.data.overlap import hash_training_images
from lungscope.data.split import SUBSETS, Split, SplitEntry
from lungscope.errors import DataLeak, InvalidData, InvalidSetting, NotFound
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint, save_checkpoint
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder
from lungscope.training.teachers import Teacher, check_teachers, open_teachers

CLASSES = ("Normal", "Opacity")
DISTILLED = Recipe(distillation=0.5)


def made(places, grouped_by="group-column"):
    """A split by the number and the subset of each image; image n is of patient n // 2."""
    entries = [
        SplitEntry(f"{n}.png", n % 2, f"{n:064x}", f"patient {n // 2}", subset)
        for subset in SUBSETS
        for n in places[subset]
    ]
    return Split(CLASSES, tuple(entries), grouped_by, 0, "by hand")


SPLIT = made({"train": range(8), "validation": range(8, 12), "test": range(12, 16)})


def teacher(seen, classes=CLASSES):
    description = Description("mobilenet-v2", 16, classes, Preprocessing(32, 0.5, 0.2), "")
    return Teacher("old", None, Checkpoint(None, description), seen)


def test_a_teacher_of_the_same_split_is_taken():
    assert check_teachers([teacher(SPLIT)], SPLIT) == ()


@pytest.mark.parametrize("subset", ["train", "validation"])
def test_a_teacher_that_has_seen_test_images_is_refused(subset):
    places = {"train": range(6), "validation": range(6, 12), "test": [12, 13]}
    places[subset] = [*places[subset], 14, 15]
    with pytest.raises(DataLeak, match="teacher old: has seen 2 test images"):
        check_teachers([teacher(made(places))], SPLIT)


def test_a_patient_counts_where_patients_have_names():
    # image 16 is of another patient; 14 and 15 are of one, and the teacher has seen 14 alone
    alone = made({"train": [*range(8), 14], "validation": [8, 9], "test": [12, 13]})
    entries = [e for e in SPLIT.entries if e.sha256 != f"{14:064x}"]
    split = replace(SPLIT, entries=(*entries, SplitEntry("16.png", 0, "f" * 64, "q", "test")))
    with pytest.raises(DataLeak, match="seen 1 test image of the split or their patients"):
        check_teachers([teacher(alone)], split)
    numbered = replace(split, grouped_by="near-duplicates")
    assert check_teachers([teacher(alone)], numbered) == ()


def test_a_teacher_that_was_trained_on_validation_images_is_warned_of():
    fold = made({"train": range(4, 12), "validation": range(4), "test": range(12, 16)})
    (warning,) = check_teachers([teacher(fold)], SPLIT)
    assert "was trained on 4 validation images" in warning


def test_an_exported_teacher_is_checked_by_its_hashes(tmp_path):
    seen = hash_training_images([SPLIT], tmp_path, b"salt")
    assert check_teachers([teacher(seen)], SPLIT) == ()
    turned = made({"train": range(8), "validation": range(12, 16), "test": range(8, 12)})
    with pytest.raises(DataLeak, match="seen 4 test images"):
        check_teachers([teacher(seen)], turned)


def test_a_teacher_of_which_nothing_is_known_is_warned_of():
    (warning,) = check_teachers([teacher(None)], SPLIT)
    assert "teacher old: it is not known what it was trained on" in warning


def test_a_teacher_of_other_classes_is_refused_and_one_of_another_order_is_not():
    assert check_teachers([teacher(SPLIT, CLASSES[::-1])], SPLIT) == ()
    with pytest.raises(InvalidData, match="its classes are Normal, Flu, those of the split Normal"):
        check_teachers([teacher(SPLIT, ("Normal", "Flu"))], SPLIT)


def test_teachers_and_the_weight_of_their_part_go_together():
    with pytest.raises(InvalidSetting, match="distillation is 0, so that teachers are not asked"):
        open_teachers(["robust"], Recipe())
    with pytest.raises(InvalidSetting, match=r"distillation is 0\.5, but there is no teacher"):
        open_teachers([], DISTILLED)
    assert open_teachers([], Recipe()) == ()


@pytest.fixture
def run(tmp_path):
    run = RunFolder.create(tmp_path / "run", Recipe(), SPLIT, tmp_path, force=False)
    network = build_network("mobilenet-v2", Shape(2))
    described = teacher(None).checkpoint.description
    save_checkpoint(run.checkpoint, network.state_dict(), described)
    return run


def test_a_teacher_is_a_run_its_checkpoint_a_folder_elsewhere_or_a_bundled_model(run, tmp_path):
    elsewhere = shutil.copytree(run.checkpoint, tmp_path / "copied")
    names = [run.folder, str(run.checkpoint), elsewhere, "robust"]
    found = open_teachers(names, DISTILLED)
    assert [each.seen for each in found[:3]] == [SPLIT, SPLIT, None]
    assert found[3].seen.images > 1000
    assert [each.name for each in found] == [str(name) for name in names]


def test_a_teacher_that_is_not_trained_or_not_there_is_refused(run, tmp_path):
    shutil.rmtree(run.checkpoint)
    with pytest.raises(NotFound, match="has trained no epoch yet"):
        open_teachers([run.folder], DISTILLED)
    with pytest.raises(NotFound, match="model"):
        open_teachers([tmp_path / "nowhere"], DISTILLED)
