"""A training in its folder, and what can be done with it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungscope.api.arguments import Data, find_accelerator, open_index, to_path
from lungscope.audit.audit_report import AuditReport
from lungscope.audit.run_audit import audit_run
from lungscope.data.split import Split, Subset
from lungscope.errors import InvalidSetting
from lungscope.evaluation.run_evaluation import RunEvaluation, evaluate_run
from lungscope.export.exporting import export_runs
from lungscope.export.parity import Precision as GraphPrecision
from lungscope.inference.classifier import Classifier
from lungscope.models.checkpoint import Checkpoint
from lungscope.report.run_report import write_report
from lungscope.text import format_quantity, html_table
from lungscope.training.execution import Device, Execution, Precision
from lungscope.training.fitting import FitCallbacks, fit
from lungscope.training.history import Epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

log = logging.getLogger("lungscope")

OnEpoch = Callable[[Epoch], None]


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
        return fit_run(self._files, folder, Execution(device, precision), cache_folder, on_epoch)

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
            device=find_accelerator(device),
            force=force,
            cache_folder=to_path(cache_folder),
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
            self.split.open_index(self.data) if data is None else open_index(data),
            self._files.audit,
            device=find_accelerator(device),
            force=force,
            workers=workers,
            cache_folder=to_path(cache_folder),
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
            cache_folder=to_path(cache_folder),
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


def fit_run(
    run: RunFolder,
    data: Path,
    execution: Execution,
    cache_folder: str | Path | None,
    on_epoch: OnEpoch | None,
) -> Run:
    """Trains a run, or continues it, and logs each epoch at level INFO.

    Args:
        run: its folder.
        data: the folder that the files of its split are relative to.
        execution: device and precision.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        on_epoch: called after each epoch.

    Raises:
        InvalidSetting: the run is finished.
        InUse: another process is training it.
    """

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

    fit(run, data, execution, to_path(cache_folder), FitCallbacks(epoch=report))
    return Run(run.folder)
