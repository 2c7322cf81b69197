"""Evaluating a model on other data, and comparing runs."""

from collections.abc import Sequence
from pathlib import Path

from lungscope.api.arguments import Data, find_accelerator, open_index, to_path
from lungscope.api.run import Run
from lungscope.comparison.comparison import Comparison
from lungscope.comparison.run_comparison import compare_runs
from lungscope.data.class_mapping import ClassMapping
from lungscope.data.index import Index
from lungscope.evaluation.evaluated_model import open_model
from lungscope.evaluation.run_external import (
    ExternalEvaluation,
    ExternalSettings,
    choose_folder,
    evaluate_on,
    name_of,
)
from lungscope.report.external_page import write_external_page
from lungscope.training.execution import Device


def evaluate(
    model: "Run | str | Path",
    on: Data,
    folder: str | Path | None = None,
    *,
    mapping: ClassMapping | None = None,
    label_column: str = "label",
    by: Sequence[str] | None = None,
    leave_out_overlap: bool = False,
    data: str | Path | None = None,
    device: Device = "auto",
    workers: int | None = None,
    force: bool = False,
) -> ExternalEvaluation:
    """Evaluates a model on data that it was not made with, such as another hospital's.

    Images that the model was trained on or chosen by are looked for first: the same bytes, the
    same picture (also mirrored, cropped, resized or recompressed), the same group (patient).

    Args:
        model: a run or its folder, the folder of an exported model, or the name of a bundled one.
        on: an index, a folder of class folders, or a CSV table; of one class or more.
        folder: where results go; for a run, `evaluation-on-NAME` in it by default.
        mapping: the class of labels that have another name than a class of the model, e.g.
            {"COVID": "Viral Pneumonia", "Other": None}; None leaves their images out.
        label_column: the table's column with the labels.
        by: columns that results are given by besides the source; those of age, sex, view and
            finding that there are by default.
        leave_out_overlap: whether images that the model has seen are left out, not refused.
        data: the folder of the images that a run was trained on; where they were by default.
        device: "auto", "cpu" or "cuda"; an exported model runs on the CPU.
        workers: processes that read files; one per processor by default.
        force: whether results that are already there are replaced.

    Raises:
        NotFound: there is no such model or data.
        InvalidSetting: a mapping or column that does not fit, or no folder for an exported model.
        InvalidData: a label is no class of the model and is not mapped.
        DataLeak: the model has seen images, and they are not to be left out.
        AlreadyExists: results are already there, and `force` is off.

    Examples:
        >>> import lungscope as ls
        >>> from lungscope.phantom import write_phantoms
        >>> other = write_phantoms("clinic", 12, size=64, seed=5)
        >>> found = ls.evaluate("runs/lung", other, "elsewhere", leave_out_overlap=True)
        >>> found.assessment.listed
        12
    """
    if isinstance(on, Index):
        index, name = on, name_of(on.root)
    else:
        index = open_index(on, label_column=label_column, min_classes=1)
        name = name_of(Path(on) if isinstance(on, str | Path) else index.root)
    place = model.folder if isinstance(model, Run) else model
    opened = open_model(place, to_path(data), find_accelerator(device))
    found = evaluate_on(
        opened,
        index,
        name,
        choose_folder(opened, name, to_path(folder)),
        ExternalSettings(mapping or {}, by, leave_out_overlap, workers),
        force=force,
    )
    write_external_page(found.assessment, found.folder)
    return found


def compare(*runs: "Run | str | Path") -> Comparison:
    """Compares runs that were evaluated on the same test images, every one with every other.

    Args:
        runs: 2 to 20 runs, or their folders.

    Raises:
        NotFound: a folder is no run, or a run was not evaluated.
        InvalidData: the runs were not evaluated on the same images.

    Examples:
        >>> import shutil
        >>> import lungscope as ls
        >>> copy = shutil.copytree("runs/lung", "runs/copy")
        >>> (pair,) = ls.compare("runs/lung", copy).pairs
        >>> pair.equal, pair.better
        (True, None)
    """
    return compare_runs([each.folder if isinstance(each, Run) else Path(each) for each in runs])
