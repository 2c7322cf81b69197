"""A row of the table: a model's numbers beside the paper's, or why there are none."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.models import get_architecture
from lungscope.models.cost import Cost
from lungscope.reproduction.aggregation import Aggregated, Metric, aggregate_folds, aggregate_seeds
from lungscope.reproduction.paper import TABLE_1, Published
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.runner import TrainedPart

State = Literal["complete", "unfinished", "not yet run", "weights not to be had", "failed"]
Verdict = Literal["inside", "above", "below"]


@dataclass(frozen=True)
class Problem:
    """Why a model, or one of its trainings, has no numbers.

    Attributes:
        state: of the row.
        reason: in one line.
    """

    state: Literal["weights not to be had", "failed"]
    reason: str


@dataclass(frozen=True)
class ResultRow:
    """A model's row.

    Attributes:
        model: name of the architecture.
        weights: "imagenet", "none" or a file's name: where training started from.
        state: how far it is.
        reason: what is to be said about the state, in one line.
        parts: names of the trainings that the numbers are of, e.g. ("seed-0",).
        wanted: how many trainings are planned.
        images, groups: tested.
        metrics: the numbers of Table I; nothing where no training is done.
        published: the paper's row; None for a model that is not in it.
        epochs: trained, of each training.
        best_epochs: the one that was tested, of each training.
        seconds: of all epochs, of each training.
        cost: parameters and work of the network.
    """

    model: str
    weights: str
    state: State
    reason: str | None
    parts: tuple[str, ...]
    wanted: int
    images: int
    groups: int
    metrics: Aggregated
    published: Published | None
    epochs: tuple[int, ...]
    best_epochs: tuple[int, ...]
    seconds: tuple[float, ...]
    cost: Cost

    @property
    def title(self) -> str:
        """The model's name as the paper spells it."""
        return get_architecture(self.model).title

    @property
    def pending(self) -> bool:
        """Whether the same command would go on with it."""
        return self.state in {"unfinished", "not yet run"}

    def verdict(self, metric: Metric) -> Verdict | None:
        """Where our interval lies against the paper's number.

        Returns:
            "inside" if the interval holds the paper's number, "above" or "below" if all of it is
            on that subset of it. None where there is nothing to compare: a model without numbers or
            not in the paper, or test images of one group, which have no interval.
        """
        if self.published is None or metric not in self.metrics or self.groups < 2:
            return None
        return compare_with_paper(self.metrics[metric].estimate, getattr(self.published, metric))

    def to_json(self) -> dict[str, Any]:
        """A JSON object with everything but the times."""
        paper = self.published
        return {
            "model": self.model,
            "title": self.title,
            "weights": self.weights,
            "state": self.state,
            "reason": self.reason,
            "trainings": {"done": self.parts, "wanted": self.wanted},
            "images": self.images,
            "groups": self.groups,
            "metrics": {
                metric: asdict(measured.estimate)
                | {
                    "each": measured.each,
                    "mean": measured.mean,
                    "standard_deviation": measured.deviation,
                    "published": None if paper is None else getattr(paper, metric),
                    "verdict": self.verdict(metric),
                }
                for metric, measured in self.metrics.items()
            },
            "published": None if paper is None else asdict(paper),
            "epochs": self.epochs,
            "best_epochs": self.best_epochs,
            "cost": asdict(self.cost),
        }


def compare_with_paper(estimate: Estimate, published: float) -> Verdict:
    """Where an interval lies against a number."""
    if estimate.low > published:
        return "above"
    return "below" if estimate.high < published else "inside"


def make_row(
    plan: Plan,
    model: str,
    cost: Cost,
    trained: Sequence[TrainedPart],
    begun: Mapping[str, int],
    problem: Problem | None = None,
) -> ResultRow:
    """Makes a row of what there is.

    Args:
        plan: of the reproduction.
        model: name of the architecture.
        cost: of its network.
        trained: its trainings that are done.
        begun: epochs so far of each training, by the names of their parts.
        problem: what kept one from being done.
    """
    try:
        measure = aggregate_seeds if plan.folds is None else aggregate_folds
        metrics = measure([each.predictions for each in trained]) if trained else {}
    except LungscopeError as error:
        metrics, trained, problem = {}, (), Problem("failed", str(error))
    state, reason = _state(plan, trained, begun, problem)
    pooled = trained if plan.folds is not None else trained[:1]
    return ResultRow(
        model=model,
        weights=plan.recipe.weights,
        state=state,
        reason=reason,
        parts=tuple(each.part.name for each in trained),
        wanted=len(plan.parts),
        images=sum(len(each.predictions.files) for each in pooled),
        groups=len({group for each in pooled for group in each.predictions.groups}),
        metrics=metrics,
        published=TABLE_1.get(model),
        epochs=tuple(len(each.history) for each in trained),
        best_epochs=tuple(each.best.epoch for each in trained),
        seconds=tuple(sum(epoch.seconds for epoch in each.history) for each in trained),
        cost=cost,
    )


def _state(
    plan: Plan, trained: Sequence[TrainedPart], begun: Mapping[str, int], problem: Problem | None
) -> tuple[State, str | None]:
    wanted, what = len(plan.parts), "seeds" if plan.folds is None else "folds"
    so_far = f"{len(trained)} of {wanted} {what}" if wanted > 1 else ""
    if len(trained) == wanted:
        return "complete", None
    if problem is not None:
        return problem.state, "; ".join(filter(None, (so_far if trained else "", problem.reason)))
    done = {each.part.title for each in trained}
    parts = {name: epochs for name, epochs in begun.items() if epochs and name not in done}
    if trained or parts:
        told = (f"{name}: {epochs} epochs so far" for name, epochs in parts.items())
        return "unfinished", "; ".join(filter(None, (so_far, *told)))
    return "not yet run", None
