"""A reproduction: the paper's table made again, as one thing that can be written and reported."""

import shlex
from dataclasses import asdict, dataclass
from typing import Any

from lungscope.about import DISCLAIMER
from lungscope.audit.baselines import Baseline
from lungscope.data.split import GROUPED_BY, SUBSETS, Split
from lungscope.estimate import LEVEL
from lungscope.evaluation.bootstrap import DRAWS
from lungscope.models import list_architectures
from lungscope.reproduction.paper import PAPER_TITLE
from lungscope.reproduction.plan import Plan, in_order
from lungscope.reproduction.row import ResultRow
from lungscope.reproduction.splits import SPLIT
from lungscope.training.recipe import PAPER_RECIPE


@dataclass(frozen=True)
class ReproductionFigure:
    """A figure of the paper, made again.

    Attributes:
        file: relative to the reproduction's folder, with forward slashes.
        title: what it shows, with all labels of the plan.
        number: in the paper; None for a model that is not in it.
        model: whose learning curves it shows; None for figures of several or of none.
    """

    file: str
    title: str
    number: int | None
    model: str | None = None


@dataclass(frozen=True)
class Reproduction:
    """The paper's table and figures on one's own images.

    Attributes:
        plan: which models were trained how.
        splits: on what: one split, or one a fold.
        rows: of the table, in its order.
        pictures: that are drawn so far, in the paper's order.
        shortcuts: what classifiers without a view of the lung reach on the same split; none of
            folds.
        data: name of the data's folder or CSV; where it lies is nobody's business.
    """

    plan: Plan
    splits: tuple[Split, ...]
    rows: tuple[ResultRow, ...]
    pictures: tuple[ReproductionFigure, ...]
    shortcuts: tuple[Baseline, ...] = ()
    data: str = "DATA"

    @property
    def pending(self) -> bool:
        """Whether the same command would go on."""
        return any(row.pending for row in self.rows)

    @property
    def complete(self) -> bool:
        """Whether every model has all its numbers."""
        return all(row.state == "complete" for row in self.rows)

    @property
    def title(self) -> str:
        """What the table is, with every departure from the paper's recipe."""
        return "; ".join(("Table I, made again", *self.plan.labels))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the table must know, a sentence or two each."""
        return (
            self._data(),
            f"Intervals: {100 * LEVEL:.0f} %, bootstrap over groups of test images, {DRAWS} draws "
            "(Wilson's for shares of fewer than 10 groups); "
            "precision, recall and F1 are weighted by class support. Probabilities are the "
            "network's own, uncalibrated, as in the paper.",
            "Verdict: inside, if the paper's number lies in our interval; above or below, if all "
            f"of our interval lies above or below it. {PAPER_TITLE} gives no interval of its own, "
            "and its test images need not be ours.",
            self._repetitions(),
            *self._departures(),
            *(
                f"{row.title}: {row.state}" + (f" ({row.reason})." if row.reason else ".")
                for row in self.rows
                if row.state != "complete"
            ),
            *(f"{row.title} is not in the paper." for row in self.rows if row.published is None),
            DISCLAIMER,
        )

    def to_json(self) -> dict[str, Any]:
        """The content of `table1.json`: everything but times, the same whenever it is made."""
        split = self.splits[0]
        return {
            "format": "lungscope-table1",
            "version": 1,
            "paper": PAPER_TITLE,
            "title": self.title,
            "labels": self.plan.labels,
            "plan": self.plan.to_json(),
            "command": reproduce_command(self.plan, self.data),
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
            "pictures": [asdict(picture) for picture in self.pictures],
            "notes": self.notes,
        }

    def times(self) -> dict[str, Any]:
        """The content of `times.json`: seconds of training and validation, a training."""
        return {
            row.model: {
                part: {"epochs": epochs, "seconds": seconds}
                for part, epochs, seconds in zip(row.parts, row.epochs, row.seconds, strict=True)
            }
            for row in self.rows
        }

    def _data(self) -> str:
        split = self.splits[0]
        if self.plan.folds is not None:
            trained = sorted(len(each.subset("train")) for each in self.splits)
            images = [f"{count:,}" for count in trained]
            shares = [f"{100 * count / len(split.entries):.0f}" for count in trained]
            return (
                f"{len(split.entries):,} images, each tested once in {self.plan.folds} folds; kept "
                f"together: {GROUPED_BY[split.grouped_by]}. Each fold trains on {_span(images)} "
                f"images ({_span(shares)} %), the paper on 80 % of its own."
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
                f"{self.plan.folds} folds: numbers of all test images together; ± is the standard "
                "deviation over folds."
            )
        if self.plan.seeds > 1:
            return (
                f"{self.plan.seeds} seeds: means of the trainings; ± is the standard deviation "
                "over seeds."
            )
        return (
            "One training a model: how much another seed would change, no standard deviation says."
        )


def _span(texts: list[str]) -> str:
    first, last = texts[0], texts[-1]
    return first if first == last else f"{first} to {last}"


def reproduce_command(plan: Plan, data: str) -> str:
    """The command line that makes a plan's table, quoted for a shell.

    Args:
        plan: what was done; what is the default of `lungscope reproduce` is left out.
        data: name of the data's folder or CSV, without the folder that it lies in.

    Returns:
        E.g. "lungscope reproduce --data xrays --out OUT --seeds 3"; a split that was given is
        named as the copy of it that OUT keeps.
    """
    recipe = plan.recipe
    everything = in_order(each.name for each in list_architectures())
    options = {
        "--models": ",".join(plan.models) if plan.models != everything else None,
        "--weights": recipe.weights if recipe.weights != PAPER_RECIPE.weights else None,
        "--seeds": plan.seeds if plan.seeds > 1 else None,
        "--folds": plan.folds,
        "--budget": recipe.epochs if recipe.epochs != PAPER_RECIPE.epochs else None,
        "--seed": recipe.seed or None,
        "--precision": plan.precision if plan.precision != "32" else None,
        "--split": SPLIT if plan.split == "given" else None,
    }
    given = [str(word) for each in options.items() if each[1] is not None for word in each]
    return shlex.join(["lungscope", "reproduce", "--data", data, "--out", "OUT", *given])
