"""Training a model into a run folder."""

import logging
from collections.abc import Sequence
from pathlib import Path

from lungscope.api.arguments import Data, open_index
from lungscope.api.run import OnEpoch, Run, fit_run
from lungscope.api.splitting import open_split
from lungscope.data.class_mapping import ClassMapping
from lungscope.data.split import Split
from lungscope.errors import InvalidSetting
from lungscope.training.execution import Device, Execution, Precision
from lungscope.training.fitting import check_initial_weights
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE
from lungscope.training.run import RunFolder
from lungscope.training.teachers import check_teachers, open_teachers

log = logging.getLogger("lungscope")


def train(
    data: Data,
    split: Split | str | Path | None = None,
    folder: str | Path | None = None,
    *,
    recipe: Recipe = PAPER_RECIPE,
    mapping: ClassMapping | None = None,
    teachers: Sequence["Run | str | Path"] = (),
    device: Device = "auto",
    precision: Precision = "32",
    cache_folder: str | Path | None = None,
    force: bool = False,
    on_epoch: OnEpoch | None = None,
) -> "Run":
    """Trains a model into a run folder.

    Ctrl-C ends the training after the current epoch; `Run.resume` continues it, also after a
    crash. Each epoch is logged to the logger "lungscope" at level INFO.

    Args:
        data: an index, a folder of class folders, or a CSV table; or several.
        split: the split, or its `split.json`; a new 80/10/10 split by default.
        folder: the run folder; `runs/` and the model's name by default.
        recipe: how to train; the paper's recipe by default.
        mapping: as for `split`, of the new split; a split that is given has its classes.
        teachers: what it learns from besides labels, with the recipe's `distillation`: runs or
            their folders, checkpoint folders, or names of bundled models.
        device: "auto", "cpu" or "cuda".
        precision: "32", or mixed precision with "bf16" or "16".
        cache_folder: where decoded images are kept; the user's cache folder by default.
        force: whether a run that is already in `folder` is replaced.
        on_epoch: called after each epoch.

    Returns:
        The run; `Run.finished` is False if it was interrupted.

    Raises:
        NotFound: no such data, split or file of initial weights.
        InvalidSetting: `recipe` is not a `Recipe`, its model is unknown, it has teachers without
            `distillation`, or the device cannot be used. This is found before an image is read.
        AlreadyExists: `folder` holds a run, and `force` is off.
        InvalidData: the data is not the split's, or a teacher has other classes.
        DataLeak: a teacher has seen test images.
        WeightsUnavailable: the recipe's initial weights are neither cached nor downloadable.

    Examples:
        >>> import lungscope as ls
        >>> recipe = ls.Recipe(model="squeezenet1_1", weights="none", epochs=1, size=64)
        >>> run = ls.train("xrays/", folder="runs/tiny", recipe=recipe)
        >>> run.finished
        True
    """
    if not isinstance(recipe, Recipe):
        raise InvalidSetting(
            f"recipe is {type(recipe).__name__}; give a Recipe, such as Recipe(epochs=20)"
        )
    if mapping is not None and split is not None:
        raise InvalidSetting("mapping: the split has its classes; give mapping to lungscope.split")
    index = open_index(data, mapping)
    chosen = None if split is None else open_split(index, split)
    place = Path(folder) if folder is not None else Path("runs") / recipe.model
    execution = Execution(device, precision)
    # a split reads every image, which may take minutes: refuse wrong settings before it, not after
    RunFolder.check_free(place, recipe, index.root, force=force)
    execution.check()
    check_initial_weights(recipe)
    opened = open_teachers(
        [each.folder if isinstance(each, Run) else each for each in teachers], recipe
    )
    chosen = open_split(index, None) if chosen is None else chosen
    for warning in check_teachers(opened, chosen):
        log.warning("%s", warning)
    folders = [each.folder for each in opened]
    made = RunFolder.create(place, recipe, chosen, index.root, force, folders)
    with made.removed_if_nothing_trained():
        return fit_run(made, index.root, execution, cache_folder, on_epoch)
