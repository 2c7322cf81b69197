"""What a finished job left: the network's own answers for the test images, and its epochs."""

from dataclasses import dataclass

from lungscope.errors import LungscopeError
from lungscope.evaluation.predictions import Predictions
from lungscope.inference.description import Description
from lungscope.reproduction.carrying_out import read_predictions
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
    """Reads the results of a job.

    Returns:
        None if it is not trained and evaluated to the end; a damaged table of predictions is as
        good as none, for carrying the job out mends it.

    Raises:
        LungscopeError: the run is damaged, or the evaluation is not of the split's test side.
    """
    damage = job.damage()
    if damage is not None:
        raise LungscopeError(damage)
    calibrated = read_predictions(job)
    if not job.trained or calibrated is None:
        return None
    description = Description.load(Run(job.folder).checkpoint / "model.json")
    tested = [(entry.file, entry.group) for entry in job.split.side("test")]
    if list(zip(calibrated.files, calibrated.groups, strict=True)) != tested:
        raise LungscopeError(
            f"{job.folder}: its evaluation is not of the test images; mend it with "
            f"`lungscope evaluate {job.folder} --force`"
        )
    return Trained(job.part, calibrated.tempered(1 / description.temperature), job.history)
