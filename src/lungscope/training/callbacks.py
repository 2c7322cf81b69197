"""Callbacks of a training: its history, its progress bar, stopping after an epoch, checkpoints."""

import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lungscope.atomic import atomic_file
from lungscope.errors import ModelDamaged
from lungscope.figures.learning_curves import draw_learning_curves
from lungscope.training.history import COLUMNS, Epoch, write_history
from lungscope.training.loading import Batch, FeatureBatch
from lungscope.training.module import LungTraining
from lungscope.training.run import RunFolder

OnEpoch = Callable[[Epoch], None]


class HistoryWriter(Callback):
    """Writes `history.csv` and the learning curves after every epoch.

    The epochs are part of the callback's state in Lightning's checkpoint: a training that is
    resumed from the end of epoch n continues a history of exactly n rows.
    """

    def __init__(self, run: RunFolder, title: str, on_epoch: OnEpoch) -> None:
        self._run = run
        self._title = title
        self._on_epoch = on_epoch
        self._epochs: list[Epoch] = []
        self._began = time.perf_counter()
        self._learning_rate = float("nan")

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The epochs so far, those before a resumption among them."""
        return tuple(self._epochs)

    def state_dict(self) -> dict[str, Any]:
        """The epochs as plain data."""
        return {"epochs": [asdict(epoch) for epoch in self._epochs]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up the epochs of the training that is resumed."""
        self._epochs = [Epoch(**epoch) for epoch in state_dict["epochs"]]

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock and notes the learning rate: by the epoch's end it is the next one's."""
        self._began = time.perf_counter()
        self._learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds a row; validation has run by now."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._epochs.append(
            Epoch(
                epoch=trainer.current_epoch + 1,
                learning_rate=self._learning_rate,
                seconds=time.perf_counter() - self._began,
                **{name: metrics[name] for name in COLUMNS if name in metrics},
            )
        )
        write_history(self._run.history, self._epochs)
        draw_learning_curves(self._run.figures / "learning-curves.png", self._epochs, self._title)
        self._on_epoch(self._epochs[-1])


class EpochCheckpoint(ModelCheckpoint):
    """Lightning's checkpoint of an epoch, in a run folder that may have been moved or copied.

    Lightning stores the absolute paths of its files, and forgets which epoch was best where they
    are not those of today.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up where the training stood, with the files in today's folder."""
        folder = Path(str(self.dirpath))

        def here(path: str) -> str:
            return str(folder / Path(path).name) if path else path

        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved = {name: here(state_dict[name]) for name in paths}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(
            {**state_dict, **moved, "best_k_models": best, "dirpath": self.dirpath}
        )


class PatientStopping(EarlyStopping):
    """Lightning's early stopping, which a resumed training does not forget.

    Where a training was killed between its last epoch and the note that it is finished, Lightning
    would train one epoch more, and go on if that one is better.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Ends a training at once that had been stopped."""
        trainer.should_stop = trainer.should_stop or self.stopped_epoch > 0


class StopAfterEpoch(Callback):
    """Lets Ctrl-C end the training when the epoch is over; a second Ctrl-C ends it at once."""

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        self._on_interrupt = on_interrupt
        self._before: Any = None
        self.interrupted = False

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes over the signal."""
        self._before = signal.signal(signal.SIGINT, self._interrupt)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stops Lightning, if Ctrl-C was pressed."""
        trainer.should_stop = trainer.should_stop or self.interrupted

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Gives the signal back at the end of a training."""
        self.restore()

    def restore(self) -> None:
        """Gives the signal back; Lightning does not call `teardown` after a second Ctrl-C."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        self._on_interrupt()


class AtomicCheckpointIO(TorchCheckpointIO):
    """Saves beside the old checkpoint, syncs, and renames.

    Lightning's own writes to the system's temporary folder and moves the file; where that is
    another disk, a kill in the middle of the move leaves neither the old checkpoint nor the new.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Saves a checkpoint; the one that is there stays until the new one is on disk."""
        content = BytesIO()  # torch.save reports a full disk as a RuntimeError without a reason
        torch.save(checkpoint, content)
        with atomic_file(Path(path)) as temporary:
            temporary.write_bytes(content.getbuffer())

    def load_checkpoint(self, path: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Loads a checkpoint.

        Raises:
            ModelDamaged: the file is damaged.
        """
        try:
            return super().load_checkpoint(path, *arguments, **options)
        except Exception as error:  # torch.load documents no exceptions; all mean the same here
            raise ModelDamaged(f"{path}: is damaged; remove it to start this run again") from error


class EpochBar(Callback):
    """A bar over the training images of each epoch.

    It shows epoch, images, images/s, loss, accuracy and the time left in the epoch. The number
    of epochs is not shown: early stopping decides it.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]:>3}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} images"),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._began = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Shows a fresh bar."""
        self._began = time.perf_counter()
        self._progress.start()
        loader = trainer.train_dataloader
        self._task = self._progress.add_task(
            "training",
            total=len(loader.dataset) if loader is not None else None,
            epoch=trainer.current_epoch + 1,
            state="",
        )

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Batch | FeatureBatch,
        batch_idx: int,
    ) -> None:
        """Moves the bar on by a batch."""
        if self._task is None or not isinstance(pl_module, LungTraining):
            return
        done = self._progress.tasks[0].completed + len(batch.labels)
        speed = done / (time.perf_counter() - self._began)
        loss, accuracy = pl_module.train_loss.compute(), pl_module.train_accuracy.compute()
        self._progress.update(
            self._task,
            completed=done,
            state=f"{speed:.0f}/s  loss {loss:.4f}  accuracy {accuracy:.3f}",
        )

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Removes the complete bar; the line on the epoch follows."""
        self._progress.refresh()
        self._remove()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Removes the bar, so that the error message stands alone."""
        self._remove()

    def _remove(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._progress.stop()
