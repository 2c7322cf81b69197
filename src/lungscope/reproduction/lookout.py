"""How far all trainings are together, while they run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lungscope.models import architecture
from lungscope.models.cost import Cost
from lungscope.reproduction.job import Job
from lungscope.reproduction.remaining import Outlook, epochs_in_all, seconds_left

_BACKWARD = 3
"""Work of a step through all layers over that of the forward pass alone."""


@dataclass(frozen=True)
class Standing:
    """How far a reproduction is.

    Attributes:
        epochs: that are done, the running one in part.
        expected: epochs at the end, as far as can be told now.
        seconds: until then; None where that can't be told yet.
    """

    epochs: float
    expected: int
    seconds: float | None


class Lookout:
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

    def standing(self, begun: float = 0.0) -> Standing:
        """How far everything is.

        Args:
            begun: share of the running epoch that is done, in [0, 1].
        """
        outlooks = tuple(self._outlooks.values())
        done = sum(len(outlook.history) for outlook in outlooks)
        return Standing(done + begun, epochs_in_all(outlooks), seconds_left(outlooks, begun))


def _work(model: str, cost: Cost) -> float:
    through_all_layers = architecture(model).trained == "all"
    return cost.multiply_adds * (_BACKWARD if through_all_layers else 1)
