"""The teachers of a run: found by name, checked for what they have seen, kept in the run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungscope.data.split import Split, Subset
from lungscope.errors import DataLeak, InvalidData, InvalidSetting, ModelDamaged
from lungscope.inference.exported import find_model, load_training_images
from lungscope.inference.training_images import TrainingImages
from lungscope.models.checkpoint import Checkpoint
from lungscope.text import format_quantity
from lungscope.training.recipe import Recipe
from lungscope.training.run import RECIPE, RunFolder

TRAINED: tuple[Subset, ...] = ("train",)
SEEN: tuple[Subset, ...] = ("train", "validation")
"""Subsets that a model is trained on, and those that it is trained on or chosen by."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A trained model that another one learns from.

    Attributes:
        name: as it was given.
        folder: of its checkpoint.
        checkpoint: loaded from it.
        seen: what it was trained on and chosen by: its run's split, or the hashes that an exported
            model carries; None where that is not known.
    """

    name: str
    folder: Path
    checkpoint: Checkpoint
    seen: Split | TrainingImages | None


def open_teachers(names: Sequence[str | Path], recipe: Recipe) -> tuple[Teacher, ...]:
    """Finds and loads the teachers of a recipe; before an image is read.

    Args:
        names: of each the run folder, the folder of a checkpoint, or the name of a bundled model.
        recipe: of the student.

    Raises:
        InvalidSetting: teachers without a weight of `distillation`, or a weight without teachers.
        NotFound: there is no such model, or the run has no checkpoint yet.
        ModelDamaged: damaged or changed files.
    """
    check_weight(recipe, len(names))
    return tuple(_open(name) for name in names)


def check_weight(recipe: Recipe, teachers: int) -> None:
    """Checks that a recipe distils if, and only if, there are teachers.

    Raises:
        InvalidSetting: otherwise.
    """
    if teachers and not recipe.distillation:
        raise InvalidSetting(
            "recipe: distillation is 0, so that teachers are not asked; give the weight of their "
            "part of the loss, such as 0.9"
        )
    if recipe.distillation and not teachers:
        raise InvalidSetting(
            f"recipe: distillation is {recipe.distillation:g}, but there is no teacher; give one, "
            "or 0"
        )


def check_teachers(teachers: Sequence[Teacher], split: Split) -> tuple[str, ...]:
    """Checks teachers against the split of their student.

    A teacher that has seen test images, or their patients, tells the student about them, and the
    test measures that. Validation images only choose the epoch: where a teacher was trained on
    some, as one of several folds, the choice and the temperature are too confident.

    Args:
        teachers: of one student.
        split: the student's.

    Returns:
        Warnings, a sentence each: of what a teacher was trained on nothing is known, or it was
        trained on validation images.

    Raises:
        InvalidData: a teacher has other classes.
        DataLeak: a teacher has seen test images, or images of their patients.
    """
    warnings: list[str] = []
    for teacher in teachers:
        _refuse_other_classes(teacher, split)
        _refuse_test_images(teacher, split)
        if teacher.seen is None:
            warnings.append(
                f"teacher {teacher.name}: it is not known what it was trained on; if it has seen "
                "test images, the test says nothing"
            )
        if isinstance(teacher.seen, Split):  # hashes do not say which images chose the epoch
            count = _count_in_split(teacher.seen, TRAINED, split, "validation")
            if count:
                warnings.append(
                    f"teacher {teacher.name}: was trained on "
                    f"{format_quantity(count, 'validation image')} of the split or their patients; "
                    "the choice of the epoch, the temperature and the thresholds are too confident"
                )
    return tuple(warnings)


def _refuse_other_classes(teacher: Teacher, split: Split) -> None:
    classes = teacher.checkpoint.classes
    if sorted(classes) != sorted(split.classes):
        raise InvalidData(
            f"teacher {teacher.name}: its classes are {', '.join(classes)}, those of the split "
            f"{', '.join(split.classes)}; give a teacher of the same classes"
        )


def _refuse_test_images(teacher: Teacher, split: Split) -> None:
    seen = teacher.seen
    if seen is None:
        return
    if isinstance(seen, Split):
        count = _count_in_split(seen, SEEN, split, "test")
    else:
        count = _count_in_hashes(seen, split)
    if count:
        raise DataLeak(
            f"teacher {teacher.name}: has seen {format_quantity(count, 'test image')} of the split "
            "or their patients, and would tell the student; give a teacher that was trained on "
            "the same split, or a split whose test subset it has not seen"
        )


def _count_in_split(seen: Split, subsets: Collection[Subset], split: Split, asked: Subset) -> int:
    """Counts the images of a subset of a split that are in subsets of another, or their groups."""
    known = [each for each in seen.entries if each.subset in subsets]
    contents = {each.sha256 for each in known}
    # numbers of near-duplicates mean nothing in another split
    named = seen.grouped_by == split.grouped_by == "group-column"
    groups = {each.group for each in known} if named else set()
    return sum(each.sha256 in contents or each.group in groups for each in split.subset(asked))


def _count_in_hashes(seen: TrainingImages, split: Split) -> int:
    named = split.grouped_by == "group-column"
    return sum(
        seen.holds_content(bytes.fromhex(each.sha256)) or (named and seen.holds_group(each.group))
        for each in split.subset("test")
    )


def load_teachers(run: RunFolder) -> tuple[Checkpoint, ...]:
    """Loads the teachers that a run keeps, and checks that they are those it began with.

    Raises:
        InvalidSetting: its recipe distils without teachers.
        NotFound, ModelDamaged: one of them is missing, damaged or another.
    """
    noted = run.facts.get("teachers", [])
    check_weight(run.recipe, len(noted))
    loaded = tuple(Checkpoint.load(run.teacher(number)) for number in range(len(noted)))
    for number, (teacher, facts) in enumerate(zip(loaded, noted, strict=True)):
        if teacher.description.weights_sha256 != facts["weights_sha256"]:
            raise ModelDamaged(
                f"{run.teacher(number)}: not the teacher that the training began with; copy the "
                "whole run again"
            )
    return loaded


def _open(name: str | Path) -> Teacher:
    folder = find_model(name)
    run = next((each for each in (folder, folder.parent) if (each / RECIPE).is_file()), None)
    if run == folder or (run is not None and folder.name == RunFolder(run).checkpoint.name):
        opened = RunFolder.open(run)
        opened.require_checkpoint()
        return Teacher(
            str(name), opened.checkpoint, Checkpoint.load(opened.checkpoint), opened.split
        )
    checkpoint = Checkpoint.load(folder)
    seen = load_training_images(folder, checkpoint.description)
    return Teacher(str(name), folder, checkpoint, seen)
