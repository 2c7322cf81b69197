"""The result of a reproduction: the paper's table and figures on one's own images."""

import shlex
from dataclasses import asdict, dataclass
from typing import Any

from lungscope.about import DISCLAIMER
from lungscope.audit.baselines import Baseline
from lungscope.data.split import GROUPED_BY, SUBSETS, Split
from lungscope.estimate import LEVEL
from lungscope.evaluation.bootstrap import DRAWS
from lungscope.models import list_architectures
from lungscope.reproduction.aggregation import METRICS
from lungscope.reproduction.data_arguments import UNNAMED, DataArguments
from lungscope.reproduction.plan import Plan, in_order
from lungscope.reproduction.row import PAPER_TITLE, ResultRow
from lungscope.reproduction.splits import SPLIT
from lungscope.text import html_table
from lungscope.training.recipes import PAPER_RECIPE


@dataclass(frozen=True)
class ReproductionFigure:
    """A figure of the paper, reproduced.

    Attributes:
        file: path relative to the reproduction's folder, with forward slashes.
        title: what it shows, with all labels of the plan.
        number: number of the figure in the paper; None for a model that is not in the paper.
        model: the model whose learning curves it shows; None for the other figures.
    """

    file: str
    title: str
    number: int | None
    model: str | None = None


@dataclass(frozen=True, repr=False)
class Reproduction:
    """The paper's table and figures on one's own images.

    Attributes:
        plan: which models were trained and how.
        splits: one split, or one per fold.
        rows: the rows of the table, in its order.
        figures: the figures drawn so far, in the paper's order.
        shortcuts: accuracy on the same split of classifiers that do not see the lung; empty for
            folds.
        data: how the data were named on the command line.
    """

    plan: Plan
    splits: tuple[Split, ...]
    rows: tuple[ResultRow, ...]
    figures: tuple[ReproductionFigure, ...]
    shortcuts: tuple[Baseline, ...] = ()
    data: DataArguments = UNNAMED

    @property
    def pending(self) -> bool:
        """Whether running the same command again would continue."""
        return any(row.pending for row in self.rows)

    @property
    def complete(self) -> bool:
        """Whether every model has all its numbers."""
        return all(row.state == "complete" for row in self.rows)

    @property
    def title(self) -> str:
        """Title of the table, with every departure from the paper's recipe."""
        return "; ".join(("Table I, reproduced", *self.plan.labels))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes below the table, a sentence or two each."""
        return (
            self._data(),
            f"Intervals are {100 * LEVEL:.0f} % bootstrap intervals over groups of test images, "
            f"{DRAWS} draws (Wilson intervals for proportions of fewer than 10 groups). "
            "Precision, recall and F1 are weighted by class support. Probabilities are "
            "uncalibrated, as in the paper.",
            "Verdict: inside if our interval contains the paper's number; above or below if the "
            f"whole interval is above or below it. {PAPER_TITLE} gives no intervals, and its test "
            "images may differ from ours.",
            self._repetitions(),
            *self._departures(),
            *(
                f"{row.title}: {row.describe_state()}."
                for row in self.rows
                if row.state != "complete"
            ),
            *(
                f"{row.title} began with ImageNet weights that are not torchvision's own file "
                f"(SHA-256 {row.other_imagenet[:8]})."
                for row in self.rows
                if row.other_imagenet is not None
            ),
            *(f"{row.title} is not in the paper." for row in self.rows if row.published is None),
            DISCLAIMER,
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `table1.json`: everything but times, so that it is repeatable."""
        split = self.splits[0]
        return {
            "format": "lungscope-table1",
            "version": 2,
            "paper": PAPER_TITLE,
            "title": self.title,
            "labels": self.plan.labels,
            "plan": self.plan.to_json(),
            "command": format_command(self.plan, self.data),
            "data": {
                "classes": split.classes,
                "images": {subset: len(split.subset(subset)) for subset in SUBSETS},
                "grouped_by": split.grouped_by,
                "splits": [
                    {"description": each.description, "fingerprint": each.fingerprint}
                    for each in self.splits
                ],
            },
            "rows": [row.to_json() for row in self.rows],
            "shortcuts": [each.to_json() for each in self.shortcuts],
            "figures": [asdict(figure) for figure in self.figures],
            "notes": self.notes,
        }

    def times(self) -> dict[str, Any]:
        """Returns the content of `times.json`: seconds of training and validation by training."""
        return {
            row.model: {
                part: {"epochs": epochs, "seconds": seconds}
                for part, epochs, seconds in zip(row.parts, row.epochs, row.seconds, strict=True)
            }
            for row in self.rows
        }

    def __repr__(self) -> str:
        lines = [f"<Reproduction of {PAPER_TITLE} on {self.data.title}: {self.title}"]
        for row in self.rows:
            accuracy = row.metrics.get("accuracy")
            found = row.describe_state() if accuracy is None else f"accuracy {accuracy:.4f}"
            paper = "" if row.published is None else f", paper {row.published.accuracy:.4f}"
            lines.append(f"  {row.title}: {found}{paper}")
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        header = ("model", *METRICS, "accuracy in the paper", "verdict")
        rows = [
            (
                row.title if row.state == "complete" else f"{row.title}, {row.describe_state()}",
                *(f"{row.metrics[name]:.4f}" if name in row.metrics else "" for name in METRICS),
                "" if row.published is None else f"{row.published.accuracy:.4f}",
                row.verdict("accuracy") or "",
            )
            for row in self.rows
        ]
        return html_table(header, rows, caption=self.title)

    def _data(self) -> str:
        split = self.splits[0]
        if self.plan.folds is not None:
            trained = sorted(len(each.subset("train")) for each in self.splits)
            images = [f"{count:,}" for count in trained]
            percentages = [f"{100 * count / len(split.entries):.0f}" for count in trained]
            return (
                f"{len(split.entries):,} images, each tested once in {self.plan.folds} folds; kept "
                f"together: {GROUPED_BY[split.grouped_by]}. Each fold trains on {_span(images)} "
                f"images ({_span(percentages)} %), the paper on 80 % of its images."
            )
        subsets = ", ".join(f"{len(split.subset(subset)):,} {subset}" for subset in SUBSETS)
        groups = len({entry.group for entry in split.subset("test")})
        kept = GROUPED_BY[split.grouped_by]
        made = f"drawn with seed {split.seed}" if self.plan.split == "drawn" else "given as a file"
        return (
            f"{subsets} images ({groups:,} groups tested); kept together: {kept}. The "
            f"split was {made}."
        )

    def _departures(self) -> tuple[str, ...]:
        labels = self.plan.labels
        return (f"Departures from the paper's recipe: {'; '.join(labels)}.",) if labels else ()

    def _repetitions(self) -> str:
        if self.plan.folds is not None:
            return (
                f"{self.plan.folds} folds: metrics are of all test images together; ± is the "
                "standard deviation over folds."
            )
        if self.plan.seeds > 1:
            return (
                f"{self.plan.seeds} seeds: metrics are means over trainings; ± is the standard "
                "deviation over seeds."
            )
        return "One training per model: the variation between seeds was not measured."


def format_command(plan: Plan, data: DataArguments) -> str:
    """Formats the command line that carries out a plan, quoted for a shell.

    Args:
        plan: the plan; options with their default value are left out.
        data: how the data were named.

    Returns:
        The command; a split that was given is named as the copy that OUT holds.

    Examples:
        >>> format_command(Plan(("vgg11",), seeds=3), DataArguments(("xrays",)))
        'lungscope reproduce --data xrays --out OUT --models vgg11 --seeds 3'
    """
    recipe = plan.recipe
    all_models = in_order(each.name for each in list_architectures())
    options = {
        "--models": ",".join(plan.models) if plan.models != all_models else None,
        "--weights": recipe.weights if recipe.weights != PAPER_RECIPE.weights else None,
        "--seeds": plan.seeds if plan.seeds > 1 else None,
        "--folds": plan.folds,
        "--budget": recipe.epochs if recipe.epochs != PAPER_RECIPE.epochs else None,
        "--seed": recipe.seed or None,
        "--precision": plan.precision if plan.precision != "32" else None,
        "--split": SPLIT if plan.split == "given" else None,
    }
    given = [str(word) for each in options.items() if each[1] is not None for word in each]
    return shlex.join(["lungscope", "reproduce", *data.options, "--out", "OUT", *given])


def _span(texts: list[str]) -> str:
    first, last = texts[0], texts[-1]
    return first if first == last else f"{first} to {last}"
