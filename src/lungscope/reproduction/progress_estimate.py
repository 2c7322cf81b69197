"""How much of a reproduction is done, and how long the rest will take."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

from lungscope.models import get_architecture
from lungscope.models.cost import Cost
from lungscope.reproduction.job import Job
from lungscope.training.history import Epoch, best_epoch

_BACKWARD = 3
"""Work of a training step through all layers, as a multiple of the forward pass alone."""

_RECENT = 5
"""Number of latest epochs that are timed: the machine's load may have changed since the first."""


@dataclass(frozen=True)
class RunProgress:
    """Progress of a whole reproduction.

    Attributes:
        epochs: epochs done, with the fraction of the running one.
        expected_epochs: estimated number of epochs of all trainings when they are finished.
        remaining_seconds: estimated time left; None until an epoch has been timed.
    """

    epochs: float
    expected_epochs: int
    remaining_seconds: float | None


@dataclass(frozen=True)
class TrainingOutlook:
    """What is known about one training.

    Attributes:
        model: name of the architecture.
        work: work of an epoch, in any unit that all trainings share.
        max_epochs: number of epochs after which the training ends in any case.
        patience: number of epochs without a better validation accuracy after which it ends.
        history: the epochs so far.
        ended: whether there will be no more epochs: training is finished or was given up.
    """

    model: str
    work: float
    max_epochs: int
    patience: int
    history: tuple[Epoch, ...] = ()
    ended: bool = False


class ProgressEstimate:
    """Follows the trainings of a reproduction and estimates what is left."""

    def __init__(self, jobs: Iterable[Job], costs: Mapping[str, Cost]) -> None:
        self._outlooks: dict[Path, TrainingOutlook] = {
            job.folder: TrainingOutlook(
                model=job.model,
                work=_work(job.model, costs[job.model]),
                max_epochs=job.recipe.epochs,
                patience=job.recipe.patience,
                history=job.history,
                ended=job.trained,
            )
            for job in jobs
        }

    def record_epoch(self, job: Job) -> None:
        """Reads the epochs that a job has written so far."""
        self._outlooks[job.folder] = replace(self._outlooks[job.folder], history=job.history)

    def record_end(self, job: Job) -> None:
        """Records that a job will train no more epochs."""
        self._outlooks[job.folder] = replace(self._outlooks[job.folder], ended=True)

    def current(self, fraction: float = 0.0) -> RunProgress:
        """Computes the progress of all trainings together.

        Args:
            fraction: fraction of the running epoch that is done, in [0, 1].
        """
        outlooks = tuple(self._outlooks.values())
        done = sum(len(outlook.history) for outlook in outlooks)
        return RunProgress(
            done + fraction, total_epochs(outlooks), remaining_seconds(outlooks, fraction)
        )


def expected_epochs(outlook: TrainingOutlook, typical: float) -> int:
    """Estimates the number of epochs of a training when it is finished.

    The epochs that it had if it has ended; otherwise the typical number, but no fewer than
    `patience` after the best epoch so far and no more than the limit.

    Args:
        outlook: what is known about the training.
        typical: typical number of epochs; see `typical_epochs`.
    """
    if outlook.ended:
        return len(outlook.history)
    best = best_epoch(outlook.history).epoch if outlook.history else 0
    return min(outlook.max_epochs, max(best + outlook.patience, round(typical)))


def typical_epochs(outlooks: Sequence[TrainingOutlook]) -> float:
    """Computes the mean epochs of the trainings that ended.

    Before the first has ended it is twice the patience, which is a guess.
    """
    ended = [len(each.history) for each in outlooks if each.ended and each.history]
    return fmean(ended) if ended else fmean(2.0 * each.patience for each in outlooks)


def total_epochs(outlooks: Sequence[TrainingOutlook]) -> int:
    """Estimates the epochs of all trainings together."""
    typical = typical_epochs(outlooks)
    return sum(expected_epochs(each, typical) for each in outlooks)


def remaining_seconds(outlooks: Sequence[TrainingOutlook], fraction: float = 0.0) -> float | None:
    """Estimates the time until all trainings have ended.

    Further epochs of a model take as long as its epochs so far. The time of a model that has not
    run yet follows from its work, at the mean speed of the other models.

    Args:
        outlooks: all trainings.
        fraction: fraction of the running epoch that is done, in [0, 1].

    Returns:
        Seconds; None while no epoch has been timed, unless nothing is left to do.
    """
    typical = typical_epochs(outlooks)
    left = {
        number: max(0, expected_epochs(each, typical) - len(each.history))
        for number, each in enumerate(outlooks)
        if not each.ended
    }
    running = next((number for number, epochs in left.items() if epochs), None)
    if running is None:
        return 0.0
    times = _seconds_per_epoch(outlooks)
    if not times:
        return None
    speed = fmean(times[each.model] / each.work for each in outlooks if each.model in times)
    seconds = {
        number: times.get(outlooks[number].model, speed * outlooks[number].work) for number in left
    }
    total = sum(epochs * seconds[number] for number, epochs in left.items())
    return max(0.0, total - fraction * seconds[running])


def describe_remaining(seconds: float | None) -> str:
    """Formats an estimate roughly, e.g. "about 40 min left".

    Examples:
        >>> describe_remaining(2350)
        'about 40 min left'
        >>> describe_remaining(None)
        'time left unknown'
    """
    if seconds is None:
        return "time left unknown"
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute left"
    if minutes < 10:
        return f"about {math.ceil(minutes)} min left"
    if minutes < 95:
        return f"about {5 * math.ceil(minutes / 5)} min left"
    return f"about {math.ceil(minutes / 30) / 2:g} h left"


def _work(model: str, cost: Cost) -> float:
    all_layers = get_architecture(model).trained == "all"
    return cost.multiply_adds * (_BACKWARD if all_layers else 1)


def _seconds_per_epoch(outlooks: Sequence[TrainingOutlook]) -> dict[str, float]:
    times: dict[str, list[float]] = {}
    for each in outlooks:
        times.setdefault(each.model, []).extend(epoch.seconds for epoch in each.history)
    return {model: median(found[-_RECENT:]) for model, found in times.items() if found}
