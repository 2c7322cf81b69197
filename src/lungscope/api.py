"""The steps of a study in a line each: split, train, evaluate, audit, compare.

The command line does the same with the same functions; here they are joined for programs and
notebooks, without a terminal.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungscope.audit.audit_report import AuditReport
from lungscope.audit.run_audit import audit_run
from lungscope.comparison.comparison import Comparison
from lungscope.comparison.run_comparison import compare_runs
from lungscope.data.checks.copies import describe_conflicts, label_conflicts
from lungscope.data.class_mapping import ClassMapping, relabel
from lungscope.data.duplicates import find_duplicates
from lungscope.data.index import MIN_CLASSES, DataPath, Index
from lungscope.data.split import Split, Subset
from lungscope.data.splitting import hold_out_sources, make_split
from lungscope.data.survey import Survey, require_readable, survey_images
from lungscope.data.table import LABEL
from lungscope.errors import InvalidSetting
from lungscope.evaluation.evaluated_model import open_model
from lungscope.evaluation.run_evaluation import RunEvaluation, evaluate_run
from lungscope.evaluation.run_external import (
    ExternalEvaluation,
    ExternalSettings,
    choose_folder,
    evaluate_on,
    name_of,
)
from lungscope.export.exporting import export_runs
from lungscope.export.parity import Precision as GraphPrecision
from lungscope.inference.classifier import Classifier
from lungscope.models.checkpoint import Checkpoint
from lungscope.report.external_page import write_external_page
from lungscope.report.run_report import write_report
from lungscope.reproduction.data_arguments import DataArguments
from lungscope.reproduction.plan import Plan, in_order
from lungscope.reproduction.runner import RunEnvironment
from lungscope.reproduction.source_folds import choose_folds, load_or_make_folds
from lungscope.reproduction.source_table import SourceTable
from lungscope.reproduction.source_workflow import leave_one_source_out as run_without_each
from lungscope.reproduction.workflow import ReproductionCallbacks, claim_folder, refuse_inside
from lungscope.text import format_quantity, html_table
from lungscope.training.execution import Device, Execution, Precision
from lungscope.training.fitting import FitCallbacks, check_initial_weights, fit
from lungscope.training.history import Epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE
from lungscope.training.run import RunFolder
from lungscope.training.teachers import check_teachers, open_teachers

log = logging.getLogger("lungscope")

Data = Index | DataPath
"""An index, or the folder of class folders or CSV table that one is read from, or several."""

OnEpoch = Callable[[Epoch], None]


def split(
    data: Data,
    *,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    hold_out: Sequence[str] = (),
    mapping: ClassMapping | None = None,
    seed: int = 0,
    skip_unreadable: bool = False,
    workers: int | None = None,
) -> Split:
    """Splits a data set into train, validation and test subsets, stratified and group-safe.

    Every file is read once. Images of one group (a patient), copies and near-duplicates are kept
    in one subset.

    Args:
        data: an index, a folder of class folders, or a CSV table; or several, whose classes are
            matched by name and whose groups are one namespace.
        fractions: proportion of each subset, each > 0, summing to 1.
        hold_out: sources (hospitals) that are the whole test subset, and in no other; the rest is
            divided as the fractions of training and validation are.
        mapping: classes of labels, e.g. {"COVID": "Viral Pneumonia"}; None leaves a label out.
        seed: of the random assignment.
        skip_unreadable: whether files that cannot be read are left out instead of refused.
        workers: processes that read files; one per processor by default.

    Raises:
        NotFound: there is no such folder or table.
        InvalidSetting: the fractions do not sum to 1, or a negative seed.
        InvalidData: files cannot be read, or a class has too few groups for three subsets.

    Examples:
        >>> import lungscope as ls
        >>> made = ls.split("xrays/", seed=0)
        >>> {subset: len(made.subset(subset)) for subset in ("train", "validation", "test")}
        {'train': 48, 'validation': 6, 'test': 6}
    """
    index = _index(data, mapping)
    survey = survey_images(index, workers)
    readable = require_readable(index, survey, skip=skip_unreadable)
    pairs = find_duplicates(survey)
    conflicts = label_conflicts(survey, pairs)
    if conflicts:
        log.warning(
            "%s; one of the labels of each is wrong: correct it and split again",
            describe_conflicts(conflicts),
        )
    if not hold_out:
        return make_split(readable, survey, fractions, seed, pairs)
    return hold_out_sources(readable, survey, hold_out, fractions, seed, pairs)


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
    index = _index(data, mapping)
    chosen = None if split is None else _split(index, split)
    place = Path(folder) if folder is not None else Path("runs") / recipe.model
    execution = Execution(device, precision)
    # a split reads every image, which may take minutes: refuse wrong settings before it, not after
    RunFolder.check_free(place, recipe, index.root, force=force)
    execution.check()
    check_initial_weights(recipe)
    opened = open_teachers(
        [each.folder if isinstance(each, Run) else each for each in teachers], recipe
    )
    chosen = _split(index, None) if chosen is None else chosen
    for warning in check_teachers(opened, chosen):
        log.warning("%s", warning)
    folders = [each.folder for each in opened]
    made = RunFolder.create(place, recipe, chosen, index.root, force, folders)
    with made.removed_if_nothing_trained():
        return _fit(made, index.root, execution, cache_folder, on_epoch)


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
        index = _index(on, label_column=label_column, min_classes=1)
        name = name_of(Path(on) if isinstance(on, str | Path) else index.root)
    place = model.folder if isinstance(model, Run) else model
    opened = open_model(place, _path(data), _accelerator(device))
    found = evaluate_on(
        opened,
        index,
        name,
        choose_folder(opened, name, _path(folder)),
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
    index, place = _index(data, mapping), Path(folder)
    for name in index.data_sets or (".",):
        if (index.root / name).is_dir():
            refuse_inside(place, index.root / name)
    plan = Plan(in_order(models), recipe, precision=precision)
    execution = Execution(device, precision)
    names = tuple(Path(name).name for name in index.data_sets) or (index.root.name,)
    environment = RunEnvironment(
        index.root, execution, _path(cache_folder), workers, force, DataArguments(names)
    )

    def survey() -> tuple[Index, Survey]:
        found = survey_images(index, workers)
        return require_readable(index, found, skip=skip_unreadable), found

    with claim_folder(place, plan, force=force):
        folds = load_or_make_folds(place, recipe.seed, survey, force=force)
        chosen = choose_folds(folds, sources)
        return run_without_each(plan, chosen, place, environment, ReproductionCallbacks())


@dataclass(frozen=True)
class Run:
    """A training in its folder, and what can be done with it.

    Attributes:
        folder: the run folder.

    Examples:
        >>> import lungscope as ls
        >>> run = ls.Run.open("runs/lung")
        >>> run.recipe.model
        'mobilenet-lung'
    """

    folder: Path

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Opens an existing run.

        Raises:
            NotFound: there is no run in this folder.
        """
        return cls(RunFolder.open(Path(folder)).folder)

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""
        return self._files.recipe

    @property
    def split(self) -> Split:
        """The images of its train, validation and test subsets."""
        return self._files.split

    @property
    def history(self) -> tuple[Epoch, ...]:
        """Its epochs so far, in order."""
        table = self._files.history
        return read_history(table) if table.is_file() else ()

    @property
    def finished(self) -> bool:
        """Whether its training ended; if not, `resume` continues it."""
        return bool(self._files.facts.get("finished"))

    @property
    def data(self) -> Path:
        """The folder that the files of its split are relative to."""
        return Path(self._files.facts["data"])

    @property
    def checkpoint(self) -> Checkpoint:
        """Its best epoch's model.

        Raises:
            NotFound: it has no checkpoint yet.
            ModelDamaged: the checkpoint is incomplete or altered.
        """
        return Checkpoint.load(self._files.checkpoint)

    def resume(
        self,
        *,
        data: str | Path | None = None,
        device: Device = "auto",
        precision: Precision = "32",
        cache_folder: str | Path | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> "Run":
        """Continues a training that was interrupted or killed.

        Args:
            data: the folder of the images; where they were by default.
            device: "auto", "cpu" or "cuda".
            precision: as for `train`.
            cache_folder: where decoded images are kept; the user's cache folder by default.
            on_epoch: called after each epoch.

        Raises:
            InvalidSetting: the run is finished.
            InUse: another process is training it.
        """
        folder = Path(data) if data is not None else self.data
        return _fit(self._files, folder, Execution(device, precision), cache_folder, on_epoch)

    def evaluate(
        self,
        subset: Subset = "test",
        *,
        data: str | Path | None = None,
        device: Device = "auto",
        cache_folder: str | Path | None = None,
        force: bool = False,
    ) -> RunEvaluation:
        """Evaluates its best checkpoint and writes metrics, predictions, figures and the report.

        Args:
            subset: "test", "validation" or "train". Only an evaluation on the test subset is shown
                in `report.html`.
            data: the folder of the images; where they were when it trained by default.
            device: "auto", "cpu" or "cuda".
            cache_folder: where decoded images are kept; the user's cache folder by default.
            force: whether an evaluation that is already there is replaced.

        Raises:
            AlreadyExists: it was evaluated on this subset, and `force` is off.
            InvalidData: the data is not the split's.
        """
        name = self._files.evaluation.name
        evaluated = evaluate_run(
            self._files,
            Path(data) if data is not None else self.data,
            self.folder / (name if subset == "test" else f"{name}-{subset}"),
            subset=subset,
            device=_accelerator(device),
            force=force,
            cache_folder=_path(cache_folder),
        )
        if subset == "test":
            write_report(self._files)
        return evaluated

    def audit(
        self,
        *,
        data: Data | None = None,
        device: Device = "auto",
        cache_folder: str | Path | None = None,
        workers: int | None = None,
        force: bool = False,
    ) -> AuditReport:
        """Audits its best checkpoint: shortcuts, sources, leaks, robustness, heatmaps.

        Args:
            data: the data set; where it was when it trained by default.
            device: "auto", "cpu" or "cuda".
            cache_folder: where decoded images are kept; the user's cache folder by default.
            workers: processes that read files; one per processor by default.
            force: whether an audit that is already there is replaced.

        Raises:
            AlreadyExists: it was audited, and `force` is off.
            InvalidData: the data is not the split's.
        """
        audited = audit_run(
            self._files,
            self.split.open_index(self.data) if data is None else _index(data),
            self._files.audit,
            device=_accelerator(device),
            force=force,
            workers=workers,
            cache_folder=_path(cache_folder),
        )
        write_report(self._files)
        return audited

    def export(
        self,
        folder: str | Path | None = None,
        *,
        ensemble: Sequence["Run | str | Path"] = (),
        precision: GraphPrecision = "fp32",
        flip: bool = False,
        use_gate: bool = True,
        data: str | Path | None = None,
        cache_folder: str | Path | None = None,
        force: bool = False,
    ) -> Classifier:
        """Exports its best checkpoint as a model that answers without torch.

        Args:
            folder: where; `export` in the run folder by default, and for an ensemble to be given.
            ensemble: further runs of the same classes and input size: one model answers with the
                mean of the probabilities of all.
            precision: "fp32", or "int8" for a quantised graph; of one run without `flip`.
            flip: whether the mean is also over each image and its mirror, which takes twice the
                time.
            use_gate: whether images must be upright frontal chest radiographs; False for other
                body parts.
            data: the folder of the images; where they were when it trained by default.
            cache_folder: where decoded images are kept; the user's cache folder by default.
            force: whether an exported model that is already there is replaced.

        Returns:
            The exported model, ready to predict.
        """
        if folder is None and ensemble:
            raise InvalidSetting("folder: an ensemble belongs to no run; give a folder for it")
        place = Path(folder) if folder is not None else self.folder / "export"
        export_runs(
            [
                RunFolder.open(each.folder if isinstance(each, Run) else each)
                for each in (self, *ensemble)
            ],
            Path(data) if data is not None else self.data,
            place,
            precision,
            flip=flip,
            use_gate=use_gate,
            force=force,
            cache_folder=_path(cache_folder),
        )
        return Classifier.load(place)

    def report(self) -> Path:
        """Redraws `report.html` and `model_card.md` from what is in the run; returns the page."""
        return write_report(self._files).page

    def __repr__(self) -> str:
        epochs = format_quantity(len(self.history), "epoch")
        return f"Run({str(self.folder)!r}: {self.recipe.model}, {epochs}, {self._state})"

    def _repr_html_(self) -> str:
        rows = [
            (
                each.epoch,
                f"{each.train_loss:.4f}",
                f"{each.validation_loss:.4f}",
                f"{each.validation_accuracy:.3f}",
            )
            for each in self.history
        ]
        header = ("epoch", "training loss", "validation loss", "validation accuracy")
        return html_table(header, rows, f"{self.recipe.model} in {self.folder}, {self._state}")

    @property
    def _state(self) -> str:
        return "finished" if self.finished else "unfinished"

    @property
    def _files(self) -> RunFolder:
        return RunFolder(self.folder)


def _index(
    data: Data,
    mapping: ClassMapping | None = None,
    label_column: str = LABEL,
    min_classes: int = MIN_CLASSES,
) -> Index:
    if not isinstance(data, Index):
        several = [data] if isinstance(data, str | Path) else data
        if not isinstance(several, Sequence) or not all(isinstance(e, str | Path) for e in several):
            raise InvalidSetting(
                f"data is {type(data).__name__}; give an Index, or the path of a folder or CSV "
                "table, or several"
            )
        data = Index.open(several, label_column, min_classes=min_classes)
    return data if mapping is None else relabel(data, mapping)


def _split(index: Index, given: Split | str | Path | None) -> Split:
    if given is None:
        return split(index)
    if isinstance(given, Split):
        return given
    if not isinstance(given, str | Path):
        raise InvalidSetting(
            f"split is {type(given).__name__}; give a Split, or the path of a split.json"
        )
    return Split.load(Path(given))


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _accelerator(device: Device) -> str:
    execution = Execution(device)
    execution.prepare()
    return execution.accelerator


def _fit(
    run: RunFolder,
    data: Path,
    execution: Execution,
    cache_folder: str | Path | None,
    on_epoch: OnEpoch | None,
) -> Run:
    def report(epoch: Epoch) -> None:
        log.info(
            "epoch %d: loss %.4f, accuracy %.3f; validation loss %.4f, accuracy %.3f; %.0f s",
            epoch.epoch,
            epoch.train_loss,
            epoch.train_accuracy,
            epoch.validation_loss,
            epoch.validation_accuracy,
            epoch.seconds,
        )
        if on_epoch is not None:
            on_epoch(epoch)

    fit(run, data, execution, _path(cache_folder), FitCallbacks(epoch=report))
    return Run(run.folder)
