"""The splits of a reproduction: made once, kept as files, and used by every model."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lungscope.data import splitting
from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.survey import Survey
from lungscope.errors import LungscopeError
from lungscope.reproduction.plan import PLAN, Plan, SplitOrigin

SPLIT = "split.json"
FOLDS = "folds"


def split_origin(folder: Path, plan: Plan) -> SplitOrigin:
    """Whether the split that a folder keeps was drawn by the plan before, or was given.

    Args:
        folder: of the reproduction.
        plan: what is to be done now.

    Returns:
        "drawn" also where none is kept, or of folds, which are never given.
    """
    (path, *_) = _paths(folder, plan)
    if plan.folds is not None or not path.is_file():
        return "drawn"
    try:
        before = Plan.load(folder / PLAN)
        seed = Split.load(path).seed
    except LungscopeError:  # no plan yet, or damaged files, which `kept_splits` and `claimed` tell
        before, seed = plan, plan.recipe.seed
    return "drawn" if before.split == "drawn" and seed == before.recipe.seed else "given"


def kept_splits(
    folder: Path, plan: Plan, survey: Callable[[], tuple[Index, Survey]], *, force: bool = False
) -> tuple[Split, ...]:
    """Reads the splits of a plan; where they are not there yet, draws and writes them.

    One split of 80/10/10, or one a fold, drawn with the plan's first seed: such that were drawn
    with another seed are drawn anew. One that was given (`Plan.split`) stays.

    Args:
        folder: of the reproduction.
        plan: says which.
        survey: reads the data set; called only if splits are to be made.
        force: whether damaged files are drawn anew.

    Raises:
        LungscopeError: a file that is no split, or data that can't be split so.
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


def _are_drawn(splits: Sequence[Split], plan: Plan) -> bool:
    """Whether a plan draws such splits: those of another seed or number of folds may lie there."""
    if any(split.seed != plan.recipe.seed for split in splits):
        return False
    if plan.folds is None:
        return True
    tested = [entry.file for split in splits for entry in split.subset("test")]
    return sorted(tested) == sorted(entry.file for entry in splits[0].entries)
