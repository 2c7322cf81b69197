"""A live progress bar of each epoch on a terminal.

Lightning's own counts batches, numbers epochs from 0 and shows neither speed in images nor the loss
and accuracy so far.
"""

import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lungscope.training.loading import Batch
from lungscope.training.module import LungTraining


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
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Moves the bar on by a batch."""
        if self._task is None or not isinstance(pl_module, LungTraining):
            return
        done = self._progress.tasks[0].completed + len(batch[1])
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
