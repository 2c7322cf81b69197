"""How far all trainings are together, while they run."""

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
"""Work of a step through all layers over that of the forward pass alone."""


@dataclass(frozen=True)
class RunProgress:
    """How far a reproduction is.

    Attributes:
        epochs: that are done, the running one in part.
        expected: epochs at the end, as far as can be told now.
        seconds: until then; None where that can't be told yet.
    """

    epochs: float
    expected: int
    seconds: float | None


class ProgressEstimate:
    """Follows the trainings of a reproduction and estimates what is left."""

    def __init__(self, jobs: Iterable[Job], costs: Mapping[str, Cost]) -> None:
        self._outlooks: dict[Path, Outlook] = {
            job.folder: Outlook(
                model=job.model,
                work=_work(job.model, costs[job.model]),
                most=job.recipe.epochs,
                patience=job.recipe.patience,
                history=job.history,
                over=job.trained,
            )
            for job in jobs
        }

    def epoch_ended(self, job: Job) -> None:
        """Takes note of an epoch that a job has written down."""
        self._outlooks[job.folder] = replace(self._outlooks[job.folder], history=job.history)

    def ended(self, job: Job) -> None:
        """Takes note that a job takes no more epochs."""
        self._outlooks[job.folder] = replace(self._outlooks[job.folder], over=True)

    def standing(self, begun: float = 0.0) -> RunProgress:
        """How far everything is.

        Args:
            begun: share of the running epoch that is done, in [0, 1].
        """
        outlooks = tuple(self._outlooks.values())
        done = sum(len(outlook.history) for outlook in outlooks)
        return RunProgress(done + begun, epochs_in_all(outlooks), seconds_left(outlooks, begun))


def _work(model: str, cost: Cost) -> float:
    through_all_layers = get_architecture(model).trained == "all"
    return cost.multiply_adds * (_BACKWARD if through_all_layers else 1)


_RECENT = 5
"""Epochs whose times count: a machine may have become busier or idler since the first."""


@dataclass(frozen=True)
class Outlook:
    """What is known of one training.

    Attributes:
        model: name of the architecture.
        work: of an epoch, in any unit that all trainings share.
        most: epochs at which it ends in any case.
        patience: epochs without a better validation accuracy after which it ends.
        history: epochs so far.
        over: whether it takes no more epochs: trained to the end, or given up.
    """

    model: str
    work: float
    most: int
    patience: int
    history: tuple[Epoch, ...] = ()
    over: bool = False


def expected_epochs(outlook: Outlook, usual: float) -> int:
    """Epochs that a training will have had at its end.

    One that is over: those that it had. Else what is usual, though at least `patience` more than
    its best epoch so far and at most its limit.

    Args:
        outlook: on the training.
        usual: epochs of a training; see `usual_epochs`.
    """
    if outlook.over:
        return len(outlook.history)
    best = best_epoch(outlook.history).epoch if outlook.history else 0
    return min(outlook.most, max(best + outlook.patience, round(usual)))


def usual_epochs(outlooks: Sequence[Outlook]) -> float:
    """Mean epochs of those that are over; of none yet, twice the patience, which is a guess."""
    over = [len(each.history) for each in outlooks if each.over and each.history]
    return fmean(over) if over else fmean(2.0 * each.patience for each in outlooks)


def epochs_in_all(outlooks: Sequence[Outlook]) -> int:
    """Epochs that all trainings will have had."""
    usual = usual_epochs(outlooks)
    return sum(expected_epochs(each, usual) for each in outlooks)


def seconds_left(outlooks: Sequence[Outlook], begun: float = 0.0) -> float | None:
    """Seconds until all trainings are over.

    A model's epochs take as long as they took so far; those of one that has not run yet, as long
    as its work is at the mean speed of the others.

    Args:
        outlooks: on all trainings.
        begun: share of the running epoch that is done, in [0, 1].

    Returns:
        None while no epoch was timed, unless nothing is left to do.
    """
    usual = usual_epochs(outlooks)
    left = {
        number: max(0, expected_epochs(each, usual) - len(each.history))
        for number, each in enumerate(outlooks)
        if not each.over
    }
    running = next((number for number, epochs in left.items() if epochs), None)
    if running is None:
        return 0.0
    times = _seconds_an_epoch(outlooks)
    if not times:
        return None
    speed = fmean(times[each.model] / each.work for each in outlooks if each.model in times)
    seconds = {
        number: times.get(outlooks[number].model, speed * outlooks[number].work) for number in left
    }
    whole = sum(epochs * seconds[number] for number, epochs in left.items())
    return max(0.0, whole - begun * seconds[running])


def describe_remaining(seconds: float | None) -> str:
    """An estimate as a person says it: "about 40 min left"."""
    if seconds is None:
        return "time left not yet known"
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute left"
    if minutes < 10:
        return f"about {math.ceil(minutes)} min left"
    if minutes < 95:
        return f"about {5 * math.ceil(minutes / 5)} min left"
    return f"about {math.ceil(minutes / 30) / 2:g} h left"


def _seconds_an_epoch(outlooks: Sequence[Outlook]) -> dict[str, float]:
    times: dict[str, list[float]] = {}
    for each in outlooks:
        times.setdefault(each.model, []).extend(epoch.seconds for epoch in each.history)
    return {model: median(found[-_RECENT:]) for model, found in times.items() if found}
