"""What a finished job left: the network's own answers for the test images, and its epochs."""

from dataclasses import dataclass

from lungscope.errors import LungscopeError
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import PREDICTIONS
from lungscope.models.description import Description
from lungscope.reproduction.carrying_out import EVALUATION
from lungscope.reproduction.job import Job
from lungscope.reproduction.plan import Part
from lungscope.training.history import Epoch, best_epoch
from lungscope.training.run import Run


@dataclass(frozen=True, eq=False)
class Trained:
    """A training and its test.

    Attributes:
        part: which of its model's trainings it is.
        predictions: of the test images, uncalibrated, as the paper's are.
        history: all epochs.
    """

    part: Part
    predictions: Predictions
    history: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The epoch that is tested."""
        return best_epoch(self.history)


def read_trained(job: Job) -> Trained | None:
    """Reads the results of a job; None if it is not trained and evaluated to the end.

    Raises:
        LungscopeError: a file is damaged, the model is of another split, or the evaluation is not
            of the split's test side.
    """
    table = job.folder / EVALUATION / PREDICTIONS
    if not job.trained or not table.is_file():
        return None
    description = Description.load(Run(job.folder).checkpoint / "model.json")
    if description.data_fingerprint != job.split.fingerprint:
        raise LungscopeError(
            f"{job.folder}: the checkpoint is of another split; train it anew with --force"
        )
    calibrated = Predictions.load(table)
    tested = [(entry.file, entry.group) for entry in job.split.side("test")]
    if list(zip(calibrated.files, calibrated.groups, strict=True)) != tested:
        raise LungscopeError(
            f"{job.folder}: its evaluation is not of the test images; mend it with "
            f"`lungscope evaluate {job.folder} --force`"
        )
    return Trained(job.part, calibrated.tempered(1 / description.temperature), job.history)
