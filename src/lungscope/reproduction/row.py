"""A row of the table: what is measured of a model beside the paper's Table I, or why nothing is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.models import get_architecture
from lungscope.models.cost import Cost
from lungscope.reproduction.aggregation import Aggregated, Metric, aggregate_folds, aggregate_seeds
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.runner import TrainedPart
from lungscope.text import format_quantity

PAPER_TITLE = "arXiv 2408.13180"


@dataclass(frozen=True)
class Published:
    """A row of Table I.

    Attributes:
        loss: mean cross-entropy over the test images, in nats.
        accuracy: proportion of test images that are classified correctly, in [0, 1].
        precision, recall, f1: in [0, 1], weighted by class support.
        epochs: approximate number of training epochs; None if the paper does not state it.
        parameters: parameters of the original with 1,000 classes, in millions; None if the paper
            does not state them.
    """

    loss: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    epochs: int | None = None
    parameters: float | None = None


TABLE_1: Mapping[str, Published] = MappingProxyType(
    {
        "squeezenet": Published(0.8840, 0.6400, 0.7189, 0.6400, 0.5565, parameters=1.25),
        "vgg11": Published(0.5268, 0.8507, 0.8491, 0.8507, 0.8498, parameters=132.9),
        "resnet18": Published(0.3191, 0.8693, 0.8694, 0.8693, 0.8685, parameters=11.7),
        "densenet121": Published(0.3470, 0.8800, 0.8834, 0.8800, 0.8810, parameters=7.98),
        "mobilenet-v2": Published(0.3033, 0.8853, 0.8864, 0.8853, 0.8857, parameters=3.5),
        "mobilenet-ft": Published(0.2557, 0.9253, 0.9281, 0.9253, 0.9248, epochs=23),
        "mobilenet-lung": Published(0.2305, 0.9333, 0.9337, 0.9333, 0.9332, epochs=33),
    }
)
"""Table I by the names of the architectures here, in the paper's order."""

State = Literal["complete", "unfinished", "not-started", "weights-unavailable", "failed"]
Verdict = Literal["inside", "above", "below"]

STATE_WORDS: Mapping[State, str] = {
    "complete": "complete",
    "unfinished": "unfinished",
    "not-started": "not started",
    "weights-unavailable": "weights unavailable",
    "failed": "failed",
}


@dataclass(frozen=True)
class Problem:
    """Why a model, or one of its trainings, has no numbers.

    Attributes:
        state: the state of the row.
        reason: what went wrong, one line.
    """

    state: Literal["weights-unavailable", "failed"]
    reason: str


@dataclass(frozen=True)
class ResultRow:
    """A model's row.

    Attributes:
        model: name of the architecture.
        weights: initial weights: "imagenet", "none" or a file's name.
        state: how far the model's trainings are.
        reason: what went wrong, one line; None unless something did.
        parts: names of the trainings that are done, e.g. ("seed-0",).
        begun: epochs so far of the trainings that are not done, by name.
        wanted: number of trainings planned.
        images, groups: how many were tested.
        metrics: the metrics of Table I; empty if no training is done.
        published: the paper's row; None for a model that is not in the paper.
        epochs: number of epochs of each training that is done.
        best_epochs: the epoch that was tested, of each training that is done.
        seconds: duration of all epochs, of each training that is done.
        cost: parameters and work of the network.
        other_imagenet: SHA-256 of its ImageNet weights, if they are not torchvision's own file.
    """

    model: str
    weights: str
    state: State
    reason: str | None
    parts: tuple[str, ...]
    begun: Mapping[str, int]
    wanted: int
    images: int
    groups: int
    metrics: Aggregated
    published: Published | None
    epochs: tuple[int, ...]
    best_epochs: tuple[int, ...]
    seconds: tuple[float, ...]
    cost: Cost
    other_imagenet: str | None = None

    @property
    def title(self) -> str:
        """The model's name as the paper spells it."""
        return get_architecture(self.model).title

    @property
    def pending(self) -> bool:
        """Whether running the same command again would continue with this model."""
        return self.state in {"unfinished", "not-started"}

    def verdict(self, metric: Metric) -> Verdict | None:
        """Compares our interval with the paper's number.

        Returns:
            "inside" if the interval contains the paper's number, "above" or "below" if the whole
            interval is above or below it. None if there is nothing to compare: a model without
            numbers or not in the paper, or test images of one group, which have no interval.
        """
        if self.published is None or metric not in self.metrics or self.groups < 2:
            return None
        return compare_with_paper(self.metrics[metric].estimate, getattr(self.published, metric))

    def describe_state(self) -> str:
        """Describes a state other than "complete" in words.

        Returns:
            E.g. "unfinished (1 of 3 trainings done; seed 1: 4 epochs so far)".
        """
        details = []
        if self.wanted > 1 and (self.parts or self.begun):
            details.append(f"{len(self.parts)} of {self.wanted} trainings done")
        if self.reason is None:
            details += [
                f"{name.replace('-', ' ')}: {format_quantity(epochs, 'epoch')} so far"
                for name, epochs in self.begun.items()
            ]
        else:
            details.append(self.reason)
        words = STATE_WORDS[self.state]
        return f"{words} ({'; '.join(details)})" if details else words

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object with everything but the times."""
        paper = self.published
        return {
            "model": self.model,
            "title": self.title,
            "weights": self.weights,
            "other_imagenet": self.other_imagenet,
            "state": self.state,
            "reason": self.reason,
            "trainings": {"done": self.parts, "begun": dict(self.begun), "wanted": self.wanted},
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
    """Compares an interval with a published number.

    Examples:
        >>> compare_with_paper(Estimate(0.934, 0.900, 0.964), 0.9333)
        'inside'
        >>> compare_with_paper(Estimate(0.934, 0.900, 0.964), 0.8853)
        'above'
    """
    if estimate.low > published:
        return "above"
    return "below" if estimate.high < published else "inside"


def make_row(
    plan: Plan,
    model: str,
    cost: Cost,
    trained: Sequence[TrainedPart],
    epochs: Mapping[str, int],
    problem: Problem | None = None,
) -> ResultRow:
    """Creates a row from what is done so far.

    Args:
        plan: the plan of the reproduction.
        model: name of the architecture.
        cost: cost of its network.
        trained: the model's trainings that are done.
        epochs: epochs so far of each training, by the names of their parts.
        problem: what went wrong with one of them.
    """
    try:
        aggregate = aggregate_seeds if plan.folds is None else aggregate_folds
        metrics = aggregate([each.predictions for each in trained]) if trained else {}
    except LungscopeError as error:
        metrics, trained, problem = {}, (), Problem("failed", str(error))
    parts = tuple(each.part.name for each in trained)
    begun = {name: count for name, count in epochs.items() if count and name not in parts}
    complete = len(trained) == len(plan.parts)
    pooled = trained if plan.folds is not None else trained[:1]
    return ResultRow(
        model=model,
        weights=plan.recipe.weights,
        state=_state(problem, begun=bool(trained or begun), complete=complete),
        reason=None if problem is None or complete else problem.reason,
        parts=parts,
        begun=begun,
        wanted=len(plan.parts),
        images=sum(len(each.predictions.files) for each in pooled),
        groups=len({group for each in pooled for group in each.predictions.groups}),
        metrics=metrics,
        published=TABLE_1.get(model),
        epochs=tuple(len(each.history) for each in trained),
        best_epochs=tuple(each.best.epoch for each in trained),
        seconds=tuple(sum(epoch.seconds for epoch in each.history) for each in trained),
        cost=cost,
        other_imagenet=trained[0].other_imagenet if trained else None,
    )


def _state(problem: Problem | None, *, begun: bool, complete: bool) -> State:
    if complete:
        return "complete"
    if problem is not None:
        return problem.state
    return "unfinished" if begun else "not-started"
