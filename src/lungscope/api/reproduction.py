"""Training without each source in turn."""

from collections.abc import Sequence
from pathlib import Path

from lungscope.api.arguments import Data, open_index, to_path
from lungscope.data.class_mapping import ClassMapping
from lungscope.data.index import Index
from lungscope.data.survey import Survey, require_readable, survey_images
from lungscope.reproduction.data_arguments import DataArguments
from lungscope.reproduction.plan import Plan, in_order
from lungscope.reproduction.runner import RunEnvironment
from lungscope.reproduction.source_folds import choose_folds, load_or_make_folds
from lungscope.reproduction.source_table import SourceTable
from lungscope.reproduction.source_workflow import leave_one_source_out as run_without_each
from lungscope.reproduction.workflow import ReproductionCallbacks, claim_folder, refuse_inside
from lungscope.training.execution import Device, Execution, Precision
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE


def leave_one_source_out(
    data: Data,
    folder: str | Path,
    *,
    models: Sequence[str] = (PAPER_RECIPE.model,),
    sources: Sequence[str] = (),
    recipe: Recipe = PAPER_RECIPE,
    mapping: ClassMapping | None = None,
    device: Device = "auto",
    precision: Precision = "32",
    skip_unreadable: bool = False,
    workers: int | None = None,
    cache_folder: str | Path | None = None,
    force: bool = False,
) -> SourceTable:
    """Trains models without each source (hospital) in turn, and tests them on it alone.

    Call it again to continue: nothing is trained twice. A source that has all images of a class is
    not left out, and its row says so.

    Args:
        data: an index, a folder of class folders, or a CSV table; or several. Its images name two
            sources or more.
        folder: where `sources.html`, `sources.csv`, `sources.json` and the runs go.
        models: names of architectures.
        sources: those to leave out; all by default.
        recipe: of every model, whatever its own `model` is.
        mapping: as for `split`.
        device: "auto", "cpu" or "cuda".
        precision: as for `train`.
        skip_unreadable: whether files that cannot be read are left out instead of refused.
        workers: processes that read files; one per processor by default.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        force: whether runs that are damaged, or of another recipe or split, are trained again.

    Returns:
        A row for each source and model; pending ones if Ctrl-C was pressed.

    Raises:
        NotFound: no such data or source.
        InvalidSetting: an unknown model, or a folder inside a data set.
        InvalidData: fewer than two sources are named, or none can be left out.
        AlreadyExists: `folder` holds runs by another plan, and `force` is off.

    Examples:
        >>> import lungscope as ls
        >>> index = ls.Index.open("xrays")
        >>> files = [index.path(each) for each in index.entries]
        >>> labels = [index.classes[each.label] for each in index.entries]
        >>> sources = ["west" if number % 2 else "east" for number in range(len(files))]
        >>> index = ls.Index.from_files(files, labels, sources=sources)
        >>> recipe = ls.Recipe(weights="none", epochs=1, size=64)
        >>> ls.leave_one_source_out(index, "each", models=["squeezenet1_1"], recipe=recipe)
        SourceTable('xrays': 2 of 2 rows done)
    """
    index, place = open_index(data, mapping), Path(folder)
    for name in index.data_sets or (".",):
        if (index.root / name).is_dir():
            refuse_inside(place, index.root / name)
    plan = Plan(in_order(models), recipe, precision=precision)
    execution = Execution(device, precision)
    names = tuple(Path(name).name for name in index.data_sets) or (index.root.name,)
    environment = RunEnvironment(
        index.root, execution, to_path(cache_folder), workers, force, DataArguments(names)
    )

    def survey() -> tuple[Index, Survey]:
        found = survey_images(index, workers)
        return require_readable(index, found, skip=skip_unreadable), found

    with claim_folder(place, plan, force=force):
        folds = load_or_make_folds(place, recipe.seed, survey, force=force)
        chosen = choose_folds(folds, sources)
        return run_without_each(plan, chosen, place, environment, ReproductionCallbacks())
