"""The splits of a reproduction: made once, kept as files, and used by every model."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lungscope.data import splitting
from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.survey import Survey
from lungscope.errors import LungscopeError
from lungscope.reproduction.plan import Plan

SPLIT = "split.json"
FOLDS = "folds"


def kept_splits(
    folder: Path, plan: Plan, survey: Callable[[], tuple[Index, Survey]]
) -> tuple[Split, ...]:
    """Reads the splits of a plan; where they are not there yet, makes and writes them.

    One split of 80/10/10, or one a fold, drawn with the plan's first seed.

    Args:
        folder: of the reproduction.
        plan: says which.
        survey: reads the data set; called only if splits are to be made.

    Raises:
        LungscopeError: a file that is no split, or data that can't be split so.
    """
    paths = _paths(folder, plan)
    if all(path.is_file() for path in paths):
        splits = tuple(Split.load(path) for path in paths)
        if plan.folds is None or _are_folds(splits):
            return splits
    index, surveyed = survey()
    if plan.folds is None:
        splits = (splitting.split(index, surveyed, seed=plan.recipe.seed),)
    else:
        splits = splitting.folds(index, surveyed, plan.folds, plan.recipe.seed)
    for path, split in zip(paths, splits, strict=True):
        split.save(path)
    return splits


def given_split(folder: Path, plan: Plan, file: Path, *, force: bool) -> tuple[Split, ...]:
    """Takes a split file for all models and keeps a copy of it.

    Args:
        folder: of the reproduction.
        plan: one without folds.
        file: of the split.
        force: whether another split that is kept there is replaced.

    Raises:
        LungscopeError: no split, folds are planned, or another split is kept there.
    """
    if plan.folds is not None:
        raise LungscopeError("--folds makes splits of its own; leave out --split or --folds")
    split = Split.load(file)
    (path,) = _paths(folder, plan)
    if path.is_file() and not force and Split.load(path).fingerprint != split.fingerprint:
        raise LungscopeError(
            f"{path}: is another split than {file}; leave out --split, give another folder, or "
            "replace it with --force"
        )
    split.save(path)
    return (split,)


def _paths(folder: Path, plan: Plan) -> tuple[Path, ...]:
    if plan.folds is None:
        return (folder / SPLIT,)
    return tuple(folder / FOLDS / f"{part.name}.json" for part in plan.parts)


def _are_folds(splits: Sequence[Split]) -> bool:
    """Whether each image is tested once: files of an earlier number of folds may lie there."""
    tested = [entry.file for split in splits for entry in split.side("test")]
    return sorted(tested) == sorted(entry.file for entry in splits[0].entries)
