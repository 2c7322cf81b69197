"""The splits of a reproduction: made once, stored in its folder, and shared by all models."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lungscope.data import splitting
from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.survey import Survey
from lungscope.errors import AlreadyExists, InvalidSetting, LungscopeError
from lungscope.reproduction.plan import PLAN, Plan, SplitOrigin

SPLIT = "split.json"
FOLDS = "folds"


def find_split_origin(folder: Path, plan: Plan) -> SplitOrigin:
    """Returns whether the split stored in a folder was drawn by an earlier plan or was given.

    Args:
        folder: folder of the reproduction.
        plan: the plan to carry out now.

    Returns:
        "drawn" also if no split is stored, and for folds, which are never given.
    """
    (path, *_) = _paths(folder, plan)
    if plan.folds is not None or not path.is_file():
        return "drawn"
    try:
        before = Plan.load(folder / PLAN)
        seed = Split.load(path).seed
    except LungscopeError:  # no plan yet, or damaged files: reported where they are needed
        before, seed = plan, plan.recipe.seed
    return "drawn" if before.split == "drawn" and seed == before.recipe.seed else "given"


def load_or_draw_splits(
    folder: Path, plan: Plan, survey: Callable[[], tuple[Index, Survey]], *, force: bool = False
) -> tuple[Split, ...]:
    """Loads the splits of a plan; draws and writes them if they are not stored yet.

    One split of 80/10/10, or one per fold, is drawn with the plan's first seed. Stored splits that
    were drawn with another seed are drawn again; a split that was given (`Plan.split`) is kept.

    Args:
        folder: folder of the reproduction.
        plan: the plan to carry out.
        survey: function that reads the data set; called only if splits must be drawn.
        force: whether damaged files are replaced by newly drawn splits.

    Raises:
        LungscopeError: a stored file is not a split, or the data cannot be split this way.
    """
    paths = _paths(folder, plan)
    if all(path.is_file() for path in paths):
        try:
            splits = tuple(Split.load(path) for path in paths)
        except LungscopeError:
            if plan.split == "given" or not force:
                raise
        else:
            if plan.split == "given" or _are_drawn(splits, plan):
                return splits
    index, surveyed = survey()
    if plan.folds is None:
        splits = (splitting.make_split(index, surveyed, seed=plan.recipe.seed),)
    else:
        splits = splitting.make_folds(index, surveyed, plan.folds, plan.recipe.seed)
    for path, split in zip(paths, splits, strict=True):
        split.save(path, overwrite=True)
    return splits


def adopt_split(folder: Path, plan: Plan, file: Path, *, force: bool) -> tuple[Split, ...]:
    """Uses a given split file for all models and stores a copy of it.

    Args:
        folder: folder of the reproduction.
        plan: a plan without folds.
        file: the split file.
        force: whether a different split that is stored there is replaced.

    Raises:
        InvalidSetting: the plan has folds.
        AlreadyExists: a different split is stored there.
        LungscopeError: the file is not a split.
    """
    if plan.folds is not None:
        raise InvalidSetting("folds draw their own splits; leave out the split or the folds")
    split = Split.load(file)
    (path,) = _paths(folder, plan)
    if path.is_file() and not force and Split.load(path).fingerprint != split.fingerprint:
        raise AlreadyExists(
            f"{path}: differs from {file}; leave that out", remedy="force-or-elsewhere"
        )
    split.save(path, overwrite=True)
    return (split,)


def refuse_other_classes(folder: Path, split: Split, classes: Sequence[str]) -> None:
    """Refuses to continue on a stored split whose classes are not the data's.

    Args:
        folder: folder of the reproduction.
        split: the split that is stored there.
        classes: the data's, with labels mapped as is asked now.

    Raises:
        AlreadyExists: they differ, say by another mapping of labels.
    """
    if tuple(split.classes) != tuple(classes):
        raise AlreadyExists(
            f"{folder}: was begun with the classes {', '.join(split.classes)}, not "
            f"{', '.join(classes)}; map the labels as then, or give another folder"
        )


def _paths(folder: Path, plan: Plan) -> tuple[Path, ...]:
    if plan.folds is None:
        return (folder / SPLIT,)
    return tuple(folder / FOLDS / f"{part.name}.json" for part in plan.parts)


def _are_drawn(splits: Sequence[Split], plan: Plan) -> bool:
    """Returns whether the plan draws such splits; others have another seed or number of folds."""
    if any(split.seed != plan.recipe.seed for split in splits):
        return False
    if plan.folds is None:
        return True
    tested = [entry.file for split in splits for entry in split.subset("test")]
    return sorted(tested) == sorted(entry.file for entry in splits[0].entries)
